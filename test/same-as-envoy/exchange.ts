/** One generated request with the upstream's response, and what is compared of what became of it. */
import type { Pair } from "../../host-sim/index.ts";

/** Strings are bytes, one character each. */
export interface Exchange {
  /** The request's `x-request-id`: Envoy would make one of its own for a request without. */
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly host: string;
  /** As the client writes them, without host, id, script and what frames the body. */
  readonly headers: readonly Pair[];
  /** Pieces of the body, each written when the guest has seen the last. */
  readonly body: readonly string[];
  /** How the client frames its body; a chunked one has no content-length. */
  readonly framing: "length" | "chunked";
  /** The guest's script, see `test/same-as-envoy/guest/script.ts`. */
  readonly script: string;
  readonly response: HttpResponse;
  /** What the guest's own calls get; default: CALLED. */
  readonly answer?: HttpResponse;
  /** The client sends all of its body before the guest gets any answer or tick. */
  readonly impatient?: boolean;
  /** The client hangs up when the guest has held its request for good. */
  readonly abandoned?: boolean;
}

/** What the upstream answers to whatever comes with the exchange's id. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: readonly Pair[];
  readonly body: readonly string[];
}

/** A request as an upstream got it. */
export interface Received {
  readonly cluster: string;
  readonly method: string;
  readonly path: string;
  readonly headers: readonly Pair[];
  readonly body: string;
}

/** What became of an exchange. */
export interface Outcome {
  /** In the order of their arrival: HTTP calls of the guest and the request itself. */
  readonly upstream: readonly Received[];
  /** null where the client got no whole answer. */
  readonly client: {
    readonly status: number;
    readonly headers: readonly Pair[];
    readonly body: string;
  } | null;
  /** What the guest logged, `level text`. */
  readonly logs: readonly string[];
}

/** Resolves when the guest has seen what was sent last, and has had what it asked for; or when it is over. */
export type Seen = (isOver: () => boolean) => Promise<void>;

/** The header in which the guest finds its script. */
export const SCRIPT = "x-script";

const plain = { method: "GET", path: "/", host: "wiki.example", headers: [], body: [], script: "" } as const;
const ok: HttpResponse = { status: 200, headers: [["content-type", "text/plain"]], body: ["hello"] };

/** What the upstream answers to the guest's own calls, whose path starts with CALL. */
export const CALLED: HttpResponse = {
  status: 200,
  headers: [
    ["x-called", "1"],
    ["Content-Length", "8"],
  ],
  body: ["answered"],
};
export const CALL = "/call";

/** A plain GET, but for what is given. */
export function exchange(id: string, given: Partial<Omit<Exchange, "id">> = {}): Exchange {
  return { ...plain, framing: "length", response: ok, ...given, id };
}

/** All that the client sends, in order. */
export function sentHeaders({ id, host, headers, body, framing, method, script }: Exchange): Pair[] {
  return [
    ["Host", host],
    ...headers,
    ["X-Request-Id", id],
    ...(script === "" ? [] : ([["X-Script", script]] as const)),
    ...frame(method, body, framing),
  ];
}

/** Node would frame what has no frame: a request that could have a body says that it has none. */
function frame(method: string, body: readonly string[], framing: Exchange["framing"]): Pair[] {
  if (bodiless.has(method) && body.length === 0) return [];
  if (framing === "chunked" && body.length > 0) return [["Transfer-Encoding", "chunked"]];
  return [["Content-Length", `${body.join("").length}`]];
}

const bodiless: ReadonlySet<string> = new Set(["GET", "OPTIONS"]);

export const isChunked = ({ headers, body }: HttpResponse): boolean =>
  body.length > 0 && !headers.some(([name]) => name.toLowerCase() === "content-length");

/** All that the upstream sends, in order. */
export function responseHeaders(response: HttpResponse): Pair[] {
  const chunked: Pair[] = isChunked(response) ? [["Transfer-Encoding", "chunked"]] : [];
  return [...response.headers, ["Connection", "keep-alive"], ...chunked];
}
