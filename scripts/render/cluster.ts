/** An upstream cluster of Envoy's: one address, with TLS or without. */
import { isIP } from "node:net";

export interface ClusterOptions {
  name: string;
  /** Default: 127.0.0.1. A name is looked up in DNS. */
  host?: string;
  port: number;
  tls?: Tls;
  /** It speaks gRPC: a server that Envoy asks for its filter. */
  grpc?: boolean;
}

export interface Tls {
  /** On the proxy's machine: the certificates of whom to believe. */
  ca: string;
  /** The name that we ask for (SNI), and that the certificate must have. */
  serverName: string;
}

export const LOCALHOST = "127.0.0.1";

const HTTP_TYPE = "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
/** Without it a server that was stopped, and not ended, looks connected for ever. */
const KEEPALIVE = { interval: "5s", timeout: "2s" };
const TLS_TYPE = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";

/**
 * Envoy would send 1,024 requests at once to a cluster, and answer the others 503: fewer than there are jobs at work or
 * WebSockets open. How many it takes, upstream knows.
 */
const AS_MANY_AS_COME = { max_connections: 1e6, max_pending_requests: 1e6, max_requests: 1e6 };

export function cluster({ name, host = LOCALHOST, port, tls, grpc = false }: ClusterOptions): object {
  return {
    name,
    type: isIP(host) === 0 ? "STRICT_DNS" : "STATIC",
    connect_timeout: "5s",
    circuit_breakers: { thresholds: [AS_MANY_AS_COME] },
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: socket(host, port) } }] }],
    },
    ...(tls && { transport_socket: transportSocket(tls) }),
    ...(grpc && {
      typed_extension_protocol_options: {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
          "@type": HTTP_TYPE,
          explicit_http_config: { http2_protocol_options: { connection_keepalive: KEEPALIVE } },
        },
      },
    }),
  };
}

/** Without a CA and a name Envoy would encrypt to whoever answers. */
function transportSocket({ ca, serverName }: Tls): object {
  return {
    name: "envoy.transport_sockets.tls",
    typed_config: {
      "@type": TLS_TYPE,
      sni: serverName,
      common_tls_context: {
        validation_context: {
          trusted_ca: { filename: ca },
          match_typed_subject_alt_names: [{ san_type: "DNS", matcher: { exact: serverName } }],
        },
      },
    },
  };
}

export function socket(address: string, port: number): object {
  return { socket_address: { address, port_value: port } };
}
