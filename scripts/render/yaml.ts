/** YAML as we write it. */
import { dump } from "js-yaml";

/** A table is a line, which would be folded; and what occurs twice is written twice, for people to read. */
export function toYaml(document: unknown): string {
  return dump(document, { lineWidth: -1, noRefs: true });
}
