/** The reader in Lua, run by LuaJIT outside of ATS, asked about many things at once. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import type { Answer, Request, Where } from "../../scripts/table/request.ts";
import type { Table } from "../../scripts/table/table.ts";
import { findAts } from "./ats.ts";
import { projectPath } from "./data.ts";
import { folderOf } from "./folder.ts";

export const LUA_READER = projectPath("scripts/render/ats-lua/pointsman.lua");

/** What each line of Lua gives, in their order. The functions that it may call are in lua-reader.lua. */
export function runLua(lines: readonly string[]): unknown[] {
  const ats = findAts();
  if ("why" in ats) throw new Error(ats.why);
  const { status, stdout, stderr } = spawnSync(
    join(ats.home, "usr/bin/luajit"),
    [projectPath("test/support/lua-reader.lua"), LUA_READER],
    { input: lines.map((line) => `${line}\n`).join(""), encoding: "utf8", maxBuffer: 2 ** 28 },
  );
  if (status !== 0) throw new Error(`LuaJIT ended with ${status}: ${stderr}`);
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

/** A text as Lua has it. Characters are bytes. */
export const luaText = (text: string): string =>
  `"${text.replace(/[^ -~]|["\\]/g, (c) => `\\${String(c.charCodeAt(0)).padStart(3, "0")}`)}"`;

/** Bytes as Lua has them. */
export const luaBytes = (bytes: Uint8Array): string => luaText(Buffer.from(bytes).toString("latin1"));

/** Answers in the order of the questions. */
export function askLua(table: Table, asked: readonly (readonly [Request, Where])[]): Answer[] {
  const folder = folderOf({ "farm.table": Buffer.from(table.bytes) });
  const [refused, ...answers] = runLua([
    `open(${luaText(join(folder, "farm.table"))})`,
    ...asked.map(([request, where]) => questionOf(request, where)),
  ]);
  if (refused !== null) throw new Error(`refused: ${refused}`);
  return answers.map((answer) => answerOf(answer as LuaAnswer));
}

function questionOf(request: Request, { listener, secondary }: Where): string {
  const { authority, target, method = "GET", headers = [], client } = request;
  const copies = new Map<string, string[]>();
  for (const [name, value] of headers) {
    const small = name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
    copies.set(small, [...(copies.get(small) ?? []), value]);
  }
  const lists = [...copies].map(([name, values]) => `[${luaText(name)}]={${values.map(luaText).join(",")}}`);
  const texts = { authority: authority ?? "", target, method, client: client ?? "" };
  const parts = Object.entries(texts).map(([name, value]) => `${name}=${luaText(value)}`);
  const at = listener === null ? "nil" : luaText(listener);
  return `decide({${parts.join(",")},headers={${lists.join(",")}}},${at},${secondary})`;
}

/** What is nil in Lua is not there. */
type LuaAnswer = {
  kind: Answer["kind"];
  is_debug: boolean;
  status: number;
  body: string;
  release: string;
  version: string;
  deployment: string;
  cluster: string;
  wiki?: string;
  group?: string;
};

function answerOf({ kind, ...more }: LuaAnswer): Answer {
  if (kind === "pass") return { kind };
  if (kind === "reply") return { kind, status: more.status, body: more.body };
  const { wiki = null, group = null, release, version, deployment, cluster, is_debug: debug } = more;
  return { kind, wiki, group, release, version, deployment, cluster, host: null, debug };
}
