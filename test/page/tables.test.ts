/** The train board and the comparison of tables, in a real Chromium: what the real CLI packed, pushed and said. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import type { Locator, Page } from "playwright-core";
import { expect, it } from "vitest";
import { cli, folder, packSmall, promote, read, run, SMALL, setUpCli } from "../support/cli.ts";
import { projectPath } from "../support/data.ts";
import { bytesOf, plainPlan } from "../support/plans.ts";
import { Staying } from "../support/staying.ts";
import { seriousFindings } from "./axe.ts";
import { describeInChromium } from "./chromium.ts";
import { openFile, openPage } from "./open-page.ts";

setUpCli();

const env = { POINTSMAN_STORE: "store", POINTSMAN_WHO: "me" };

/** Each row's cells, as they are read out. */
const cellsOf = (table: Locator): Promise<string[][]> =>
  table
    .locator("tr")
    .evaluateAll((rows) =>
      rows.map((row) =>
        [...(row as HTMLTableRowElement).cells].map((cell) => cell.innerText.replace(/\s+/g, " ").trim()),
      ),
    );

const give = (page: Page, label: string, name: string, bytes: Buffer) =>
  page.getByLabel(label).setInputFiles({ name, mimeType: "application/octet-stream", buffer: bytes });

const dropOn = (field: Locator, name: string, bytes: Buffer) =>
  field.evaluate(
    (element, { name, bytes }) => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([Uint8Array.from(bytes)], name));
      element.dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer }));
    },
    { name, bytes: [...bytes] },
  );

/** What stands there is what `pointsman diff` prints. */
async function expectAsDiff(page: Page, ...tables: [string, string]): Promise<void> {
  const [title, ...sections] = run(["diff", ...tables])
    .out.trim()
    .split("\n");
  const said = async () =>
    (await page.locator(".changes:visible").innerText()).split("\n").filter((line) => line.trim() !== "");
  await expect.poll(said).toEqual([title, ...sections.map((line) => line.trim().replace(/:$/, ""))]);
}

/** What `status --json` says of an Envoy that serves the wanted generation, and of one that nobody hears. */
async function statusOfTwo(): Promise<Buffer> {
  const { generation, digest } = JSON.parse(read("store/rollout.json").toString()).rollout;
  const gauges = { instances: 3, generation, digest: Number.parseInt(digest.slice(0, 12), 16), refused: 0 };
  const stats = Object.entries(gauges).map(([name, value]) => ({
    name: `wasmcustom.pointsman.${name}.listener.main`,
    value,
  }));
  const answer = JSON.stringify({ stats: [...stats, { name: "server.concurrency", value: 2 }] });
  const proxy = http.createServer((_, response) => response.end(answer));
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const args = ["status", "--json", "--proxy", url, "--proxy", "http://127.0.0.1:1"];
  const child = spawn(process.execPath, [cli, ...args], { cwd: folder, env });
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(child, "close");
  proxy.close();
  return Buffer.concat(chunks);
}

describeInChromium("Whole tables", (browser) => {
  it("are a train board: groups by release, what changes as diff says it, and who runs what", async () => {
    expect(packSmall("old.table").code).toBe(0);
    promote();
    expect(packSmall("new.table").code).toBe(0);
    expect(run(["push", ...SMALL, "--yes", "--reason", "x"], { env }).code).toBe(0);
    const status = await statusOfTwo();
    const { page, asked, wrong } = await openPage(browser(), { viewport: { width: 390, height: 900 } });
    await openFile(page, "new.table", read("new.table"));
    expect(asked.some((url) => url.endsWith("tables.js"))).toBe(false);
    await page.getByRole("tab", { name: "Train board" }).click();

    const groups = page.getByRole("table", { name: "How many wikis of a group" });
    await groups.waitFor();
    const { counts } = JSON.parse(run(["versions", "--table", "new.table", "--json"]).out);
    const [header, ...rows] = await cellsOf(groups);
    const shown = rows.slice(0, -1).flatMap(([group, ...cells]) =>
      header!.slice(1, -1).flatMap((release, i) => {
        const wikis = Number(cells[i]);
        return wikis === 0 ? [] : [{ group: group!.split(" ")[0], release, wikis }];
      }),
    );
    const told = (counts as { group: string; release: string; wikis: number }[]).map(
      ({ group, release, wikis }) => ({ group, release, wikis }),
    );
    const sorted = (all: object[]) => all.map((one) => JSON.stringify(one)).sort();
    expect(sorted(shown)).toEqual(sorted(told));
    expect(rows.at(-1)!.at(-1)).toBe("6");

    await give(page, "Against a table before it", "old.table", read("old.table"));
    await expectAsDiff(page, "old.table", "new.table");

    await give(page, "What `pointsman status --json` printed", "status.json", status);
    const fleet = page.locator(".fleet");
    await expect.poll(() => fleet.innerText()).toContain("generation 1 is served by 1 of 2 proxies");
    expect(await fleet.innerText()).toContain("is the content of the table above");
    expect(await cellsOf(fleet.getByRole("table", { name: "What proxies run" }))).toEqual([
      ["Runs", "Proxies"],
      ["generation 1", "1 of 2"],
      ["nothing known", "1 of 2"],
    ]);
    const proxies = await cellsOf(fleet.getByRole("table", { name: "Each proxy" }));
    expect(proxies.map(([, listener, verdict]) => [listener, verdict])).toEqual([
      ["Listener", "State"],
      ["main", "served"],
      ["-", "SILENT"],
    ]);
    await give(page, "What `pointsman status --json` printed", "rollout.json", read("store/rollout.json"));
    await expect.poll(() => fleet.innerText()).toContain("generation 1, done, digest");

    await give(page, "What `pointsman status --json` printed", "x.json", Buffer.from("{}"));
    await expect.poll(() => fleet.innerText()).toContain("x.json: it says nothing of a fleet");
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    // By keys: what scrolls is in the order of Tab.
    await page.getByRole("tab", { name: "Train board" }).focus();
    await page.keyboard.press("Tab");
    expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-label"))).toBe(
      "Wikis by group and release",
    );
    expect(wrong).toEqual([]);
    expect(asked.map((url) => url.replace(/.*\//, ""))).toEqual([
      ...["index.html", "page.css", "page.js", "tables.js"],
    ]);
    // Last, as axe-core itself asks for the style sheet, in vain.
    await page.emulateMedia({ colorScheme: "dark" });
    expect(await seriousFindings(page)).toEqual([]);
    await page.context().close();
  });

  it("are compared: what changes as diff says it, and the playground's question before and after", async () => {
    packSmall("old.table");
    promote();
    packSmall("new.table");
    const { page, wrong } = await openPage(browser(), {
      fragment: "#ask=test.wikipedia.org/wiki/X",
      viewport: { width: 390, height: 900 },
    });
    await openFile(page, "new.table", read("new.table"));
    await page.getByRole("tab", { name: "Compare" }).click();
    await dropOn(page.getByLabel("Before: choose"), "old.table", read("old.table"));
    await expectAsDiff(page, "old.table", "new.table");
    // What is dropped on a field is not the page's.
    expect(await page.getByText("Asked is").innerText()).toContain("new.table");
    const question = page.getByRole("region", { name: "The question of the playground" });
    await expect.poll(() => question.getByRole("status").innerText()).toMatch(/\/wiki\/X: changes$/);
    const cells = async () =>
      Object.fromEntries((await cellsOf(question.getByRole("table"))).map(([what, ...rest]) => [what, rest]));
    expect(await cells()).toMatchObject({
      Wiki: ["testwiki", "testwiki"],
      "Version: changes": ["1.47.0-wmf.3", "1.47.0-wmf.2"],
      "Cluster: changes": ["mw-web-1-47-0-wmf-3", "mw-web-1-47-0-wmf-2"],
    });

    await page.getByRole("tab", { name: "Playground" }).click();
    await page.getByLabel("A URL, a curl command").fill("https://de.wikipedia.org/w/api.php");
    await page.getByRole("tab", { name: "Compare" }).click();
    await expect.poll(() => question.getByRole("status").innerText()).toMatch(/api\.php: goes the same way$/);
    expect(await cells()).toMatchObject({ Deployment: ["mw-api", "mw-api"], Wiki: ["dewiki", "dewiki"] });

    const damaged = read("old.table");
    damaged[40]! ^= 1;
    await give(page, "After: new.table", "damaged.table", damaged);
    await expect.poll(() => page.getByText("damaged.table:").innerText()).toMatch(/checksum.*stays\.$/);
    await expectAsDiff(page, "old.table", "new.table");
    await give(page, "After: new.table", "old.table", read("old.table"));
    await expectAsDiff(page, "old.table", "old.table");
    await page.getByRole("button", { name: "the opened table again" }).click();
    await expectAsDiff(page, "old.table", "new.table");

    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    expect(wrong).toEqual([]);
    expect(await seriousFindings(page)).toEqual([]);
    await page.context().close();
  });

  it("have no other address than one of HTTP, or a file", () => {
    const args = [projectPath("scripts/page/serve.mjs"), "--fleet", "ftp://127.0.0.1/"];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: expect.stringMatching(/^--fleet: ftp is not asked: /),
    });
  });

  it("are a board that is pointed at `serve` by npm run page -- --fleet, and says when that is away", async () => {
    expect(run(["push", ...SMALL, "--yes", "--reason", "x"], { env }).code).toBe(0);
    const args = ["serve", "--store", "store", "--listen", "0"];
    const serve = await Staying.start({ folder, args });
    const place = `http://127.0.0.1:${serve.httpPort}/status`;
    const server = spawn(process.execPath, [projectPath("scripts/page/serve.mjs"), "--fleet", place]);
    try {
      const [line] = (await once(server.stdout, "data")) as [Buffer];
      const url = /http:\/\/127\.0\.0\.1:\d+\//.exec(line.toString())![0];
      // Another name for 127.0.0.1, as a stranger's page may have one.
      const { port } = new URL(url);
      const asked = http.get({ port, path: "/fleet.json", headers: { host: "evil.example" } });
      const [answer] = (await once(asked, "response")) as [http.IncomingMessage];
      expect(answer.resume().statusCode).toBe(404);

      const context = await browser().newContext();
      const page = await context.newPage();
      await page.goto(url);
      await page.getByRole("tab", { name: "Train board" }).click();
      const fleet = page.locator(".fleet");
      await expect.poll(() => fleet.innerText()).toContain("generation 1 is acknowledged by 0 of 0 proxies");
      expect(
        await page.evaluate(() =>
          fetch("https://192.0.2.1/").then(
            () => "sent",
            () => "refused",
          ),
        ),
      ).toBe("refused");
      await serve.stop();
      await expect.poll(() => fleet.locator(".problem").innerText()).toContain(`${place}: `);
      await context.close();
    } finally {
      server.kill();
      await serve.stop();
    }
  });

  it("of a stranger show markup as text, and so does a status file", async () => {
    const evil = "<svg/onload=hit=1>";
    const plan = plainPlan({
      wikis: [{ id: "awiki", release: 0, group: evil, installed: true }],
      releases: [{ name: evil, version: "</td><script>hit=1</script>" }],
    });
    const { page, wrong } = await openPage(browser());
    await openFile(page, "evil.table", bytesOf(plan));
    await page.getByRole("tab", { name: "Train board" }).click();
    const listener = { verdict: "silent", what: evil, served: null, instances: null, instancesWanted: null };
    const status = {
      wanted: { generation: 1, digest: evil, pushed: null, state: null },
      proxies: [
        {
          proxy: `${evil}\u202e`,
          fine: false,
          wanted: 1,
          listeners: [{ ...listener, listener: evil, refused: null }],
        },
      ],
      warnings: [`${evil}\u202e`],
    };
    await give(page, "What `pointsman status --json` printed", evil, Buffer.from(JSON.stringify(status)));
    const board = page.locator(".board");
    await expect.poll(() => board.innerText()).toContain(`${evil}\\u202e`);
    expect(await board.innerText()).toContain("</td><script>hit=1</script>");
    expect(await board.innerText()).not.toContain("\u202e");
    expect(await board.locator("svg, script").count()).toBe(0);
    expect(await page.evaluate(() => "hit" in globalThis)).toBe(false);
    expect(wrong).toEqual([]);
    await page.context().close();
  });
});
