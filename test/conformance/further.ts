/**
 * Modules beside the thirteen of the data: a small guest in Rust, Go and C, built with several versions of SDKs and for
 * several targets out of the package registries. Built once into `.venv`; where a toolchain lacks, that is said.
 */
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Filter } from "../same-as-envoy/foreign.ts";
import { projectPath } from "../support/data.ts";

/** The tools, pinned; the guests' own sources are part of the name of what is built. */
const ZIG = "0.16.0";

export interface Further {
  name: string;
  /** Of what it is made. */
  made: string;
  /** What it needs to run; default: nothing. */
  filter?: Filter;
  /** Builds or fetches it in the folder; throws Error where that cannot be done. */
  build(work: string, out: string): void;
}

export function run(command: string, args: string[], cwd: string, env: NodeJS.ProcessEnv = {}): void {
  const { status, error, stderr } = spawnSync(command, args, {
    cwd,
    env: { ...process.env, ...env },
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  if (error !== undefined) throw new Error(`${command} is not here`);
  if (status !== 0) throw new Error(`${command}: ${stderr.trim().split("\n").slice(-3).join(" ")}`);
}

const source = (name: string): string => projectPath(`test/conformance/guests/${name}`);

/** @param isOld before 0.2: callbacks have fewer parameters, and the guest begins at `_start` */
function rust(version: string, target: string, isOld = false): Further {
  return {
    name: `rust-${version}${target === "wasm32-wasip1" ? "" : "-unknown"}`,
    made: `crate proxy-wasm ${version}, ${target}`,
    build(work, out) {
      mkdirSync(join(work, "src"));
      copyFileSync(source("guest.rs"), join(work, "src/lib.rs"));
      writeFileSync(
        join(work, "Cargo.toml"),
        `[package]\nname = "guest"\nversion = "0.1.0"\nedition = "2021"\n\n[lib]\ncrate-type = ["cdylib"]\n
[dependencies]\nproxy-wasm = "=${version}"\n\n[features]\nold = []\n`,
      );
      run("rustup", ["target", "add", target], work);
      run("cargo", ["build", "--release", "--target", target, ...(isOld ? ["--features", "old"] : [])], work);
      renameSync(join(work, "target", target, "release/guest.wasm"), out);
    },
  };
}

function c(target: string, options: string[]): Further {
  return {
    name: `c-${target.replace("wasm32-", "")}`,
    made: `C, PyPI's ziglang ${ZIG}, ${target}`,
    build(work, out) {
      const zig = join(projectPath(".venv"), `ziglang-${ZIG}`);
      if (!existsSync(zig)) {
        const pip = ["-m", "pip", "install", "--quiet", "--no-deps", "--target", "zig", `ziglang==${ZIG}`];
        run("python3", pip, work);
        renameSync(join(work, "zig"), zig);
      }
      const args = ["cc", "-target", target, ...options, "-O2", "-o", out, source("guest.c")];
      run(join(zig, "ziglang/zig"), args, work);
    },
  };
}

const go: Further = {
  name: "go-wasmimport",
  made: "Go alone, `//go:wasmimport`, wasip1",
  build(work, out) {
    copyFileSync(source("guest.go"), join(work, "main.go"));
    writeFileSync(join(work, "go.mod"), "module guest\n\ngo 1.24\n");
    const args = ["build", "-buildmode=c-shared", "-ldflags=-s -w", "-o", out, "."];
    run("go", args, work, { GOOS: "wasip1", GOARCH: "wasm", GOFLAGS: "-buildvcs=false" });
  },
};

export const further: readonly Further[] = [
  rust("0.1.0", "wasm32-unknown-unknown", true),
  rust("0.1.4", "wasm32-wasip1", true),
  ...["0.2.0", "0.2.1", "0.2.2", "0.2.5"].map((version) => rust(version, "wasm32-wasip1")),
  rust("0.2.5", "wasm32-unknown-unknown"),
  go,
  c("wasm32-wasi", ["-mexec-model=reactor"]),
  c("wasm32-freestanding", ["-nostdlib", "-Wl,--no-entry"]),
];

/** The module's bytes, built when they are not there yet; or why they cannot be had. */
export function built({ name, build }: Further): Uint8Array | string {
  const folder = join(projectPath(".venv"), "conformance");
  const path = join(folder, `${name}.wasm`);
  if (!existsSync(path)) {
    mkdirSync(folder, { recursive: true });
    const work = mkdtempSync(join(folder, `making-${process.pid}-`));
    try {
      const made = join(work, "made.wasm");
      build(work, made);
      renameSync(made, path);
    } catch (error) {
      return (error as Error).message;
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  }
  return readFileSync(path);
}
