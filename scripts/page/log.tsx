/** Where the requests of a log go. */
import type { Opened } from "./opened.ts";

export function Log({ opened }: { opened: Opened }) {
  return <p>{opened.name}</p>;
}
