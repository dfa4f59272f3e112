/** The example in docs/host-sim.md, with a guest of the tests for the reader's filter. */
import { expect, test } from "vitest";
import { buildTimeout, guest } from "../test/support/guests.ts";
import { envoy140, Vm } from "./index.ts";

test(
  "my filter sends the request where it should go",
  async () => {
    const vm = await Vm.load(await guest(), { profile: envoy140 });
    const root = vm.createRoot({ configuration: "request_headers: replace 0 x-cluster blue" });
    expect(root.refused).toBe(null);

    const result = root.request({
      headers: [
        [":authority", "en.example"],
        [":path", "/"],
        [":method", "GET"],
      ],
    });

    expect(result.headers).toContainEqual(["x-cluster", "blue"]);
    expect(result.hostCalls).toBeLessThan(5);
    expect(vm.trap).toBe(null);
  },
  buildTimeout,
);
