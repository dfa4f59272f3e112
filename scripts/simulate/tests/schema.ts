/** The schema of a file of tests: a module, what it is told, requests, and what has to come of them. */
import { z } from "zod";
import { PROFILES } from "../profiles.ts";

/** Exactly one of a mapping's keys is there. */
function hasOne(keys: readonly string[]): [(value: object) => boolean, string] {
  const names = keys.map((key) => `\`${key}\``);
  return [
    (value) => keys.filter((key) => Object.hasOwn(value, key)).length === 1,
    `must have one of ${names.slice(0, -1).join(", ")} and ${names.at(-1)}`,
  ];
}

const json = z.json("must be what JSON can say");
const base64 = z.base64("must be base64");

/** Bytes: text, or what is in a file, base64 or JSON. */
const bytes = z.union([
  z.string(),
  z
    .strictObject({ file: z.string().min(1).optional(), base64: base64.optional(), json: json.optional() })
    .refine(...hasOne(["file", "base64", "json"])),
]);
export type Bytes = z.infer<typeof bytes>;

const pattern = z.string().superRefine((text, context) => {
  try {
    new RegExp(text, "u");
  } catch (error) {
    const why = (error as Error).message.replace(/^Invalid regular expression: /, "");
    context.addIssue({ code: "custom", message: `must be a regular expression: ${why}` });
  }
});

/** What a text has to be: itself, or like this. */
const wanted = z.union([
  z.string(),
  z
    .strictObject({
      matches: pattern.optional(),
      contains: z.string().optional(),
      base64: base64.optional(),
      json: json.optional(),
    })
    .refine(...hasOne(["matches", "contains", "base64", "json"])),
]);
export type Wanted = z.infer<typeof wanted>;

const wantedLog = z.union([
  z.string(),
  z
    .strictObject({
      level: z.enum(["trace", "debug", "info", "warn", "error", "critical"]).optional(),
      text: z.string().optional(),
      matches: pattern.optional(),
      contains: z.string().optional(),
    })
    .refine(...hasOne(["text", "matches", "contains"])),
]);
export type WantedLog = z.infer<typeof wantedLog>;

const headerName = z.string().regex(/^:?[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, "must be a header's name");
// biome-ignore lint/suspicious/noControlCharactersInRegex: that there are none is what is checked
const headerValue = z.string().regex(/^[^\x00\r\n]*$/, "must be a header's value, without line ends");

/** A list is that many headers of one name. */
const headers = z.record(headerName, z.union([headerValue, z.array(headerValue).min(1)]));
export type Headers = z.infer<typeof headers>;

/** null: there is none of that name. */
const wantedHeaders = z.record(headerName, z.union([z.null(), wanted, z.array(wanted).min(1)]));
export type WantedHeaders = z.infer<typeof wantedHeaders>;

/** A list is the pieces in which it comes. */
const body = z.union([bytes, z.array(bytes).min(1).max(10_000)]);
export type GivenBody = z.infer<typeof body>;

const status = z.int().min(100).max(999);

const response = z.strictObject({
  status: status.default(200),
  headers: headers.optional(),
  body: body.optional(),
  trailers: headers.optional(),
});
export type GivenResponse = z.infer<typeof response>;

const properties = z.record(z.string(), z.union([z.string(), z.int(), z.boolean()]));

const request = z.strictObject({
  method: headerValue.default("GET"),
  scheme: headerValue.default("http"),
  host: headerValue.default("example.com"),
  path: headerValue.default("/"),
  headers: headers.optional(),
  body: body.optional(),
  trailers: headers.optional(),
  /** Beside the file's. */
  properties: properties.optional(),
  /** What the upstream answers; default: 200 and no more. */
  response: response.optional(),
});

const httpCall = z.strictObject({
  to: wanted.optional(),
  headers: wantedHeaders.optional(),
  body: wanted.optional(),
  trailers: wantedHeaders.optional(),
  /** Milliseconds. */
  timeout: z.int().min(0).optional(),
  /** Left out: it goes on waiting. */
  answer: z.union([z.enum(["broken", "timeout"]), response]).optional(),
});
export type WantedHttpCall = z.infer<typeof httpCall>;

const grpcCall = z.strictObject({
  to: wanted.optional(),
  service: wanted.optional(),
  method: wanted.optional(),
  metadata: wantedHeaders.optional(),
  messages: z.array(wanted).optional(),
  timeout: z.int().min(0).optional(),
  answer: z
    .union([
      z.enum(["broken", "refused", "timeout"]),
      z.strictObject({
        metadata: headers.optional(),
        messages: z.array(bytes).max(10_000).optional(),
        /** Left out: a call succeeds, and a stream goes on. */
        status: z.int().min(0).max(16).optional(),
        text: headerValue.optional(),
        trailers: headers.optional(),
      }),
    ])
    .optional(),
});
export type WantedGrpcCall = z.infer<typeof grpcCall>;

/** null: nothing came there. */
const message = {
  headers: wantedHeaders.optional(),
  body: wanted.optional(),
  trailers: wantedHeaders.optional(),
};

const expected = z.strictObject({
  refused: z.union([z.literal(true), wanted]).optional(),
  upstream: z.strictObject(message).nullable().optional(),
  response: z
    .strictObject({ status: status.optional(), ...message })
    .nullable()
    .optional(),
  "local-reply": z
    .strictObject({
      status: status.optional(),
      body: wanted.optional(),
      details: wanted.optional(),
      "grpc-status": z.int().nullable().optional(),
    })
    .nullable()
    .optional(),
  paused: z.boolean().optional(),
  reset: wanted.nullable().optional(),
  trap: wanted.optional(),
  logs: z.array(wantedLog).optional(),
  "no-logs": z.array(wantedLog).optional(),
  metrics: z.record(z.string(), z.union([z.int(), z.array(z.int())])).optional(),
});
export type Expected = z.infer<typeof expected>;

/** In one second of the module's clock, a tick each millisecond. */
const MOST_TICKS = 10_000;
const MOST_MILLISECONDS = 3_600_000;

const parts = {
  request: request.optional(),
  /** So many ticks come, as far apart as the module has asked for. */
  ticks: z.int().min(1).max(MOST_TICKS).optional(),
  /** The module's clock moves on by so many milliseconds. */
  advance: z.int().min(1).max(MOST_MILLISECONDS).optional(),
  /** The module's own calls, in their order: each as it has to be, and what it is answered. */
  "http-calls": z.array(httpCall).optional(),
  "grpc-calls": z.array(grpcCall).optional(),
  expect: expected.optional(),
};
const step = z.strictObject(parts);
export type Step = z.infer<typeof step>;

const profile = z.enum([...PROFILES.keys()]);

/** What the module is told: for the whole file, and otherwise in a test. */
const told = {
  module: z.string().min(1).optional(),
  profile: z.union([profile, z.array(profile).min(1)]).optional(),
  configuration: bytes.optional(),
  "vm-configuration": bytes.optional(),
  "root-id": z.string().optional(),
  "vm-id": z.string().optional(),
  environment: z.record(z.string().regex(/^[^=]+$/, "must be a variable's name"), z.string()).optional(),
  properties: properties.optional(),
  /** The clusters that there are for its calls; default: any. */
  upstreams: z.array(z.string()).optional(),
};

const test = z
  .strictObject({
    name: z.string().min(1),
    ...told,
    ...parts,
    steps: z.array(step).min(1).max(1000).optional(),
  })
  .refine(
    ({ steps, request, ticks, advance, expect, "http-calls": calls }) =>
      (steps === undefined) !== [request, ticks, advance, expect, calls].every((one) => one === undefined),
    "must have `steps`, or what one step has: `request`, `ticks`, `advance`, `http-calls`, `expect`",
  );
export type WrittenTest = z.infer<typeof test>;

export const testsFile = z.strictObject({ ...told, tests: z.array(test).min(1).max(10_000) });
