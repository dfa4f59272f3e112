/** CPU that a request costs in ATS 9.2: with a plain remap rule and with the script in Lua, side by side in one run. */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { Listening } from "../test/support/ats-listening.ts";
import { loadFarm } from "./farm.ts";
import { Connection } from "./load-generator.ts";
import { browserHeaders, bytesOf, fewHeaders } from "./requests.ts";
import { endInOrder } from "./work-folder.ts";

const HELP = `Usage: npm run bench:ats -- [options]

Measures the CPU of Apache Traffic Server 9.2 a request, with no plugin and with pointsman.lua.

Options:
  --source DIR     a checkout of mediawiki-config (default: ../shared/data/mediawiki-config)
  --rounds N       rounds of each, one after the other (default: 9)
  --requests N     requests a round (default: 5000)
  --help           this text

Examples:
  $ npm run bench:ats
  $ npm run bench:ats -- --rounds 3
`;

/** Ticks of /proc a second, on Linux. */
const TICKS = 100;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      source: { type: "string" },
      rounds: { type: "string", default: "9" },
      requests: { type: "string", default: "5000" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const { table } = loadFarm(values.source);
  const host = "en.wikipedia.org";
  const requests = {
    few: bytesOf({ method: "GET", authority: host, target: "/wiki/X", headers: fewHeaders() }),
    browser: bytesOf({
      ...{ method: "GET", authority: host, target: "/wiki/X" },
      headers: browserHeaders(host),
    }),
  };
  const records = ["CONFIG proxy.config.http.cache.http INT 0"];
  const lua = await Listening.start({ table, states: 16, records });
  const origin = [...lua.origins.ports.values()].at(-1)!;
  const plain = await Listening.start({
    table,
    records,
    files: { "remap.config": `map / http://127.0.0.1:${origin}/\n`, "plugin.config": "" },
  });
  const bare = await Listening.start({
    table,
    states: 16,
    records,
    files: { "pointsman.lua": bareScript(origin) },
  });
  const all = { "no plugin": plain, "a script that only maps": bare, "pointsman.lua": lua };
  try {
    console.log(`CPU microseconds a request of ATS 9.2, Wikimedia: least of ${values.rounds} rounds`);
    for (const [name, request] of Object.entries(requests)) {
      const least = new Map<string, number>();
      for (let round = 0; round < Number(values.rounds); round++) {
        for (const [title, one] of Object.entries(all)) {
          const spent = await cost(one, request, Number(values.requests));
          least.set(title, Math.min(spent, least.get(title) ?? Infinity));
        }
      }
      const shown = [...least].map(([title, spent]) => `${title} ${spent.toFixed(1)}`);
      console.log(`${name} headers: ${shown.join(", ")}`);
    }
    return 0;
  } finally {
    for (const one of Object.values(all)) await one.stop();
  }
}

/** What tslua costs by itself. */
const bareScript = (port: number) => `function do_remap()
  ts.client_request.set_url_scheme("http")
  ts.client_request.set_url_host("127.0.0.1")
  ts.client_request.set_url_port(${port})
  return TS_LUA_REMAP_DID_REMAP
end
`;

/** Microseconds of all threads, on one connection. */
async function cost(listening: Listening, request: Uint8Array, count: number): Promise<number> {
  const connection = await Connection.open(listening.port());
  await exchange(connection, request, 500);
  const before = ticksOf(listening.ats.pid);
  await exchange(connection, request, count);
  const spent = ticksOf(listening.ats.pid) - before;
  connection.close();
  return (spent / TICKS / count) * 1e6;
}

async function exchange(connection: Connection, request: Uint8Array, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const { status } = await connection.exchange(request);
    if (status !== 200) throw new Error(`a request was answered ${status}`);
  }
}

function ticksOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

endInOrder();
process.exitCode = await main().catch((error: Error) => {
  console.error(error.message);
  return 1;
});
