// Texts of ours as bytes. AssemblyScript keeps its strings as UTF-16; what proxies are asked with, and told, is ASCII.

import { areEqual } from "./bytes";

/** Its length, then its bytes. Static: never freed. */
@unmanaged
export class Text {
  length: u32;

  /** Address of its bytes. */
  @inline
  get at(): usize {
    return changetype<usize>(this) + offsetof<Text>();
  }

  is(at: usize, length: u32): bool {
    return this.length == length && areEqual(this.at, at, length);
  }
}

/** `ascii("abc")`: the build has the literal's bytes lie in static memory, and their address here. */
export function ascii(data: usize): Text {
  return changetype<Text>(data);
}
