/** records.yaml: what ATS must be told beside its defaults, for the filter and what stands around it. */
import { isIPv6 } from "node:net";

export interface RecordsOptions {
  /** Where ATS listens; null: at all addresses. */
  address: string | null;
  port: number;
  /** On the proxy's machine: the authorities of TLS upstreams; null: there are none. */
  ca: string | null;
}

/** The document. */
export function records({ address, port, ca }: RecordsOptions): object {
  return {
    records: {
      // The plugin passes bodies on without a lock: on more than one thread they end the process.
      exec_thread: { autoconfig: { enabled: 0 }, limit: 1 },
      http: {
        server_ports: address === null ? String(port) : `${port}:ip-in=${inBrackets(address)}`,
        // Else a client that sends `Expect: 100-continue` waits for ever.
        send_100_continue_response: 1,
        // A cluster's only host that was down is asked again soon.
        parent_proxy: { retry_time: 5 },
      },
      // The cache's key has the host that the client asked for, and the upstream sees it.
      url_remap: { pristine_host_hdr: 1, remap_required: 1 },
      ...(ca !== null && {
        ssl: {
          client: {
            CA: { cert: { filename: ca } },
            verify: { server: { policy: "ENFORCED", properties: "ALL" } },
            // The upstream's own name, as Host is the client's.
            sni_policy: "remap",
          },
        },
      }),
      // Why a table was refused: `traffic_ctl config set proxy.config.diags.debug.enabled 1`.
      diags: { debug: { enabled: 0, tags: "wasm" } },
    },
  };
}

const inBrackets = (address: string) => (isIPv6(address) ? `[${address}]` : address);
