// One step more: it is asked about the response.
export * from "./step-delete";

export function proxy_on_response_headers(_stream: u32, _headers: u32, _end: u32): u32 {
  return 0;
}
