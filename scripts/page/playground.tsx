/** Where one request goes, and why. */
import type { Opened } from "./opened.ts";

export function Playground({ opened }: { opened: Opened }) {
  return <p>{opened.name}</p>;
}
