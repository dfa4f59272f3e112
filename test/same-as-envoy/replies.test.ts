/** Local replies to requests that are not all alike: gRPC, HEAD, and headers that the guest adds. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Both } from "./both.ts";
import { type Exchange, exchange } from "./exchange.ts";

const ofType = (type: string): Partial<Exchange> => ({
  method: "POST",
  headers: [["Content-Type", type]],
  body: ["x"],
});
const grpc = ofType("application/grpc");
/** The guest's callbacks of the response are told in its log. */
const reply = (status: number, body: string, headers: string, grpcStatus: number): string =>
  `request_headers:reply ${status} why ${body} ${headers} ${grpcStatus};return 1|response_headers:pairs 2`;

const cases: Readonly<Record<string, Partial<Exchange>>> = {
  "gRPC gets its status and message as headers": { ...grpc, script: reply(403, "no", "x-a=1", 7) },
  "a message is percent-encoded": { ...grpc, script: reply(403, "a%20~b", "-", 7) },
  "a status above 16 is none, and follows from HTTP's": { ...grpc, script: reply(403, "no", "-", 17) },
  "what the guest adds yields to gRPC's, but for the status": {
    ...grpc,
    script: reply(
      403,
      "no",
      ":status=201,content-type=text/x,grpc-status=3,grpc-message=hey,content-length=7",
      7,
    ),
  },
  "gRPC+proto is gRPC": { ...ofType("application/grpc+proto"), script: reply(403, "no", "-", 7) },
  "gRPC-Web is not": { ...ofType("application/grpc-web"), script: reply(403, "no", "-", 7) },
  "parameters are not": { ...ofType("application/grpc;x"), script: reply(403, "no", "-", 7) },
  "the guest makes no request gRPC": {
    ...ofType("text/plain"),
    script: "request_headers:replace 0 content-type application/grpc;reply 403 why no - 7;return 1",
  },
  "nor another of it": {
    ...grpc,
    script: "request_headers:remove 0 content-type;reply 403 why no - 7;return 1",
  },
  "in the response": {
    ...grpc,
    script: "response_headers:reply 403 why no - 7;return 1|log:get 2 grpc-status",
  },
  "too late": { ...grpc, script: "response_body#1:reply 403 why no - 7;return 1" },
  "a request that is not gRPC has no use for its status": { script: reply(403, "no", "-", 7) },
  ":status among the headers is passed over": {
    script: reply(403, "no", ":status=201,x-a=1,:status=202", -1),
  },
  "another pseudo-header is not": { script: reply(403, "no", ":path=/x", -1) },
  "HEAD gets headers alone, and no callback of a body": {
    method: "HEAD",
    script: reply(403, "no", "x-a=1", -1),
  },
  "HEAD of gRPC gets no message": {
    method: "HEAD",
    headers: grpc.headers!,
    script: reply(403, "no", "-", -1),
  },
  "HEAD that the guest makes GET": {
    method: "HEAD",
    script: "request_headers:replace 0 :method GET;reply 403 why no - -1;return 1",
  },
  "HEAD in the response": {
    method: "HEAD",
    response: { status: 200, headers: [["Content-Length", "5"]], body: [] },
    script: "response_headers:reply 403 why no x-a=1 -1;return 1",
  },
};

describe("a local reply is the same:", () => {
  let both: Both;
  beforeAll(async () => {
    both = await Both.start();
  });
  afterAll(() => both?.stop());

  test.each(Object.entries(cases))("%s", async (_name, given) => {
    const { real, simulated } = await both.run(exchange("reply", given));
    expect(simulated).toEqual(real);
  });

  test("each HTTP status has its status of gRPC", async () => {
    for (const status of [200, 302, 400, 401, 403, 404, 409, 429, 500, 502, 503, 504]) {
      const { real, simulated } = await both.run(
        exchange("reply", { ...grpc, script: reply(status, "-", "-", -1) }),
      );
      expect(simulated).toEqual(real);
      expect(real.client?.headers).toContainEqual(["grpc-status", expect.any(String)]);
    }
  });

  test("a dead VM answers gRPC with 14", async () => {
    const { real, simulated } = await both.run(exchange("trap", { ...grpc, script: "request_headers:trap" }));
    expect(simulated).toEqual(real);
    expect(real.client?.headers).toContainEqual(["grpc-status", "14"]);
  });
});
