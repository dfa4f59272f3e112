#include <stdint.h>
#define EXPORT(name) __attribute__((export_name(#name)))
__attribute__((import_module("env"), import_name("proxy_log"))) uint32_t proxy_log(uint32_t, const char *, uint32_t);
EXPORT(proxy_abi_version_0_2_1) void abi(void) {}
static char arena[4096];
EXPORT(malloc) void *give(uint32_t size) { return arena; }
static int left(int n) {
  if (n > 3)
    __builtin_trap();
  return left(n + 1) + 1;
}
EXPORT(proxy_on_vm_start) int start(int root, int size) {
  proxy_log(2, "starts", 6);
  return left(0);
}
EXPORT(proxy_on_context_create) void create(int id, int parent) {}
EXPORT(proxy_on_configure) int configure(int id, int size) {
  return left(size);
}
