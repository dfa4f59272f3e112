/** A rule's predicates as a condition in Lua. */
import type { Predicate, Rule } from "../scripts/plan.ts";
import { quote, table } from "./lua-text.ts";

export class Predicates {
  /** Tables that the conditions look values up in. */
  readonly sets: string[] = [];

  /** Locals for the headers that these rules look at, where they are not read yet. */
  readHeaders(rules: readonly Rule[], read: Set<string>, indent: string): string {
    let text = "";
    for (const { subject, ...rest } of rules.flatMap(({ when }) => when)) {
      const name =
        subject === "header" && "name" in rest
          ? rest.name
          : subject === "cookie"
            ? "cookie"
            : subject === "method"
              ? ":method"
              : null;
      if (name === null || read.has(name)) continue;
      read.add(name);
      text += `${indent}local ${local(name)} = headers:get(${quote(name)})\n`;
    }
    return text;
  }

  all(when: readonly Predicate[]): string {
    if (when.length === 0) return "true";
    return when.map((one) => (one.not ? `not (${this.holds(one)})` : this.holds(one))).join(" and ");
  }

  private holds(one: Predicate): string {
    if (one.test === "address") return "address";
    if (one.subject === "host") {
      return one.test === "exact"
        ? this.equals("host", one.values)
        : any(one.values, (v) => `(#host > ${v.length} and sub(host, -${v.length}) == ${quote(v)})`);
    }
    if (one.subject === "path") {
      if (one.test === "exact") return this.equals("path", one.values);
      if (one.test === "prefix") return any(one.values, (v) => starts("path", v));
      return any(
        one.values,
        (v) => `(${starts("path", v)} and (#path == ${v.length} or byte(path, ${v.length + 1}) == 47))`,
      );
    }
    if (one.subject === "method") {
      return one.test === "exact"
        ? this.equals(local(":method"), one.values)
        : any(one.values, (v) => starts(local(":method"), v));
    }
    if (one.subject === "header") {
      const name = local(one.name);
      if (one.test === "present") return name;
      if (one.test === "exact") return this.equals(name, one.values);
      if (one.test === "option")
        return `(${name} and ${this.equals(`option(${name}, ${quote(one.option)})`, one.values)})`;
      const test =
        one.test === "prefix"
          ? (v: string) => starts(name, v)
          : (v: string) => `find(${name}, ${quote(v)}, 1, true)`;
      return `(${name} and ${any(one.values, test)})`;
    }
    const [text, reader] = one.subject === "cookie" ? [local("cookie"), "cookie"] : ["query", "parameter"];
    const some = one.subject === "cookie" ? `${text} and ` : `query ~= "" and `;
    // The name as it stands, first: most queries and cookies do not have it in any form.
    const there = `(${some}${one.subject === "cookie" ? `find(${text}, ${quote(one.name)}, 1, true)` : `(find(query, ${quote(one.name)}, 1, true) or find(query, "%", 1, true))`})`;
    if (one.test === "present") return `(${there} and ${reader}(${text}, ${quote(one.name)}, 1) ~= nil)`;
    const value = `${reader}(${text}, ${quote(one.name)}, 1)`;
    if (one.test === "exact") return `(${there} and ${this.equals(value, one.values)})`;
    return `(${there} and ${any(one.values, (v) => starts(`(${value} or "")`, v))})`;
  }

  private equals(text: string, values: readonly string[]): string {
    if (values.length <= 2) return any(values, (v) => `${text} == ${quote(v)}`);
    const name = `SET${this.sets.length + 1}`;
    this.sets.push(
      table(
        name,
        values.map((v) => `[${quote(v)}] = true`),
      ),
    );
    return `${name}[${text} or ""]`;
  }
}

function any<T>(values: readonly T[], test: (value: T) => string): string {
  return values.length === 1 ? test(values[0]!) : `(${values.map(test).join(" or ")})`;
}

function starts(text: string, value: string): string {
  return `sub(${text}, 1, ${value.length}) == ${quote(value)}`;
}

/** The name of the local with a header's value. */
function local(header: string): string {
  return `h_${header.replaceAll(/[^a-z0-9]/g, "_")}`;
}
