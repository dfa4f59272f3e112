/**
 * Makes the file system fail under a process at a chosen step (`node --import`): FAULT_AT counts the calls that change
 * something, from 1. FAULT says what becomes of that one and of all later ones:
 *
 * - `kill`: the process dies by SIGKILL, before the call; `kill-half`: when half of what was to be written is.
 * - `ENOSPC`, `EROFS`…: the call fails so; of what was to be written, half is where the disk is full.
 * - `wait`: once, the call is not made before the file FAULT_FILE is there; FAULT_FILE.waits tells that it waits.
 * - none: the calls and their paths are written to FAULT_FILE.
 *
 * With FAULT_PATH, only calls about paths that have it count; with FAULT_WHILE, only as long as that file is there.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const { FAULT, FAULT_AT = "0", FAULT_FILE, FAULT_PATH = "", FAULT_WHILE } = process.env;
const CHANGING = ["openSync", "writeFileSync", "writeSync", "fsyncSync", "ftruncateSync"];
CHANGING.push("renameSync", "rmSync", "mkdirSync", "chmodSync");
const real = { ...fs };
const calls = [];

/** Some of these are made of others. */
let isInside = false;

function once(name, args) {
  if (isInside) return real[name](...args);
  isInside = true;
  try {
    return real[name](...args);
  } finally {
    isInside = false;
  }
}

for (const name of CHANGING) {
  fs[name] = (...args) => {
    const [place] = args;
    const isOfNoFile = name === "openSync" ? !/[wa+]/.test(String(args[1])) : place === 1 || place === 2;
    const isElsewhere = !String(place).includes(FAULT_PATH) && FAULT_PATH !== "";
    const isOver = FAULT_WHILE !== undefined && !real.existsSync(FAULT_WHILE);
    if (isInside || isOfNoFile || isElsewhere || isOver) return real[name](...args);
    calls.push(typeof place === "string" ? `${name} ${place}` : name);
    const due = calls.length - Number(FAULT_AT);
    if (FAULT === undefined || due < 0) return once(name, args);
    if (FAULT === "wait") {
      if (due === 0) wait();
      return once(name, args);
    }
    isInside = true; // nothing below is the process's own
    if (FAULT === "kill-half" || FAULT === "ENOSPC") half(name, args);
    if (FAULT.startsWith("kill")) process.kill(process.pid, "SIGKILL");
    isInside = false;
    // A full disk still takes what needs no room.
    if (FAULT === "ENOSPC" && !name.startsWith("write")) return once(name, args);
    throw Object.assign(new Error(`${FAULT}: ${name}`), { code: FAULT, syscall: name });
  };
}
syncBuiltinESMExports();
if (FAULT === undefined) process.on("exit", () => real.writeFileSync(FAULT_FILE, calls.join("\n")));

function half(name, args) {
  const [place, content, ...rest] = args;
  if (name === "writeFileSync") real.writeFileSync(place, content.slice(0, content.length / 2), ...rest);
  if (name === "writeSync") real.writeSync(place, content, rest[0] ?? 0, Math.floor(content.length / 2));
}

function wait() {
  real.writeFileSync(`${FAULT_FILE}.waits`, "");
  const cell = new Int32Array(new SharedArrayBuffer(4));
  for (let left = 3000; left > 0 && !real.existsSync(FAULT_FILE); left--) Atomics.wait(cell, 0, 0, 10);
}
