/** WASI: what each call answers and writes, in the real Envoy and in the simulator. */
import { expect, test } from "vitest";
import { Vm } from "../../host-sim/index.ts";
import { offers } from "../../host-sim/link.ts";
import { wasiCalls } from "../../host-sim/wasi-calls.ts";
import { basis, callWith, importCall, importLog, wat } from "../support/wat.ts";
import { loadInEnvoy } from "./loading-envoy.ts";
import { PROFILE } from "./which-envoy.ts";

/** Each argument that may be an address is that of a block of its own. */
const BLOCK = 64;
/** What is shown of the memory after each call. */
const SHOWN = 10 * BLOCK;
const HEAD = 3000;

/** Calls whose first argument is no descriptor but an address, or a clock. */
const addressFirst = /^(args|environ|random|poll|path_symlink)/;
/** What they write differs from run to run. */
const writesAnything = new Set(["clock_time_get", "random_get"]);
const answering = wasiCalls.filter((row) => row.result === "errno" && offers(PROFILE, row));

const digits = (at: number, value: string): string => `
  (i32.store8 (i32.const ${at}) (i32.add (i32.const 48) (i32.div_u ${value} (i32.const 10))))
  (i32.store8 (i32.const ${at + 1}) (i32.add (i32.const 48) (i32.rem_u ${value} (i32.const 10))))`;

/** Calls everything, once for each descriptor, and logs `call descriptor errno memory-in-hex`. */
const module = wat(`(module ${answering.map(importCall).join("")}${importLog}${basis}
  (func $fill
    (memory.fill (i32.const 0) (i32.const 0xaa) (i32.const ${SHOWN}))
    (i32.store (i32.const ${BLOCK}) (i32.const 2048)) (i32.store (i32.const ${BLOCK + 4}) (i32.const 2))
    (i32.store16 (i32.const 2048) (i32.const 0x6968)))
  (func $digit (param $v i32) (result i32)
    (select (i32.add (local.get $v) (i32.const 87)) (i32.add (local.get $v) (i32.const 48))
      (i32.gt_u (local.get $v) (i32.const 9))))
  (func $tell (param $call i32) (param $fd i32) (param $errno i32) (local $at i32) (local $byte i32)
    ${digits(HEAD, "(local.get $call)")}${digits(HEAD + 2, "(local.get $fd)")}${digits(HEAD + 4, "(local.get $errno)")}
    (loop $next
      (local.set $byte (i32.load8_u (local.get $at)))
      (i32.store8 (i32.add (i32.const ${HEAD + 6}) (i32.mul (i32.const 2) (local.get $at)))
        (call $digit (i32.shr_u (local.get $byte) (i32.const 4))))
      (i32.store8 (i32.add (i32.const ${HEAD + 7}) (i32.mul (i32.const 2) (local.get $at)))
        (call $digit (i32.and (local.get $byte) (i32.const 15))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $at) (i32.const ${SHOWN}))))
    (drop (call $log (i32.const 2) (i32.const ${HEAD}) (i32.const ${6 + 2 * SHOWN}))))
  (func (export "proxy_on_configure") (param i32 i32) (result i32)
    ${[0, 1, 2, 3].map((fd) => answering.map((row, i) => tell(i, fd, argument(row.name, fd))).join("")).join("")}
    (i32.const 1)))`);

function tell(i: number, fd: number, argument: (place: number) => number): string {
  const row = answering[i]!;
  return `(call $fill) (call $tell (i32.const ${i}) (i32.const ${fd}) ${callWith(row, argument)})\n`;
}

/** @param fd the descriptor, and the number of vectors, which begin in block 1 */
function argument(name: string, fd: number): (place: number) => number {
  const hidden = writesAnything.has(name) ? 2048 : 0;
  if (addressFirst.test(name)) return (place) => hidden + (place + 1) * BLOCK;
  return (place) => {
    if (place === 0) return fd;
    return /write$/.test(name) && place === 2 ? 1 : hidden + place * BLOCK;
  };
}

/** By call and descriptor: the errno, and what was written where. */
function readable(lines: readonly string[]): Record<string, string> {
  const said: Record<string, string> = {};
  for (const line of lines) {
    const [, call, fd, errno, hex] = /^(\d\d)0(\d)(\d\d)([0-9a-f]{9,})$/.exec(line) ?? [];
    if (hex === undefined) continue;
    const written = [...hex.matchAll(/../g)].flatMap(([byte], at) =>
      byte === "aa" ? [] : [`${at}:${byte}`],
    );
    said[`${answering[Number(call)]!.name} ${fd}`] ??= `${Number(errno)} ${written.join(" ")}`;
  }
  return said;
}

test("each WASI call answers and writes the same", async () => {
  const { refusals, logs } = await loadInEnvoy(new Map([["wasi", module]]));
  expect(refusals.get("wasi")).toEqual([]);
  const vm = await Vm.load(module, { profile: PROFILE });
  expect(vm.createRoot({ configuration: "configuration" }).refused).toBe(null);
  const real = readable(logs);
  expect(readable(vm.logs.map(({ text }) => text))).toEqual(real);
  expect(Object.keys(real).length).toBe(4 * answering.length);
  // `fd_write` and `fd_pwrite`, where it is there, to standard output and to standard error.
  const each = answering.flatMap(({ name }) => (/^fd_p?write$/.test(name) ? ["hi"] : []));
  const output = (level: number): string[] =>
    vm.logs.flatMap((line) => (line.level === level ? [line.text] : []));
  expect(output(2).filter((text) => text === "hi")).toEqual(each);
  expect(output(4)).toEqual(each);
  expect(logs.filter((text) => text === "hi").length).toBeGreaterThanOrEqual(each.length);
});
