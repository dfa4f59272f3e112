/** Which table under which number, as xDS carries it. */
import type { Version } from "../store/stages.ts";

/** `version_info`: what a proxy tells of itself at the beginning of its next stream. */
export function showVersion({ generation, digest }: Version): string {
  return `${generation}-${digest}`;
}

/** null: it is none of ours. */
export function parseVersion(text: string): Version | null {
  const [, generation, digest] = /^(\d{1,10})-([0-9a-f]{32})$/.exec(text) ?? [];
  return generation === undefined ? null : { generation: Number(generation), digest: digest! };
}
