/** What ran on ATS 10.2.0 with WAMR 2.1.1, seen from inside a guest. */
import { beforeAll, expect, test } from "vitest";
import { buildTimeout, doing, guest, said, startGuest } from "../../test/support/guests.ts";
import { envoy140, type Pair, type Profile, ats102 as profile, strict } from "../index.ts";

beforeAll(async () => {
  await guest();
}, buildTimeout);

/** What a command in on_request_headers came to. */
async function answers(commands: string, ...more: Pair[]): Promise<string[]> {
  const { vm, root } = await startGuest("", { profile });
  root.request(doing(commands, ...more));
  return said(vm).map((line) => line.slice(line.indexOf(" -> ") + 4));
}

// Ran on 10.2.0: one header of 16 kB, a URL of 20 kB or 500 headers killed the VM.
test.each<[string, Pair[]]>([
  ["one long header", [["x-long", "x".repeat(100_000)]]],
  ["many headers", Array.from({ length: 500 }, (_, i): Pair => [`x-${i}`, "x".repeat(200)])],
])("memory that grows while the host hands in %s is out of bounds for the caller", async (_, headers) => {
  const request = doing("pairs 0", ...headers);
  const trapsIn = async (each: Profile) => {
    const { root } = await startGuest("", { profile: each, failOpen: false });
    return root.request(request);
  };
  const { trapped, localReply } = await trapsIn(profile);
  expect(trapped).toContain("out of bounds memory access");
  expect(localReply?.status).toBe(500);
  for (const each of [envoy140, strict]) expect((await trapsIn(each)).trapped, each.name).toBe(null);
});

test("what fits in the memory that was there is handed in", async () => {
  const [answer] = await answers("get 0 x-short", ["x-short", "short"]);
  expect(answer).toBe("0 short");
});
