/** host-sim: runs a proxy-wasm module as a proxy would, and says what happened. See docs/host-sim.md. */
export * from "./abi.ts";
export { assertHostCalls, assertNoLeak } from "./assertions.ts";
export { byteString, byteStringOf, bytesOf, textOf } from "./bytes.ts";
export type { Group, HostCall, Param, ParamKind } from "./call-rows.ts";
export { type Callback, type CallbackName, callbacks } from "./callbacks.ts";
export { Clock } from "./clock.ts";
export type { Connection, ConnectionInput, ConnectionResult } from "./connection.ts";
export { type Fault, type FaultRule, Faults } from "./faults.ts";
export type { GrpcAnswer, GrpcCall } from "./grpc.ts";
export { hostCalls } from "./host-calls.ts";
export { type Pair, serializePairs } from "./memory.ts";
export type { BodyInput, Message, RequestInput, RequestResult, ResponseInput } from "./messages.ts";
export { CompiledModule, LoadError } from "./module.ts";
export { type Objection, type Opinion, opinionOf } from "./objections.ts";
export { ats102 } from "./profiles/ats.ts";
export { envoy140 } from "./profiles/envoy.ts";
export { envoy137, envoy139 } from "./profiles/envoy-older.ts";
export type { LocalReply, Profile, RequestLine } from "./profiles/profile.ts";
export { strict } from "./profiles/strict.ts";
export type { Properties, PropertyValue } from "./properties.ts";
export {
  type FailurePolicy,
  type HostLogLine,
  type HostOptions,
  ProxyHost,
  type Verdict,
} from "./proxy-host.ts";
export type { HttpCall, HttpCallResponse, RootContext, RootOptions } from "./root.ts";
export { type Metric, Shared } from "./shared.ts";
export type { Stream } from "./stream.ts";
export { diffTraces, Trace, type TraceEvent, toJsonLines, toText } from "./trace.ts";
export { type ForeignFunction, type LoadOptions, type LogLine, Vm } from "./vm.ts";
