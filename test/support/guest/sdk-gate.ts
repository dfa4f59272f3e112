// A second module on the SDK's classes: refuses requests without a token, and asks another service about them.
export * from "@gcoredev/proxy-wasm-sdk-as/assembly/proxy";

import * as sdk from "@gcoredev/proxy-wasm-sdk-as/assembly";

class GateRoot extends sdk.RootContext {
  createContext(context_id: u32): sdk.Context {
    return new Gate(context_id, this);
  }
}

class Gate extends sdk.Context {
  constructor(context_id: u32, root_context: GateRoot) {
    super(context_id, root_context);
  }

  onRequestHeaders(_headers: u32, _end: bool): sdk.FilterHeadersStatusValues {
    const token = sdk.stream_context.headers.request.get("x-token");
    if (token == "") {
      const body = String.UTF8.encode("no token");
      sdk.send_local_response(403, "no_token", body, [sdk.makeHeaderPair("x-gate", "shut")], -1);
      return sdk.FilterHeadersStatusValues.StopIteration;
    }
    const headers = [
      sdk.makeHeaderPair(":authority", "tokens"),
      sdk.makeHeaderPair(":path", "/check"),
      sdk.makeHeaderPair(":method", "GET"),
      sdk.makeHeaderPair("x-token", token),
    ];
    const result = this.root_context.httpCall(
      "tokens",
      headers,
      new ArrayBuffer(0),
      [],
      1000,
      this,
      (origin: sdk.BaseContext, count: u32, _size: usize, _trailers: u32) => {
        sdk.log(sdk.LogLevelValues.warn, `tokens answered with ${count.toString()} headers`);
        sdk.stream_context.headers.request.add("x-checked", "yes");
        origin.continueRequest();
      },
    );
    return result == sdk.WasmResultValues.Ok
      ? sdk.FilterHeadersStatusValues.StopIteration
      : sdk.FilterHeadersStatusValues.Continue;
  }
}

sdk.registerRootContext((context_id: u32) => {
  return new GateRoot(context_id);
}, "gate");
