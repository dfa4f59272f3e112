/** Train board: groups, versions and releases. */
import type { Opened } from "./opened.ts";

export function Board({ opened }: { opened: Opened }) {
  return <p>{opened.name}</p>;
}
