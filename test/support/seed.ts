/** Makes generated tests repeat themselves, and their failures readable (vitest's setupFiles). */
import fc from "fast-check";

/** Of a generated value; a whole plan has many times as many, and hides what differs. */
const CHARACTERS_AT_MOST = 1_000;

/**
 * The same generated cases in every run; POINTSMAN_SEED asks for others. A failure says what differs first, in the
 * test's own words (its cause), then what repeats it, and the smallest case as far as that can be read.
 */
fc.configureGlobal({
  seed: Number(process.env.POINTSMAN_SEED ?? 20261122),
  reporter(run) {
    if (!run.failed) return;
    const { counterexample, counterexamplePath, errorInstance, numRuns, numShrinks, seed } = run;
    const difference =
      errorInstance instanceof Error ? errorInstance.message : "too many cases were passed over";
    const values = (counterexample as unknown[] | null)?.map((value) => {
      const text = fc.stringify(value);
      const rest = text.length - CHARACTERS_AT_MOST;
      return rest > 0 ? `${text.slice(0, CHARACTERS_AT_MOST)}… (${rest} characters more)` : text;
    });
    throw new Error(
      [
        `a property fails: ${difference}`,
        `case ${numRuns}, made smaller ${numShrinks} times; again with { seed: ${seed}, path: "${counterexamplePath}" }`,
        ...(values ?? []),
      ].join("\n"),
      { cause: errorInstance },
    );
  },
});
