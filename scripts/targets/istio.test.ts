/** The target for gateways of Istio's: what it writes, and objects that are too large. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { folderOf } from "../../test/support/folder.ts";
import { plainPlan } from "../../test/support/plans.ts";
import { encode } from "../encode/encode.ts";
import { Table } from "../table/table.ts";
import { istioManifests } from "./istio.ts";
import { DoesNotFit } from "./target.ts";

const tableOf = (names: string | null) => new Table(encode(plainPlan(), { generation: 8, names }));

it("refuses a table with which Kubernetes would not store the object, and takes one that is large", async () => {
  const manifest = (name: string) => ({
    kind: "WasmPlugin",
    metadata: { name },
    spec: { pluginName: "main", pluginConfig: { table: "TABLE" } },
  });
  // Other objects in the file stay.
  const items = [manifest("one"), { kind: "Secret" }, manifest("two")];
  const folder = folderOf({ "filter-main.json": JSON.stringify({ kind: "List", items }) });
  const { check, write, has } = istioManifests(folder);
  const large = tableOf("x".repeat(1_000_000));
  const { digest } = large;
  await check(large);
  expect(has()).toBeNull();
  expect(write(large)).toContain("1 file written; then: kubectl apply --server-side -f ");
  expect(has()).toMatchObject({ generation: 8, digest });
  const text = readFileSync(join(folder, "filter-main.json"), "utf8");
  expect(JSON.parse(text).items[1]).toEqual({ kind: "Secret" });
  const larger = tableOf("x".repeat(1_200_000));
  await expect(check(larger)).rejects.toThrow(DoesNotFit);
  await expect(check(larger)).rejects.toThrow(
    /filter-main.json: WasmPlugin one: 16\d{5} bytes, and Kubernetes stores at most 1468006 in an object/,
  );
  expect(readFileSync(join(folder, "filter-main.json"), "utf8")).toBe(text);
});
