/** What the numbers mean that a filter gives for a refused table, as docs/operations.md has them. */
import * as R from "../../assembly/refusals.ts";

export interface WhyRefused {
  means: string;
  /** What to do about it. */
  wayOut: string;
}

const WHY = new Map<number, WhyRefused>([
  [
    R.REFUSED_CONFIGURATION,
    {
      means: "What brings the table is in no form that is known, or has a name that is not.",
      wayOut: "Compare with the plugin's configuration; `put` writes it right.",
    },
  ],
  [
    R.REFUSED_DAMAGED,
    {
      means: "No table, or not as it was packed: cut short, padded, or a byte is another.",
      wayOut: "Send it again, as it was packed; look at what carries it.",
    },
  ],
  [
    R.REFUSED_LAYOUT,
    {
      means: "Of another layout than this filter reads.",
      wayOut: "Pack with the version of the filter, or bring the filter first.",
    },
  ],
  [
    R.REFUSED_CONTENT,
    {
      means: "Whole, but a number in it leads nowhere, or is past its limit.",
      wayOut: "Tell us: `pack` makes no such table.",
    },
  ],
  [
    R.REFUSED_LISTENER,
    {
      means: "It does not have the listener that the configuration or the plugin's `root_id` names.",
      wayOut: "Correct the name, or add the listener to the farm.",
    },
  ],
  [
    R.REFUSED_CLUSTER_HEADER,
    {
      means: "It sets another header than the proxy routes by (`cluster-header`).",
      wayOut: "`render` the proxy for this farm.",
    },
  ],
  [
    R.REFUSED_ROOM,
    {
      means: "The VM has no room for it beside the tables that it holds.",
      wayOut: "Fewer listeners with tables of their own, or smaller tables.",
    },
  ],
]);

/** @param code not 0, which is no refusal */
export function whyRefused(code: number): WhyRefused {
  return (
    WHY.get(code) ?? {
      means: `For a reason that this pointsman does not know, number ${code}.`,
      wayOut: "Ask with a pointsman that is as new as the filter; the proxy's log has the sentence.",
    }
  );
}
