/** Forms of path that carry a wiki, out of the farm's `hosts`: each once, however many hosts have it. */
import type { PathForm } from "../plan.ts";
import { type Problems, quote } from "../sources/problem.ts";
import type { Farm, Path } from "./farm.ts";
import type { HostRule } from "./schema.ts";

/** A capture, or a name that stands there; `.` and `..` are no names. */
const SEGMENTS = /^(?:\/(?:\{[a-z]+\}|(?!\.\.?(?:\/|$))[^/{}?#%\s]+))+\/?$/;

export class PathForms {
  readonly list: PathForm[] = [];
  /** Of each, which rule of the farm it comes from. */
  readonly places: string[] = [];
  private readonly numbers = new Map<string, number>();

  constructor(
    private readonly farm: Farm,
    private readonly problems: Problems,
  ) {}

  /** `path: /{site}/{lang}`, `wiki: "{lang}{site}"`: the form's number, made where there is none like it yet. */
  number(rule: HostRule, path: Path): number | null {
    const form = this.read(rule, path);
    if (form === null) return null;
    const key = JSON.stringify(form);
    const known = this.numbers.get(key);
    if (known !== undefined) return known;
    const number = this.list.push(form) - 1;
    this.numbers.set(key, number);
    this.places.push(this.farm.shortPlace([...path, keyOf(rule)]));
    return number;
  }

  private read(rule: HostRule, path: Path): PathForm | null {
    const text = rule.path ?? rule.target!;
    const where = this.farm.place([...path, keyOf(rule)]);
    if (rule.path !== undefined && rule.target !== undefined) {
      this.problems.add(where, "a wiki is carried in the `path` or in the raw `target`, not in both");
    }
    const names = text.replace(/^\/|\/$/g, "").split("/");
    const captures = names.map((name) => /^\{([a-z]+)\}$/.exec(name)?.[1] ?? null);
    if (!SEGMENTS.test(text) || captures.every((capture) => capture === null)) {
      const what =
        "must be captures between slashes, names beside them or not, as `/{site}/{lang}`, `/w/{wiki}/`";
      this.problems.add(where, what);
      return null;
    }
    const named = captures.filter((capture) => capture !== null);
    if (new Set(named).size < named.length) this.problems.add(where, `${quote(text)} has a capture twice`);
    const parts = [...rule.wiki.matchAll(/\{([a-z]+)\}/g)].map((match) => captures.indexOf(match[1]!));
    if (!/^(\{[a-z]+\})+$/.test(rule.wiki) || parts.includes(-1)) {
      this.problems.add(
        this.farm.place([...path, "wiki"]),
        `must be made of the captures in ${quote(text)} alone`,
      );
      return null;
    }
    return {
      target: rule.target !== undefined,
      segments: names.map((name, i) => (captures[i] === null ? name : null)),
      closed: text.endsWith("/"),
      parts,
      dashes: rule.dashes === "underscores",
      lower: rule.case === "lower",
      replacements: this.replacements(rule, text, captures, path),
    };
  }

  private replacements(
    rule: HostRule,
    text: string,
    captures: readonly (string | null)[],
    path: Path,
  ): PathForm["replacements"] {
    return Object.entries(rule.replace ?? {}).flatMap(([capture, texts]) => {
      const segment = captures.indexOf(capture);
      const where = [...path, "replace", capture];
      if (segment === -1) {
        this.problems.add(this.farm.place(where, "key"), `${quote(text)} has no capture ${quote(capture)}`);
      }
      return Object.entries(texts).map(([from, to]) => {
        if (rule.case === "lower" && from !== from.toLowerCase()) {
          const what = `is never there, as \`case: lower\` comes first: write ${quote(from.toLowerCase())}`;
          this.problems.add(this.farm.place([...where, from], "key"), `${quote(from)} ${what}`);
        }
        return { segment, from, to };
      });
    });
  }
}

function keyOf(rule: HostRule): "path" | "target" {
  return rule.path !== undefined ? "path" : "target";
}
