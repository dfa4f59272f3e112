/** The YAML of Apache Traffic Server's wasm plugin: which table is in it, and the same file with another one. */
import { load } from "js-yaml";
import { z } from "zod";
import { contentsOf, type FilterFile, firstIssue, PLACE } from "./filter-file.ts";
import { toYaml } from "./yaml.ts";

const schema = z.looseObject({
  config: z.looseObject({
    root_id: z.string().optional(),
    rootId: z.string().optional(),
    configuration: z.string(),
  }),
});

/** Throws an Error whose message is for the user. */
export function parseAtsFile(text: string): FilterFile {
  const parsed = schema.safeParse(load(text));
  if (!parsed.success) throw new Error(`no plugin with its configuration: ${firstIssue(parsed.error)}`);
  const document = parsed.data;
  const { config } = document;
  const old = contentsOf(Buffer.from(config.configuration), config.configuration === PLACE);
  return {
    listener: (old.settings.listener ?? config.root_id ?? config.rootId) || null,
    table: old.table,
    clusterHeader: old.clusterHeader,
    attempt: old.attempt,
    with(table) {
      config.configuration = old.with(table, true).toString();
      return toYaml(document);
    },
  };
}
