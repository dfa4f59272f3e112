/** The answers that proxies give themselves, each once in the table. */
import type { Reply } from "../plan.ts";

/** What the proxies answer themselves, each answer once. */
export class Replies {
  readonly list: Reply[] = [];

  number({ status, body }: Reply): number {
    const known = this.list.findIndex((one) => one.status === status && one.body === body);
    return known === -1 ? this.list.push({ status, body }) - 1 : known;
  }
}
