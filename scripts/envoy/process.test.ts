/** An Envoy is started and stopped without a trace. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { transformSync } from "esbuild";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Fixture, HEADER, makeFixture } from "../../test/support/tiny-envoy.ts";
import { projectRoot } from "../project-root.ts";

let fixture: Fixture;
beforeAll(async () => {
  // Other tests run beside this one: only here may it count the folders.
  vi.stubEnv("TMPDIR", mkdtempSync(join(tmpdir(), "pointsman-process-test-")));
  fixture = await makeFixture();
}, 180_000);
afterAll(async () => {
  await fixture?.stopAll();
  rmSync(tmpdir(), { recursive: true });
  vi.unstubAllEnvs();
});

test("stop leaves no process, no folder and no port", async () => {
  const before = folders();
  const envoy = await fixture.start(`${HEADER}:a`);
  expect(isAlive(envoy.pid)).toBe(true);
  expect(folders().length).toBe(before.length + 1);
  await Promise.all([envoy.stop(), envoy.stop()]);
  expect(isAlive(envoy.pid)).toBe(false);
  expect(folders()).toEqual(before);
  await expect(fixture.ask(envoy)).rejects.toThrow("ECONNREFUSED");
  await envoy.stop();
});

test("an Envoy that cannot start says why and leaves nothing", async () => {
  const envoy = await fixture.start(`${HEADER}:a`);
  const before = folders();
  const taken = { listeners: [{ name: "main", port: envoy.port }] };
  await expect(fixture.start(`${HEADER}:a`, taken)).rejects.toThrow(/Envoy ended at its start(.|\n)*in use/);
  await expect(fixture.start(`${HEADER}:a`, { envoy: "/nonexistent/envoy" })).rejects.toThrow("ENOENT");
  expect(folders()).toEqual(before);
});

test("a process under watch ends with its parent, even by SIGKILL, and its folder goes", async () => {
  const folder = mkdtempSync(join(tmpdir(), "pointsman-watch-"));
  const source = readFileSync(join(projectRoot(), "scripts/envoy/watchdog.ts"), "utf8");
  const { code } = transformSync(source, { loader: "ts", format: "esm" });
  const script = `${code}
    const child = spawn("sleep", ["60"], { stdio: "ignore", detached: true });
    endWithUs(child.pid, ${JSON.stringify(folder)});
    console.log(child.pid);
    setInterval(() => {}, 1000);`;
  const parent = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const pid = await new Promise<number>((resolve) =>
    parent.stdout.on("data", (chunk) => resolve(Number(String(chunk)))),
  );
  expect(isAlive(pid)).toBe(true);
  parent.kill("SIGKILL");
  await expect.poll(() => isAlive(pid), { timeout: 30_000 }).toBe(false);
  await expect.poll(() => existsSync(folder), { timeout: 30_000 }).toBe(false);
});

function folders(): string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith("pointsman-envoy-"));
}

/** A dead process that nobody has waited for yet is not alive. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const stat = `/proc/${pid}/stat`;
  return !(existsSync(stat) && readFileSync(stat, "utf8").split(") ")[1]?.startsWith("Z"));
}
