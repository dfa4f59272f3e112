/** A record of a store: JSON that is held against its schema. */
import type { ZodType } from "zod";

/** The record, or what is wrong with the text. */
export function parseRecord<T extends object>(schema: ZodType<T>, text: string): T | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return `not JSON: ${(error as Error).message}`;
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0]!;
  return path.length === 0 ? message : `\`${path.map(String).join(".")}\`: ${message}`;
}
