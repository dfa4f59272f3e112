// Reads, answers and changes a little of each message, in C by the raw calls; with a C library where there is one.
#include <stddef.h>
#include <stdint.h>

#define CALL(name) __attribute__((import_module("env"), import_name(#name))) uint32_t name
#define EXPORT(name) __attribute__((export_name(#name)))

CALL(proxy_log)(uint32_t, const char *, size_t);
CALL(proxy_get_header_map_value)(uint32_t, const char *, size_t, char **, size_t *);
CALL(proxy_replace_header_map_value)(uint32_t, const char *, size_t, const char *, size_t);
CALL(proxy_remove_header_map_value)(uint32_t, const char *, size_t);
CALL(proxy_send_local_response)(uint32_t, const char *, size_t, const char *, size_t, const char *, size_t, int32_t);

#define TEXT(text) text, sizeof(text) - 1

// What the host is given, until the next callback of a stream.
static char arena[1 << 16];
static size_t used;

EXPORT(malloc) void *malloc_for_host(size_t size) {
  if (used + size > sizeof arena) used = 0;
  char *given = arena + used;
  used += (size + 7) & ~(size_t)7;
  return given;
}

EXPORT(proxy_abi_version_0_2_1) void abi(void) {}

static void log_with(const char *before, size_t before_size, const char *text, size_t size) {
  char line[256];
  size_t at = 0;
  for (size_t i = 0; i < before_size && at < sizeof line; i++) line[at++] = before[i];
  for (size_t i = 0; i < size && at < sizeof line; i++) line[at++] = text[i];
  proxy_log(2, line, at);
}

EXPORT(proxy_on_request_headers) uint32_t on_request_headers(uint32_t id, uint32_t count, uint32_t end) {
  used = 0;
  char *value;
  size_t size;
  if (proxy_get_header_map_value(0, TEXT(":path"), &value, &size) == 0) log_with(TEXT("path "), value, size);
  if (proxy_get_header_map_value(0, TEXT("x-refuse"), &value, &size) == 0) {
    proxy_send_local_response(403, "", 0, TEXT("refused\n"), "", 0, -1);
    return 1;
  }
  proxy_replace_header_map_value(0, TEXT("x-guest"), TEXT("c"));
  proxy_remove_header_map_value(0, TEXT("x-two"));
  return 0;
}

EXPORT(proxy_on_request_body) uint32_t on_request_body(uint32_t id, uint32_t size, uint32_t end) {
  return end ? 0 : 1;
}

EXPORT(proxy_on_response_headers) uint32_t on_response_headers(uint32_t id, uint32_t count, uint32_t end) {
  used = 0;
  char *value;
  size_t size;
  if (proxy_get_header_map_value(2, TEXT(":status"), &value, &size) == 0) {
    log_with(TEXT("answer "), value, size);
    proxy_replace_header_map_value(2, TEXT("x-guest"), value, size);
  }
  return 0;
}

EXPORT(proxy_on_log) void on_log(uint32_t id) { proxy_log(2, TEXT("over")); }
