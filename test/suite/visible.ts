/** A case of the suite as a request to a real Envoy, and what can be seen of its answer. */
import { type SendOptions, send } from "../../scripts/envoy/request.ts";
import type { Seen } from "../../scripts/envoy/upstream.ts";
import { EMIT_KIND_NAMES, type EmitKind } from "../../scripts/plan.ts";
import type { Answer } from "../../scripts/table/request.ts";
import type { Case } from "./cases.ts";

/** The cluster of what passes through. */
export const FALLBACK = "pass-through";

/** What can be seen of an answer from outside. */
export interface Visible {
  status: number;
  /** Of the proxy's own answer. */
  body?: string;
  cluster?: string;
  host?: string | null;
  says?: Partial<Record<EmitKind, string>>;
  debug?: boolean;
}

export const show = (visible: Visible): string => JSON.stringify(visible);

export function seenOf(answer: Answer, one: Case): Visible {
  const own = one.target?.startsWith("http://") ? new URL(one.target).host : one.authority;
  if (answer.kind === "pass") return { status: 200, cluster: FALLBACK, host: own, says: {}, debug: false };
  if (answer.kind === "reply") return { status: answer.status, body: answer.body };
  const { cluster, release, wiki, group, version, deployment, host, debug } = answer;
  const all = { cluster, release, wiki, group, version, deployment };
  const says = Object.fromEntries(
    EMIT_KIND_NAMES.flatMap((kind) => (all[kind] === null ? [] : [[kind, all[kind]]])),
  );
  return { status: 200, cluster, host: host ?? own, says, debug };
}

export async function ask(
  port: number,
  one: Case,
  names: Record<EmitKind, string>,
  agent?: SendOptions["agent"],
): Promise<Visible> {
  const { authority: host, path, method, headers, body } = one;
  const response = await send({
    port,
    host,
    path,
    method,
    headers,
    ...(body !== undefined && { body }),
    ...(agent && { agent }),
  });
  if (response.status !== 200) return { status: response.status, body: response.body };
  const seen = JSON.parse(response.body) as Seen;
  const says = Object.fromEntries(
    EMIT_KIND_NAMES.flatMap((kind) =>
      seen.headers.filter(([name]) => name.toLowerCase() === names[kind]).map(([, value]) => [kind, value]),
    ),
  );
  const debug = response.headers.some(([name]) => name.toLowerCase() === "x-pointsman-cluster");
  return { status: 200, cluster: seen.cluster, host: seen.host, says, debug };
}

/** Through node:http, on 127.0.0.1, and with an answer that has a body. */
export function canBeSent({ authority, path, method, client }: Case): boolean {
  const isPlain = /^[A-Za-z0-9.:-]+$/.test(authority ?? "") && /^[\x21-\x7e]+$/.test(path);
  return isPlain && method !== "HEAD" && client === undefined;
}
