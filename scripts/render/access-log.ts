/** An access log as JSON lines, with what tells one 503 from another, and what `simulate --requests` reads. */
import { SHADOW_HEADER } from "../table/shadow.ts";

export interface AccessLog {
  /** Answers from 500 up, or every one. */
  of: "errors" | "all";
  /** Default: standard output. */
  file?: string;
}

/** Whose word the log has: the header that names the cluster, or in shadow what would have been, beside what was. */
export interface Decided {
  clusterHeader: string;
  shadow: boolean;
}

const TYPE = "type.googleapis.com/envoy.extensions.access_loggers";

export function accessLogs({ of, file }: AccessLog, listener: string, decided: Decided): object[] {
  const [name, sink] =
    file === undefined
      ? ["stdout", { "@type": `${TYPE}.stream.v3.StdoutAccessLog` }]
      : ["file", { "@type": `${TYPE}.file.v3.FileAccessLog`, path: file }];
  return [
    {
      name: `envoy.access_loggers.${name}`,
      ...(of === "errors" && {
        filter: {
          status_code_filter: {
            comparison: {
              op: "GE",
              value: { default_value: 500, runtime_key: "pointsman.access_log.from_status" },
            },
          },
        },
      }),
      typed_config: { ...sink, log_format: { json_format: fields(listener, decided) } },
    },
  ];
}

function fields(listener: string, { clusterHeader, shadow }: Decided): Record<string, string> {
  return {
    time: "%START_TIME%",
    listener: listener.replaceAll("%", "%%"),
    client: "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    method: "%REQ(:METHOD)%",
    authority: "%REQ(:AUTHORITY)%",
    path: "%REQ(:PATH)%",
    protocol: "%PROTOCOL%",
    status: "%RESPONSE_CODE%",
    // Why Envoy answered by itself: `NC` no such cluster, `UF` upstream cannot be reached, `UH` none is healthy, …
    flags: "%RESPONSE_FLAGS%",
    details: "%RESPONSE_CODE_DETAILS%",
    route: "%ROUTE_NAME%",
    ...(shadow
      ? { shadow: `%REQ(${SHADOW_HEADER.toUpperCase()})%`, upstream_cluster: "%UPSTREAM_CLUSTER%" }
      : // What the filter chose, whether Envoy has such a cluster or not.
        { cluster: `%REQ(${clusterHeader.toUpperCase()})%` }),
    upstream: "%UPSTREAM_HOST%",
    failure: "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
    milliseconds: "%DURATION%",
    request_id: "%REQ(X-REQUEST-ID)%",
  };
}
