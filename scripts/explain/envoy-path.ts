/**
 * What the Envoy that `render` writes makes of a request's target before the filter sees it. With `normalize_path` that
 * is what Chromium makes of a URL's path (url_canon_path.cc): dot segments are resolved, letters and digits decoded,
 * and some marks encoded. The query stays as it is, and so do `//` and `%2F`.
 */

/**
 * Bytes beyond ASCII: HTTP/1 has none in a target, and HTTP/2 none in a query; in the path they are encoded.
 *
 * @param target characters are bytes
 * @returns null for one that Envoy refuses with a 400
 */
export function pathInEnvoy(target: string): string | null {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (/[\x00-\x20\x7f]|\?.*[\x80-\xff]/.test(target)) return null;
  if (!target.startsWith("/")) return target;
  if (target.includes("#")) return null;
  const [path] = target.split("?", 1) as [string];
  if (path.includes("%00")) return null;
  return new Canonical(path).out + target.slice(path.length);
}

/** Decoded where they are percent-encoded. */
const PLAIN = /[0-9A-Za-z_~-]/;
/** Encoded where they are not; `/`, `.`, `%` and `\` are looked at one by one. */
const ENCODED = /["<>^`{|}\x80-\xff]/;
const HEX = /^[0-9A-Fa-f]{2}$/;

class Canonical {
  out = "";
  /** Where in `out` the last `%` stands that began no escape; below all others at first. */
  private loosePercent = Number.NEGATIVE_INFINITY;

  constructor(private readonly path: string) {
    for (let i = 0; i < path.length; ) i = this.step(i);
  }

  /** @returns where to go on */
  private step(i: number): number {
    const { path } = this;
    const char = path[i]!;
    const dot = this.dot(i);
    if (dot > 0) return this.dots(i + dot);
    if (char === "%") return this.percent(i);
    if (char === "\\") this.out += "/";
    else this.out += ENCODED.test(char) ? `%${char.charCodeAt(0).toString(16).toUpperCase()}` : char;
    return i + 1;
  }

  /** @param i after the first dot */
  private dots(i: number): number {
    if (this.out.endsWith("/")) {
      if (this.isEnd(i)) return i + 1;
      const second = this.dot(i);
      if (second > 0 && this.isEnd(i + second)) {
        this.out = this.out.slice(0, Math.max(1, this.out.lastIndexOf("/", this.out.length - 2) + 1));
        return i + second + 1;
      }
    }
    this.out += ".";
    return i;
  }

  /** Characters of the dot that stands there, plain or encoded. */
  private dot(i: number): number {
    if (this.path[i] === ".") return 1;
    return this.path.slice(i, i + 3).toLowerCase() === "%2e" ? 3 : 0;
  }

  private isEnd(i: number): boolean {
    return i === this.path.length || this.path[i] === "/" || this.path[i] === "\\";
  }

  private percent(i: number): number {
    const digits = this.path.slice(i + 1, i + 3);
    if (!HEX.test(digits)) {
      this.loosePercent = this.out.length;
      this.out += "%";
      return i + 1;
    }
    const decoded = String.fromCharCode(Number.parseInt(digits, 16));
    if (PLAIN.test(decoded)) {
      this.out += decoded;
      this.guardLoosePercent(this.path[i + 3] ?? "");
    } else this.out += `%${digits}`;
    return i + 3;
  }

  /** What was decoded must not make an escape with a loose `%` before it: `%4%31` is `%2541`. */
  private guardLoosePercent(next: string): void {
    const { out, loosePercent: at } = this;
    if (at < out.length - 3) return;
    const isShort = at === out.length - 2;
    if (HEX.test((isShort ? out + next : out).slice(at + 1, at + 3)))
      this.out = `${out.slice(0, at + 1)}25${out.slice(at + 1)}`;
  }
}
