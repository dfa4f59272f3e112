// One step more: it is told that a stream is over.
export * from "./step-context-create";

export function proxy_on_delete(_context: u32): void {}
