/** Faults by rule: make a host call fail, or answer with hostile data. */

/** What a faulty call does instead of what it should. */
export type Fault =
  /** Answers this status (or errno) without doing anything. */
  | { readonly status: number }
  /** Succeeds, and gives these outputs instead of the real ones, in the order of the call's output parameters. */
  | { readonly outputs: readonly (Uint8Array | string | number | bigint)[] }
  /** Does its work, but the guest's allocator is not asked: the address given back is this one, of this size. */
  | { readonly hostilePointer: { readonly address: number; readonly size: number } }
  /** Traps the guest in the call. */
  | { readonly trap: string };

export interface FaultRule {
  /** A host call's name, `*` for all, or `allocate` for the guest's own allocator (only `status`: it gives 0). */
  readonly call: string;
  /** The n-th matching call alone, from 1. */
  readonly nth?: number;
  /** Each matching call with this probability (0–1), drawn from `Faults`' seed. */
  readonly probability?: number;
  readonly fault: Fault;
}

/** xorshift32: the same seed, the same faults, on every machine. */
function generator(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

export class Faults {
  readonly #rules: { readonly rule: FaultRule; seen: number }[];
  readonly #random: () => number;

  /** Without `nth` and `probability` a rule holds for every matching call; the first rule that holds decides. */
  constructor(rules: readonly FaultRule[], seed = 1) {
    this.#rules = rules.map((rule) => ({ rule, seen: 0 }));
    this.#random = generator(seed);
  }

  /** The fault for this call, if any; counts the call. */
  match(call: string): Fault | null {
    let found: Fault | null = null;
    for (const counted of this.#rules) {
      const { rule } = counted;
      if (rule.call !== call && (rule.call !== "*" || call === "allocate")) continue;
      counted.seen++;
      const holds =
        (rule.nth === undefined || rule.nth === counted.seen) &&
        (rule.probability === undefined || this.#random() < rule.probability);
      if (holds) found ??= rule.fault;
    }
    return found;
  }
}
