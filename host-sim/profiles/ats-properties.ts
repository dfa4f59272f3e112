/** Properties as ATS 10.2 has them, where another host has them otherwise (ats_context.cc, getProperty). */
import type { Pair } from "../memory.ts";
import { atsHeaders } from "./ats-headers.ts";
import type { Death, Exchanged } from "./profile.ts";
import { reasons } from "./reasons.ts";

const int64 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, BigInt(value), true);
  return bytes;
};
const int32 = (value: number): Uint8Array => int64(value).subarray(0, 4);

const sizeOf = (headers: readonly Pair[] | null): number => atsHeaders.size(headers ?? []);

/** See `Profile.property`. */
export function atsProperty(
  exchange: Exchanged | null,
  [group, field]: readonly string[],
): Uint8Array | string | Death | null {
  if (group !== "request" && group !== "response") return null;
  // Ran on 10.2.0 with request.path; by its source all of these ask for a transaction that is not there.
  if (exchange === null) return { kills: `${group}.${field} is asked for where there is no request` };
  return group === "request" ? ofRequest(exchange, field) : ofResponse(exchange, field);
}

function ofRequest({ id, request }: Exchanged, field: string | undefined): Uint8Array | string | null {
  if (field === "total_size") return int64(sizeOf(request.headers) + request.bytes);
  if (field !== "id") return null;
  const own = request.headers?.find(([name]) => name.toLowerCase() === "x-request-id");
  return own?.[1] ?? String(id);
}

function ofResponse({ response }: Exchanged, field: string | undefined): Uint8Array | string | null {
  const { status } = response;
  if (status === null) return null;
  if (field === "code") return int32(Number(status));
  if (field === "code_details") return reasons[status] ?? "";
  return field === "total_size" ? int64(sizeOf(response.headers) + response.bytes) : null;
}
