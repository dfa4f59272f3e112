/** The words of `pointsman wiki` that need nothing but a table: read without the library that reads them all. */
import { RELEASE_IN_NAME } from "../sources/images-file.ts";

export interface QuickQuestion {
  ids: string[];
  hosts: string[];
  table: string;
  values: string | null;
  json: boolean;
}

/** null: it takes more than that, or is wrong. @param words after `wiki` */
export function quickQuestion(words: readonly string[], env: NodeJS.ProcessEnv): QuickQuestion | null {
  const ids: string[] = [];
  const hosts: string[] = [];
  let { POINTSMAN_TABLE: table, POINTSMAN_VALUES: values } = env;
  let json = false;
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (!word.startsWith("-")) {
      ids.push(word);
      continue;
    }
    if (word === "--json") {
      json = true;
      continue;
    }
    const [, option, own] = /^--(table|values|host)(?:=([\s\S]*))?$/.exec(word) ?? [];
    const value = own ?? words[++i];
    if (option === undefined || value === undefined || value === "" || value.startsWith("-")) return null;
    if (option === "table") table = value;
    else if (option === "values") values = value;
    else hosts.push(value);
  }
  if (!table || table === "-" || ids.length + hosts.length === 0 || ids.includes("")) return null;
  if (values !== undefined && !values.includes(RELEASE_IN_NAME)) return null;
  return { ids, hosts, table, values: values ?? null, json };
}
