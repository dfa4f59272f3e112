// What asc makes of a plain module: it imports env.abort and env.seed, which no proxy offers.
export function proxy_abi_version_0_2_0(): void {}

export function malloc(size: usize): usize {
  return heap.alloc(size);
}

export function proxy_on_request_headers(_context: u32, headers: u32, _end: u32): u32 {
  if (headers > 3) throw new Error(`more than three headers: ${headers.toString()}`);
  return Math.random() < 2 ? 0 : 1;
}
