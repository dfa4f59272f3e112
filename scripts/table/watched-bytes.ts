/** A table's bytes that say which of them were read: what answered a look-up. */
import { TableBytes } from "./table-bytes.ts";

/** Bytes from `start` on, `end` not included. */
export interface Span {
  start: number;
  end: number;
}

export class WatchedBytes extends TableBytes {
  private seen: Span[] | null = null;

  /** Which bytes a look-up reads, in their order, and what it finds. */
  during<Found>(lookUp: () => Found): { found: Found; read: Span[] } {
    this.seen = [];
    try {
      const found = lookUp();
      return { found, read: joined(this.seen) };
    } finally {
      this.seen = null;
    }
  }

  override u8(at: number): number {
    this.seen?.push({ start: at, end: at + 1 });
    return super.u8(at);
  }

  override u16(at: number): number {
    this.seen?.push({ start: at, end: at + 2 });
    return super.u16(at);
  }

  override u32(at: number): number {
    this.seen?.push({ start: at, end: at + 4 });
    return super.u32(at);
  }

  protected override text(start: number, length: number): string {
    this.seen?.push({ start, end: start + length });
    return super.text(start, length);
  }
}

/** Spans in their order, each as long as it goes, none of them empty. */
export function joined(spans: readonly Span[]): Span[] {
  const out: Span[] = [];
  for (const { start, end } of [...spans].sort((a, b) => a.start - b.start)) {
    if (start === end) continue;
    const last = out.at(-1);
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
    else out.push({ start, end });
  }
  return out;
}
