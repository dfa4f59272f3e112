/** An ASCII literal as bytes in memory, as they come from a proxy. */
export function bytesOf(literal: string): usize {
  const at = heap.alloc(literal.length + 1);
  for (let i = 0; i < literal.length; i++) store<u8>(at + i, <u8>literal.charCodeAt(i));
  return at;
}

export function textAt(at: usize, length: i32): string {
  return String.UTF8.decodeUnsafe(at, length);
}
