/** A rule's predicates as a condition in Lua. */
import type { Predicate, Rule } from "../scripts/plan.ts";
import { quote, table } from "./lua-text.ts";

/** A test that compares a text with values. */
type TextTest = Exclude<Predicate["test"], "address" | "present" | "option" | "share">;

export class Predicates {
  /** Tables that the conditions look values up in. */
  readonly sets: string[] = [];

  /** Locals for the headers that these rules look at, where they are not read yet. */
  readHeaders(rules: readonly Rule[], read: Set<string>, indent: string): string {
    let text = "";
    const when = rules.flatMap((rule) => rule.when);
    if (when.some(({ subject, test }) => subject === "client" || test === "share") && !read.has("client")) {
      read.add("client");
      text += `${indent}local client = handle:streamInfo():downstreamRemoteAddress()\n`;
      text += `${indent}client = match(client, "^%[(.*)%]:%d+$") or match(client, "^(.*):%d+$") or client\n`;
    }
    for (const { subject, ...rest } of when) {
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
    if (one.test === "share") return this.share(one);
    switch (one.subject) {
      case "host":
        // Something, then the suffix.
        if (one.test === "suffix")
          return any(one.values, (v) => `(#host > ${v.length} and ${this.text("host", "suffix", [v])})`);
        return this.text("host", one.test, one.values);
      case "path":
        return this.text("path", one.test, one.values);
      case "method":
        return this.text(local(":method"), one.test, one.values);
      case "header":
        return this.header(one);
      case "cookie":
      case "query":
        return this.member(one);
      case "client":
        return any(one.values, (v) => starts("digits(client)", v));
    }
  }

  private share(one: Extract<Predicate, { test: "share" }>): string {
    let text = "nil";
    if (one.subject === "header") text = local(one.name);
    if (one.subject === "cookie")
      text = `${local("cookie")} and cookie(${local("cookie")}, ${quote(one.name)}, 1)`;
    return `is_in_share(${text}, client, ${quote(one.salt)}, ${one.share})`;
  }

  private text(text: string, test: TextTest, values: readonly string[]): string {
    switch (test) {
      case "exact":
        return this.equals(text, values);
      case "prefix":
        return any(values, (v) => starts(text, v));
      case "suffix":
        return any(values, (v) => `sub(${text}, -${v.length}) == ${quote(v)}`);
      case "under":
        return any(
          values,
          (v) => `(${starts(text, v)} and (#${text} == ${v.length} or byte(${text}, ${v.length + 1}) == 47))`,
        );
      case "contains":
        return any(values, (v) => `find(${text}, ${quote(v)}, 1, true)`);
    }
  }

  private header(one: Exclude<Extract<Predicate, { subject: "header" }>, { test: "share" }>): string {
    const name = local(one.name);
    switch (one.test) {
      case "present":
        return name;
      case "exact":
        return this.equals(name, one.values);
      case "option":
        return `(${name} and ${this.equals(`option(${name}, ${quote(one.option)})`, one.values)})`;
      default:
        return `(${name} and ${this.text(name, one.test, one.values)})`;
    }
  }

  /** Of a cookie or a parameter. */
  private member(
    one: Exclude<Extract<Predicate, { subject: "cookie" | "query" }>, { test: "share" }>,
  ): string {
    const [text, reader] = one.subject === "cookie" ? [local("cookie"), "cookie"] : ["query", "parameter"];
    const some = one.subject === "cookie" ? `${text} and ` : `query ~= "" and `;
    // The name as it stands, first: most queries and cookies do not have it in any form.
    const there = `(${some}${one.subject === "cookie" ? `find(${text}, ${quote(one.name)}, 1, true)` : `(find(query, ${quote(one.name)}, 1, true) or find(query, "[%%.+[]"))`})`;
    const value = `${reader}(${text}, ${quote(one.name)}, 1)`;
    switch (one.test) {
      case "present":
        return `(${there} and ${value} ~= nil)`;
      case "exact":
        return `(${there} and ${this.equals(value, one.values)})`;
      case "prefix":
        return `(${there} and ${any(one.values, (v) => starts(`(${value} or "")`, v))})`;
    }
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
