/** Two tables, and what changes from one to the other. */
import type { Opened } from "./opened.ts";

export function Compare({ opened }: { opened: Opened }) {
  return <p>{opened.name}</p>;
}
