/** A rule of header_rewrite, as its file has it. */

/** @param when conditions that must all hold */
export function rule(hook: string, when: readonly string[], then: readonly string[]): string {
  const conditions = [`%{${hook}}`, ...when];
  // A condition's flags are one list in brackets; where none is said, the next one must hold as well.
  return `${[...conditions.map((one) => `cond ${one}`), ...then].join("\n")}\n`;
}
