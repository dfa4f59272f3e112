/** The real Chromium: Debian's headless one, unpacked into .venv and not installed. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { debianWithNeeds } from "./debian.ts";

/** Where Chromium is; `why`: there is none. CHROMIUM_BIN names another one. */
export function findChromium(): { binary: string; libraries: string } | { why: string } {
  const own = process.env.CHROMIUM_BIN;
  if (own !== undefined) return { binary: own, libraries: "" };
  const found = debianWithNeeds("chromium-headless-shell", "chromium-debian");
  if ("why" in found) return found;
  const binary = join(found.home, "usr/lib/chromium/chromium-headless-shell");
  if (!existsSync(binary)) return { why: `${binary} is not there: remove ${found.home}` };
  const libraries = [
    "usr/lib/x86_64-linux-gnu",
    "usr/lib/x86_64-linux-gnu/pulseaudio",
    "lib/x86_64-linux-gnu",
  ];
  return { binary, libraries: libraries.map((one) => join(found.home, one)).join(":") };
}

/** Rejects where it does not start. `close` ends it. */
export function startChromium({
  binary,
  libraries,
}: {
  binary: string;
  libraries: string;
}): Promise<Browser> {
  return chromium.launch({
    executablePath: binary,
    // A container's root has no sandbox; what runs in it is our own page.
    chromiumSandbox: false,
    args: ["--disable-gpu"],
    env: { ...process.env, LD_LIBRARY_PATH: libraries },
  });
}
