/** A question for other tools: as a curl command, and as a case of the suite. */
import type { Question } from "../explain/question.ts";
import type { Answer } from "../table/request.ts";

/** For a shell: what is between single quotes is itself. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** curl sends the path as it is; the client's address is its own machine's. */
export function asCurl({ authority, path, method, headers, body }: Question): string {
  const words = ["curl", "--path-as-is"];
  if (method !== (body === null ? "GET" : "POST")) words.push("-X", quoted(method));
  for (const [name, values] of Object.entries(headers))
    for (const value of values) words.push("-H", quoted(value === "" ? `${name};` : `${name}: ${value}`));
  if (body !== null && !Object.hasOwn(headers, "content-type")) words.push("-H", quoted("content-type:"));
  if (body !== null) words.push("--data-raw", quoted(body));
  words.push(quoted(`https://${authority ?? ""}${path}`));
  return words.join(" ");
}

/**
 * A line of `cases` of test/suite.
 *
 * @param primary the answer in the primary data centre, and `secondary` elsewhere
 */
export function asSuiteCase(
  { authority, path, method, headers, body, client }: Question,
  listener: string | null,
  { primary, secondary, why }: { primary: Answer; secondary: Answer; why: string },
): string {
  const fields: [string, unknown][] = [["ask", `${method} ${authority ?? ""}${path}`]];
  if (!path.startsWith("/")) {
    fields[0] = ["ask", `${method} ${authority ?? ""}/`];
    fields.push(["target", path]);
  }
  const named = Object.entries(headers).map(([name, values]) => [
    name,
    values.length === 1 ? values[0] : values,
  ]);
  if (named.length > 0) fields.push(["headers", Object.fromEntries(named)]);
  if (body !== null) fields.push(["body", body]);
  if (client !== null) fields.push(["client", client]);
  if (listener !== null) fields.push(["at", listener]);
  if (primary.kind === "pass") fields.push(["pass", true]);
  if (primary.kind === "reply") fields.push(["status", primary.status], ["says", primary.body]);
  if (primary.kind === "route") {
    fields.push(["to", primary.deployment]);
    if (secondary.kind === "route" && secondary.deployment !== primary.deployment)
      fields.push(["secondary", secondary.deployment]);
    if (primary.wiki !== null) fields.push(["wiki", primary.wiki]);
    fields.push(["release", primary.release], ["cluster", primary.cluster]);
    if (primary.host !== null) fields.push(["host", primary.host]);
    if (primary.debug) fields.push(["debug", true]);
  }
  fields.push(["why", why]);
  // JSON is YAML.
  return `- { ${fields.map(([name, value]) => `${name}: ${JSON.stringify(value)}`).join(", ")} }`;
}
