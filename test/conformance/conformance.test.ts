/** `npm run conformance`: asks the simulator and one real Envoy about each module, and writes down what it found. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { filters } from "../same-as-envoy/foreign.ts";
import { PROFILE } from "../same-as-envoy/which-envoy.ts";
import { DATA, projectPath } from "../support/data.ts";
import { CONFIGURATIONS, type Found, loadsIn, refusedByEnvoy, sameAsEnvoy, TRIED } from "./found.ts";
import { built, further } from "./further.ts";
import { page } from "./page.ts";
import { prebuilt } from "./prebuilt.ts";

vi.setConfig({ testTimeout: 900_000 });

/** What one Envoy after the other has said. */
const FOLDER = projectPath("build/conformance");
const ENVOYS = ["envoy-1.40", "envoy-1.39", "envoy-1.37"];

const SDK: Record<string, string> = { go: "Go SDK", rust: "Rust SDK", cpp: "C++ SDK" };
const lacking: [string, string][] = [];

interface Asked {
  name: string;
  made: string;
  wasm: Uint8Array;
  filter: (typeof filters)[string] | null;
}

function* modules(): Generator<Asked> {
  const folder = join(DATA, "modules");
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".wasm"))) {
    const name = file.replace(".wasm", "");
    const made = SDK[name.split("-")[0]!]!;
    yield { name, made, wasm: readFileSync(join(folder, file)), filter: filters[name] ?? null };
  }
  for (const one of [...further, ...prebuilt]) {
    const wasm = built(one);
    if (typeof wasm === "string") lacking.push([one.name, wasm]);
    else yield { name: one.name, made: one.made, wasm, filter: one.filter ?? {} };
  }
}

test(`modules of others, and the real Envoy of ${PROFILE.name}`, async () => {
  const found: Found[] = [];
  for (const { name, made, wasm, filter } of modules()) {
    const loads = await loadsIn(wasm, filter?.configuration ?? CONFIGURATIONS[name]);
    const reason = loads[PROFILE.name] ?? null;
    const same = reason === null && filter !== null ? await sameAsEnvoy(wasm, filter) : null;
    const refused = reason === null ? {} : { [PROFILE.name]: await refusedByEnvoy(name, wasm, reason) };
    console.log(`${name}: ${same !== null ? `${same} of ${TRIED}` : (reason ?? "loaded only")}`);
    found.push({ name, made, loads, same: { [PROFILE.name]: same }, refused });
  }
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(join(FOLDER, `${PROFILE.name}.json`), JSON.stringify({ found, lacking }));
  for (const { name, same } of found) expect([name, Object.values(same)[0] ?? TRIED]).toEqual([name, TRIED]);
  for (const { name, refused } of found) expect([name, Object.values(refused)]).not.toEqual([name, [false]]);
});

test("the page", () => {
  const said = readdirSync(FOLDER).map((file) => JSON.parse(readFileSync(join(FOLDER, file), "utf8")));
  const all: { found: Found[]; lacking: [string, string][] } = said[0];
  const merged = all.found.map((one) => {
    const alike: Found[] = said.flatMap(({ found }) => found.filter(({ name }: Found) => name === one.name));
    const same = Object.assign({}, ...alike.map((each) => each.same));
    return { ...one, same, refused: Object.assign({}, ...alike.map((each) => each.refused)) };
  });
  const asked = ENVOYS.filter((envoy) => readdirSync(FOLDER).includes(`${envoy}.json`));
  writeFileSync(projectPath("docs/conformance.md"), page(merged, asked, all.lacking));
});
