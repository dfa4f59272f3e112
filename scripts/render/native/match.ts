/** A rule's predicates as what Envoy can ask of a request's headers, `:path`, `:method` and `:authority` among them. */
import { type Predicate, SHARE_WHOLE } from "../../plan.ts";
import { anyOf, cookieRegex, optionRegex, parameterRegex, pathRegex, quoted, type Regex } from "./regex.ts";

/** Of a request's header; a text is compared whole but for `prefix` and `contains`. */
export interface Match {
  header: string;
  test: { exact: string } | { prefix: string } | { contains: string } | { regex: string } | "present";
  not: boolean;
}

/** Of one predicate: whether it holds for every request that comes here, or what to ask; `string`: why it cannot be said. */
export type Said = boolean | Match | string;

type HostPredicate = Extract<Predicate, { subject: "host" }>;

/** Of the hosts of one place. */
export type HostTest = (predicate: HostPredicate) => Said;

/** @param hostTest knows more of the host than the predicate says */
export function said(predicate: Predicate, hostTest: HostTest): Said {
  const holds = positive(predicate, hostTest);
  if (!predicate.not || typeof holds === "string") return holds;
  return typeof holds === "boolean" ? !holds : { ...holds, not: true };
}

function positive(predicate: Predicate, hostTest: HostTest): Said {
  if (predicate.subject === "host") return hostTest(predicate);
  if (predicate.test === "share") {
    if (predicate.share === SHARE_WHOLE || predicate.share === 0) return predicate.share > 0;
    return "a share is cut by a hash";
  }
  switch (predicate.subject) {
    case "client":
      return "it asks for the client's network";
    case "path":
      return regex(":path", pathRegex(predicate.test, predicate.values));
    case "query": {
      const values = predicate.test === "present" ? [] : predicate.values;
      return regex(":path", parameterRegex(predicate.name, predicate.test, values));
    }
    case "cookie": {
      const values = predicate.test === "present" ? [] : predicate.values;
      return regex("cookie", cookieRegex(predicate.name, predicate.test, values));
    }
    case "method":
      return text(":method", predicate.test, predicate.values);
    case "header":
      if (predicate.test === "present") return { header: predicate.name, test: "present", not: false };
      if (predicate.test === "option")
        return regex(predicate.name, optionRegex(predicate.option, predicate.values));
      return text(predicate.name, predicate.test, predicate.values);
  }
}

function regex(header: string, regex: Regex): Said {
  if (regex === null) return "no expression says its name or value";
  if (regex === false) return false;
  return { header, test: { regex }, not: false };
}

function text(header: string, test: "exact" | "prefix" | "contains", values: readonly string[]): Said {
  // A header that is not there would be taken for an empty one.
  if (values.includes("")) return "a value is empty";
  const [value] = values;
  if (values.length === 1)
    return { header, test: { [test]: value } as Exclude<Match["test"], "present">, not: false };
  const any = anyOf(values.map(quoted));
  const [before, after] = { exact: ["", ""], prefix: ["", "\\C*"], contains: ["\\C*", "\\C*"] }[test];
  return regex(header, before + any + after);
}

/** As Envoy's route table has it. */
export function headerMatcher({ header, test, not }: Match): object {
  if (test === "present") return { name: header, present_match: true, ...(not && { invert_match: true }) };
  const matcher = "regex" in test ? { safe_regex: { regex: test.regex } } : test;
  return {
    name: header,
    string_match: matcher,
    // Else a request without the header is none without the value.
    ...(not && { invert_match: true, treat_missing_header_as_empty: true }),
  };
}
