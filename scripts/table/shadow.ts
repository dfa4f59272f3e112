/** What a filter in shadow says of a request, in a header of its own: see `assembly/shadow.ts`. */

export const SHADOW_HEADER = "x-pointsman-shadow";

/** What would have become of the request. */
export type ShadowWord =
  | {
      kind: "route";
      cluster: string;
      /** null: no wiki decided, or the body would have said it. */
      wiki: string | null;
      release: string;
      /** The body would have said the wiki, which nobody waits for in shadow: the cluster is that of the default. */
      isOfBody: boolean;
    }
  | { kind: "reply"; status: number }
  | { kind: "pass" };

/** null: it is no such word. */
export function parseShadow(text: string): ShadowWord | null {
  if (text === "pass") return { kind: "pass" };
  const [, status] = /^reply=(\d{3})$/.exec(text) ?? [];
  if (status !== undefined) return { kind: "reply", status: Number(status) };
  const [, cluster, wiki, release, fromBody] =
    /^cluster=([^;]+)(?:;wiki=([^;]+))?;release=([^;]+)(;wiki-from=body)?$/.exec(text) ?? [];
  if (cluster === undefined || release === undefined) return null;
  return { kind: "route", cluster, wiki: wiki ?? null, release, isOfBody: fromBody !== undefined };
}
