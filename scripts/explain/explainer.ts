import { SECTION_NAMES } from "../../assembly/layout.ts";
import { byteString, envoy140, type Pair, type Profile, type RootContext, Vm } from "../../host-sim/index.ts";
import { type Names, parseNames } from "../farm/names.ts";
import { type Decision, decide, type Trail } from "../table/decide.ts";
import { Table } from "../table/decode.ts";
import { EMIT_KIND_NAMES, type EmitKind } from "../table/plan.ts";
import { withAllHeaders } from "./all-headers.ts";
import { headersOf, type Question } from "./question.ts";
import { why } from "./why.ts";

/** What became of a request. Every field but `status`, `headers` and `why` is null where it passed through. */
export interface Answer {
  /** Null, as `group` is, unless the wiki is in the table. */
  wiki: string | null;
  group: string | null;
  release: string | null;
  /** Without `php-`. */
  version: string | null;
  deployment: string | null;
  cluster: string | null;
  /** Code of a local reply, null where the request went on. */
  status: number | null;
  /** The farm's headers as upstream gets them, and no others. */
  headers: Record<string, string>;
  why: string;
}

/** The filter and the TypeScript reader differ: a bug of ours, never an answer. */
export class Disagreement extends Error {}

/** Answers questions by running the real filter on the table. */
export class Explainer {
  readonly table: Table;
  private readonly names: Names | null;
  private readonly headers: Record<EmitKind, string>;
  private readonly own: string[];
  private readonly root: RootContext;

  /** Throws TableError. */
  static async create(
    bytes: Uint8Array,
    filter: Uint8Array,
    profile: Profile = envoy140,
  ): Promise<Explainer> {
    return new Explainer(new Table(bytes), await Vm.load(filter, { profile }));
  }

  private constructor(table: Table, vm: Vm) {
    this.table = table;
    const names = table.section(SECTION_NAMES);
    this.names = names && parseNames(names);
    this.own = Array.from({ length: table.emitCount }, (_, i) => table.emit(i).name);
    const { bytes, headers } = withAllHeaders(table);
    this.headers = headers;
    // As base64: not every host takes bytes.
    this.root = vm.createRoot({ rootId: "explain", configuration: Buffer.from(bytes).toString("base64") });
    if (this.root.refused !== null)
      throw new Disagreement(`the filter refused the table: ${vm.logs.at(-1)?.text}`);
  }

  explain(question: Question): Answer {
    return this.ask(question).answer;
  }

  /** The answer, and the steps that the decoder took to it. */
  ask(question: Question): { answer: Answer; trail: Trail } {
    const result = this.root.request({ headers: headersOf(question) });
    if (result.trapped !== null) throw new Disagreement(`the filter trapped: ${result.trapped}`);
    const set = (kind: EmitKind) => headerValue(result.headers, this.headers[kind]);
    const { decision, trail } = decide(this.table, {
      authority: question.authority === null ? null : byteString(question.authority),
      target: byteString(question.path),
    });
    for (const kind of EMIT_KIND_NAMES) {
      const expected = decision?.[kind as keyof Decision] ?? null;
      if (set(kind) === expected) continue;
      const asked = JSON.stringify(question);
      throw new Disagreement(`${asked}: the filter says ${kind} ${set(kind)}, the decoder says ${expected}`);
    }
    const headers: Answer["headers"] = {};
    for (const name of this.own) {
      const value = headerValue(result.headers, name);
      if (value !== null) headers[name] = value;
    }
    const answer = {
      wiki: set("wiki"),
      group: set("group"),
      release: set("release"),
      version: set("version"),
      deployment: set("deployment"),
      cluster: set("cluster"),
      status: result.localReply?.status ?? null,
      headers,
      why: why(this.table, this.names, decision, trail),
    };
    return { answer, trail };
  }
}

/** All values of a header, joined as HTTP does; null where it is absent. */
function headerValue(headers: readonly Pair[], name: string): string | null {
  const values = headers.filter(([one]) => one === name).map(([, value]) => value);
  return values.length === 0 ? null : values.join(",");
}
