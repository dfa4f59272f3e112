/** Asks the filter and the TypeScript reader, as each listener of the opened table. */
import { type Compared, Explainer } from "../explain/explainer.ts";
import { ladderOf, type Rung } from "../explain/ladder.ts";
import type { Question } from "../explain/question.ts";
import { type AskedAt, whereOf } from "../explain/where.ts";
import { filter } from "../filter.ts";
import { decide } from "../table/decide.ts";
import { asSuiteCase } from "./as-other-tools.ts";
import type { Opened } from "./opened.ts";
import { type Fields, questionOf } from "./question-form.ts";

export interface Answered {
  question: Question;
  compared: Compared;
  /** Empty where the proxy refuses the request itself. */
  rungs: Rung[];
  /** null where the proxy refuses the request itself: it is none for the suite. */
  suiteCase: string | null;
}

export class Asker {
  /** By listener and data centre: each is a VM. */
  private readonly explainers = new Map<string, Promise<Explainer>>();

  constructor(readonly opened: Opened) {}

  /** Rejects with an Error for the user. */
  async ask(fields: Fields): Promise<Answered> {
    const question = questionOf(fields);
    const compared = (await this.explainer(askedAt(fields))).compare(question);
    const { decided } = compared;
    if (decided === null) return { question, compared, rungs: [], suiteCase: null };
    const { table, raw, names } = this.opened;
    const [primary, secondary] = [false, true].map(
      (isSecondary) => decide(table, decided.request, { ...decided.where, secondary: isSecondary }).answer,
    );
    const { listener } = decided.where;
    const answers = { primary: primary!, secondary: secondary!, why: compared.answer.why };
    return {
      question,
      compared,
      rungs: ladderOf(table, raw, names, decided),
      suiteCase: asSuiteCase(question, listener, answers),
    };
  }

  /** A listener's, in a data centre. Rejects with an Error for the user. */
  explainer(at: AskedAt): Promise<Explainer> {
    const { table } = this.opened;
    const where = whereOf(table, at);
    const key = JSON.stringify(where);
    const known = this.explainers.get(key) ?? Explainer.create(table.bytes, filter, where);
    this.explainers.set(key, known);
    return known;
  }
}

/** What is left out is not known. */
function askedAt({ listener, datacentre, primary }: Fields): AskedAt {
  return {
    ...(listener !== "" && { listener }),
    datacentre: datacentre || undefined,
    primary: primary || undefined,
  };
}
