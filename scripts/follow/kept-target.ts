/** One target of this node: brings it a table, remembers what became of that, and tries again where that may help. */
import { Refusal } from "../refusal.ts";
import { reason } from "../sources/reason.ts";
import { isSame, type Version } from "../store/stages.ts";
import type { Table } from "../table/table.ts";
import { DoesNotFit, HasNewer, type Target } from "../targets/target.ts";

/**
 * - `has`: it has what it is to have.
 * - `newer`: somebody else put a newer table there, which stays.
 * - `refuses`: it would refuse the table.
 * - `failed`: the table cannot be brought there now; that is tried again.
 * - `lacks`: not tried yet.
 */
export type TargetState = "has" | "newer" | "refuses" | "failed" | "lacks";

const AGAIN_MS = 1_000;
const AGAIN_AT_MOST_MS = 60_000;

export class KeptTarget {
  state: TargetState = "lacks";
  /** Of `newer`, `refuses` and `failed`. */
  why: string | null = null;
  /** What it has; null: none, or not the same one everywhere. */
  has: Version | null = null;
  writes = 0;
  failures = 0;
  private wanted: Version | null = null;
  private failuresInARow = 0;
  private notBefore = 0;
  /** Whether its proxy was told of what is there, where it has to be. */
  private isTold: boolean;

  constructor(
    readonly target: Target,
    private readonly say: (line: string) => void,
  ) {
    // Who ran before us may have died between the file and the proxy's reload.
    this.isTold = !target.isTold;
  }

  /** Looks what is there. @returns whether it lacks what it is to have, and it is time to bring that */
  look(wanted: Version): boolean {
    if (!isSame(this.wanted, wanted)) {
      this.wanted = wanted;
      this.failuresInARow = 0;
      this.notBefore = 0;
      if (this.state !== "newer" && this.state !== "failed") this.state = "lacks";
    }
    const has = this.target.has();
    this.has = has && { generation: has.generation, digest: has.digest };
    if (isSame(this.has, wanted) && this.isTold) {
      this.become("has");
      return false;
    }
    return Date.now() >= this.notBefore;
  }

  /** Nothing is written. @returns whether it can be brought */
  async check(table: Table): Promise<boolean> {
    try {
      await this.target.check(table);
      return true;
    } catch (error) {
      this.failed(error);
      return false;
    }
  }

  write(table: Table): void {
    try {
      this.isTold = !this.target.isTold;
      const said = this.target.write(table);
      this.isTold = true;
      this.writes++;
      this.has = { generation: table.generation, digest: table.digest };
      this.failuresInARow = 0;
      this.become("has");
      this.say(`${this.target.name}: generation ${table.generation}: ${said}`);
    } catch (error) {
      this.failed(error);
    }
  }

  /** What is there is brought once more: its proxy does not serve it. */
  bringAgain(): void {
    this.isTold = false;
    this.notBefore = 0;
  }

  /** It cannot be brought now. */
  cannot(why: string): void {
    this.failures++;
    this.notBefore = Date.now() + Math.min(AGAIN_MS * 2 ** this.failuresInARow++, AGAIN_AT_MOST_MS);
    this.become("failed", why);
  }

  /** Where it failed: when it is tried again. */
  get again(): number | null {
    return this.state === "failed" ? this.notBefore : null;
  }

  private failed(error: unknown): void {
    if (error instanceof HasNewer) this.become("newer", error.message);
    else if (error instanceof DoesNotFit) this.become("refuses", error.message);
    else if (error instanceof Refusal) this.cannot(error.message);
    else if (error instanceof Error && "syscall" in error)
      this.cannot(`${(error as NodeJS.ErrnoException).path ?? this.target.name}: ${reason(error, "write")}`);
    else throw error;
  }

  /** What is so already is not said again. */
  private become(state: TargetState, why: string | null = null): void {
    const { name } = this.target;
    if (state === "newer" && this.why !== why) this.say(`${name}: left as it is: ${why}`);
    if (state === "failed" && this.why !== why) this.say(`${name}: not written, and tried again: ${why}`);
    if (state === "has" && this.state === "failed") this.say(`${name}: can be written again`);
    this.state = state;
    this.why = why;
  }
}
