/** Ends the wait of a loop early. */
import { setTimeout as sleep } from "node:timers/promises";

/** Rung while nobody waits, it ends the next wait. */
export class Bell {
  private rung = false;
  private wake: (() => void) | null = null;

  ring(): void {
    this.rung = true;
    this.wake?.();
  }

  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.rung && !signal.aborted) {
      const over = new AbortController();
      this.wake = () => over.abort();
      await sleep(ms, undefined, { signal: AbortSignal.any([signal, over.signal]) }).catch(() => {});
      this.wake = null;
    }
    this.rung = false;
  }
}
