/** Texts of a request, whose characters are bytes: without blanks at their ends, and decoded. */

/** Without blanks and tabs at its ends. */
export function trimmed(text: string): string {
  return text.replace(/^[ \t]+|[ \t]+$/g, "");
}

/** No UTF-8; a `%` without two digits stays. */
export function percentDecoded(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, digits) => String.fromCharCode(Number.parseInt(digits, 16)));
}
