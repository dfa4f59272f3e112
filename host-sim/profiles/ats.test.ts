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

// Ran on 10.2.0.
test("a value is cut at its first comma where ATS does not know the header, or knows it as a list", async () => {
  const lists = ["X-Unknown", "Accept", "Accept-Language", "Cache-Control", "Connection", "Via", "Vary"];
  const whole = ["Cookie", "User-Agent", "Referer", "Authorization", "If-None-Match", "Date", "Location"];
  const all = [...lists, "X-Forwarded-For", ...whole];
  const read = await answers(
    all.map((name) => `get 0 ${name}`).join("; "),
    ...all.map((name): Pair => [name, "one, two"]),
  );
  const expected = (name: string) => (whole.includes(name) ? "0 one, two" : "0 one");
  expect(read).toEqual(all.map(expected));
});

// Ran on 10.2.0.
test("a value that begins with a quote loses its quotes, and a comma in them does not cut", async () => {
  expect(await answers("get 0 x-a", ["x-a", '"one, two", three'])).toEqual(["0 one, two"]);
});

// Ran on 10.2.0.
test("names keep their case, and are found in any", async () => {
  const { vm, root } = await startGuest("", { profile });
  const { headers } = root.request(doing("get 0 x-mixed; replace 0 x-mixed 2; pairs 0", ["X-MiXeD", "1"]));
  const [got, , pairs] = said(vm);
  expect(got).toBe("get 0 x-mixed -> 0 1");
  expect(pairs).toContain("X-MiXeD=2");
  expect(pairs).toContain("Host=en.example");
  expect(headers).toContainEqual(["X-MiXeD", "2"]);
});

test("a header's property has all of its copies whole", async () => {
  const headers: Pair[] = [
    ["X-A", "one, two"],
    ["x-a", '"three"'],
  ];
  expect(await answers("prop request.headers.x-a; prop request.headers.x-a.", ...headers)).toEqual([
    '0 one, two,"three"',
    '0 one, two,"three"',
  ]);
});

test("a response's status is no header, and its headers keep their copies", async () => {
  const { vm, root } = await startGuest("response_headers: get 2 :status; pairs 2", { profile });
  const response: Pair[] = [
    [":status", "200"],
    ["Set-Cookie", "a=1"],
    ["Set-Cookie", "b=2"],
  ];
  root.request({ ...doing("say go"), response: { headers: response } });
  const [, status, pairs] = said(vm);
  expect(status).toBe("get 2 :status -> 0 ");
  expect(pairs).toContain("Set-Cookie=a=1,Set-Cookie=b=2");
  expect(pairs).not.toContain(":status");
});
