/** The question to be taken along: as a link, as a curl command, as a case of the suite. */
import { useState } from "preact/hooks";
import { asCurl } from "./as-other-tools.ts";
import type { Answered } from "./asker.ts";
import { type Fields, toFragment } from "./question-form.ts";

export function Share({ fields, answered }: { fields: Fields; answered: Answered }) {
  const [copied, setCopied] = useState<{ what: string; text: string; isDone: boolean } | null>(null);
  const copy = (what: string, text: string) => async () => {
    // A browser may forbid it: then the text is there to be copied by hand.
    const isDone = await navigator.clipboard?.writeText(text).then(
      () => true,
      () => false,
    );
    setCopied({ what, text, isDone: isDone ?? false });
  };
  const fragment = toFragment(fields);
  const { suiteCase } = answered;
  return (
    <section aria-label="Copy" class="share">
      {fragment === null ? (
        <span>No link holds so long a question.</span>
      ) : (
        <button type="button" onClick={copy("The link", new URL(fragment, location.href).href)}>
          Copy the link
        </button>
      )}
      <button type="button" onClick={copy("The curl command", asCurl(answered.question))}>
        Copy as curl
      </button>
      {suiteCase !== null && (
        <button type="button" onClick={copy("The case", suiteCase)}>
          Copy as a suite case
        </button>
      )}
      <span role="status">{copied?.isDone ? `${copied.what} is copied.` : ""}</span>
      {copied !== null && (
        <label class="copied">
          <span>{copied.what}</span>
          <textarea
            readOnly
            rows={2}
            value={copied.text}
            onFocus={({ currentTarget }) => currentTarget.select()}
          />
        </label>
      )}
    </section>
  );
}
