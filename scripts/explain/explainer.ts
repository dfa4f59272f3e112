/** Answers questions by running the real filter on a table, and holds the TypeScript reader against it. */
import {
  byteString,
  byteStringOf,
  bytesOf,
  envoy140,
  type Pair,
  type Profile,
  type RootContext,
  Vm,
} from "../../host-sim/index.ts";
import { type Names, parseNames } from "../farm/names.ts";
import { EMIT_KIND_NAMES, type EmitKind } from "../plan.ts";
import { decide, findListener, type Trail } from "../table/decide.ts";
import type { Where } from "../table/request.ts";
import { Table } from "../table/table.ts";
import { withAllHeaders } from "./all-headers.ts";
import { pathInEnvoy } from "./envoy-path.ts";
import type { Decided } from "./ladder.ts";
import { headersOf, type Question } from "./question.ts";
import { why } from "./why.ts";
import { seenWithoutPseudoHeaders } from "./without-pseudo-headers.ts";

/** What became of a request. Where it passed through or was answered, nothing else is told of where it goes. */
export interface Explanation {
  /** Null, as `group` is, unless the wiki is in the table. */
  wiki: string | null;
  group: string | null;
  release: string | null;
  /** Without `php-`. */
  version: string | null;
  deployment: string | null;
  cluster: string | null;
  /** What Host is set to, null where it stays. */
  host: string | null;
  /** Code of a local reply, null where the request went on. */
  status: number | null;
  /** The farm's headers as upstream gets them, and no others. */
  headers: Record<string, string>;
  why: string;
}

/** What either of the two readers says of a request. */
export type Said = Omit<Explanation, "headers" | "why">;

export const SAID = ["status", ...EMIT_KIND_NAMES, "host"] as const satisfies (keyof Said)[];

/** A request by both readers. */
export interface Compared {
  /** The filter's. */
  answer: Explanation;
  /** How the decoder came to its answer; null where the proxy refuses the request itself. */
  decided: Decided | null;
  filter: Said;
  reader: Said;
  /** In what they differ, which is a bug of ours. */
  differences: (keyof Said)[];
}

/** The filter and the TypeScript reader differ: a bug of ours, never an answer. */
export class Disagreement extends Error {}

export interface ExplainerOptions {
  profile?: Profile;
  /** null: the farm's first. */
  listener?: string | null;
  /** The proxy is in a secondary data centre. */
  secondary?: boolean;
}

/** Answers questions by running the real filter on the table. */
export class Explainer {
  private readonly names: Names | null;
  private readonly headers: Record<EmitKind, string>;
  private readonly own: string[];
  private readonly root: RootContext;

  /** Throws TableError, and UnknownListener. */
  static async create(
    bytes: Uint8Array,
    filter: Uint8Array,
    options: ExplainerOptions = {},
  ): Promise<Explainer> {
    const { profile = envoy140, listener = null, secondary = false } = options;
    const table = new Table(bytes);
    const where = {
      listener: findListener(table, listener).name,
      secondary,
      bodiless: !profile.pseudoHeaders,
    };
    return new Explainer(table, await Vm.load(filter, { profile }), where, profile);
  }

  private constructor(
    readonly table: Table,
    vm: Vm,
    private readonly where: Where,
    private readonly profile: Profile,
  ) {
    this.names = table.names && parseNames(table.names);
    this.own = table.emit.map(({ name }) => name);
    const { bytes, headers } = withAllHeaders(table);
    this.headers = headers;
    // As JSON with base64: not every host takes bytes.
    const configuration = JSON.stringify({
      listener: where.listener ?? "",
      datacentre: "here",
      primary: where.secondary ? "there" : "here",
      table: btoa(byteStringOf(bytes)),
    });
    this.root = vm.createRoot({ configuration, allowOnHeadersStopIteration: true });
    if (this.root.refused !== null)
      throw new Disagreement(`the filter refused the table: ${vm.logs.at(-1)?.text}`);
  }

  explain(question: Question): Explanation {
    return this.ask(question).answer;
  }

  /**
   * The answer, and the steps that the decoder took to it; null where the proxy refuses the request itself.
   * Throws Disagreement.
   */
  ask(asked: Question): { answer: Explanation; trail: Trail | null } {
    const { answer, decided, filter, reader, differences } = this.compare(asked);
    for (const what of differences) {
      const [ours, theirs] = [filter[what], reader[what]];
      throw new Disagreement(
        `${JSON.stringify(asked)}: the filter says ${what} ${ours}, the decoder says ${theirs}`,
      );
    }
    return { answer, trail: decided?.trail ?? null };
  }

  /** What the filter says, and the decoder. Throws Disagreement where the filter traps. */
  compare(asked: Question): Compared {
    // Before the filter stands the Envoy that `render` writes.
    const reached = this.profile.resolvesPaths ? pathInEnvoy(byteString(asked.path)) : asked.path;
    if (reached === null) return refused(REFUSED);
    const question = { ...asked, path: reached };
    const seen = this.profile.pseudoHeaders ? question : seenWithoutPseudoHeaders(this.profile, question);
    if ("status" in seen) return refused({ ...REFUSED, ...seen });
    const { authority, path, method, body, client } = seen;
    const bytes = body === null ? null : byteString(body);
    const result = this.root.request({
      headers: headersOf(question),
      ...(bytes !== null && { body: bytesOf(bytes) }),
      properties: { "source.address": client === null ? "" : peerOf(client) },
    });
    if (result.trapped !== null) throw new Disagreement(`the filter trapped: ${result.trapped}`);
    const request = {
      authority: authority === null ? null : byteString(authority),
      target: byteString(path),
      method: byteString(method),
      headers: Object.entries(seen.headers).flatMap(([name, values]) =>
        values.map((value) => [name, byteString(value)] as const),
      ),
      body: bytes,
      client,
    };
    const { answer: expected, trail } = decide(this.table, request, this.where);
    const route = expected.kind === "route" ? expected : null;
    const status = result.localReply?.status ?? null;
    const set = (kind: EmitKind) =>
      status === null ? headerValue(result.headers, this.headers[kind]) : null;
    const filter: Said = {
      wiki: set("wiki"),
      group: set("group"),
      release: set("release"),
      version: set("version"),
      deployment: set("deployment"),
      cluster: set("cluster"),
      host: route?.host ? headerValue(result.headers, ":authority") : null,
      status,
    };
    const {
      wiki = null,
      group = null,
      release = null,
      version = null,
      deployment = null,
      cluster = null,
    } = route ?? {};
    const reader: Said = {
      ...{ wiki, group, release, version, deployment, cluster },
      host: route?.host ?? null,
      status: expected.kind === "reply" ? expected.status : null,
    };
    const headers: Explanation["headers"] = {};
    for (const name of status === null ? this.own : []) {
      const value = headerValue(result.headers, name);
      if (value !== null) headers[name] = value;
    }
    return {
      answer: { ...filter, headers, why: why(this.table, this.names, expected, trail) },
      decided: { request, where: this.where, answer: expected, trail },
      filter,
      reader,
      differences: SAID.filter((what) => filter[what] !== reader[what]),
    };
  }
}

function refused(answer: Explanation): Compared {
  return { answer, decided: null, filter: answer, reader: answer, differences: [] };
}

/** What becomes of a path that Envoy cannot normalise; no filter sees it. */
const REFUSED: Explanation = {
  ...{ wiki: null, group: null, release: null, version: null, deployment: null, cluster: null, host: null },
  status: 400,
  headers: {},
  why: "Envoy refuses the path before any filter: a fragment, %00, a blank, a control character or a bare byte",
};

/** All values of a header, joined as HTTP does; null where it is absent. */
function headerValue(headers: readonly Pair[], name: string): string | null {
  const values = headers.filter(([one]) => one === name).map(([, value]) => value);
  return values.length === 0 ? null : values.join(",");
}

/** As Envoy says who is at the other end, with a port. */
export function peerOf(client: string): string {
  return client.includes(":") ? `[${client}]:0` : `${client}:0`;
}
