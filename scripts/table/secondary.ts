/** Whether a proxy is in a secondary data centre. */
import type { Listener } from "../plan.ts";

export interface DataCentres {
  /** Where the proxy is; the listener's own where it is left out. */
  datacentre?: string | undefined;
  /** Which data centre is the primary one. */
  primary?: string | undefined;
}

/** Where either is not known, it is in the primary one. */
export function isSecondary(
  { datacentre: own }: Pick<Listener, "datacentre">,
  { datacentre = own ?? undefined, primary }: DataCentres,
): boolean {
  return datacentre !== undefined && primary !== undefined && datacentre !== primary;
}
