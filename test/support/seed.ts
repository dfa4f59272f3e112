/** Makes generated tests repeat themselves (vitest's setupFiles). */
import fc from "fast-check";

/** The same generated cases in every run; POINTSMAN_SEED asks for others. A failure prints what to keep as a test. */
fc.configureGlobal({ seed: Number(process.env.POINTSMAN_SEED ?? 20261122) });
