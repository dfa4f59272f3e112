/** Modules on the classes of the AssemblyScript SDK from npm, which know nothing of this simulator. */
import { expect, test } from "vitest";
import { SDK_FLAGS } from "../test/support/compile-guest.ts";
import { buildGuest, buildTimeout, said, simple } from "../test/support/guests.ts";
import { envoy140, strict, Vm } from "./index.ts";

const response = { headers: [[":status", "200"]] as const };

test(
  "the SDK's own example adds its configured header to the response",
  async () => {
    const wasm = await buildGuest("sdk-add-header.ts", SDK_FLAGS);
    for (const profile of [envoy140, strict]) {
      const vm = await Vm.load(wasm, { profile });
      const root = vm.createRoot({ configuration: "there" });
      expect(root.refused).toBe(null);
      expect(root.request({ headers: simple, response }).downstream?.headers).toContainEqual([
        "hello",
        "there",
      ]);
      expect(vm.trap).toBe(null);
      expect(vm.liveContexts).toBe(1);
    }
  },
  buildTimeout,
);

test(
  "a module that asks another service pauses, and goes on with the answer",
  async () => {
    const vm = await Vm.load(await buildGuest("sdk-gate.ts", SDK_FLAGS));
    const root = vm.createRoot();
    const refused = root.request({ headers: simple });
    expect(refused.localReply).toMatchObject({ status: 403, body: "no token", details: "no_token" });
    expect(refused.localReply?.headers).toContainEqual(["x-gate", "shut"]);

    const stream = root.newStream();
    stream.exchange({ headers: [...simple, ["x-token", "t1"]] });
    expect(stream.result().action).toBe("pause");
    expect(root.httpCalls).toMatchObject([{ upstream: "tokens", timeout: 1000 }]);
    expect(root.httpCalls[0]?.headers).toContainEqual(["x-token", "t1"]);
    said(vm);
    root.answerHttpCall(root.httpCalls[0]!.id, { headers: [[":status", "200"]] });
    expect(said(vm)).toContain("[WARN]: tokens answered with 1 headers");
    const result = stream.result();
    expect(result.upstream?.headers).toContainEqual(["x-checked", "yes"]);
    stream.close();
    expect(vm.trap).toBe(null);
  },
  buildTimeout,
);
