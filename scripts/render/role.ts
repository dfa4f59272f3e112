/** Where an Envoy stands: before strangers, or beside a service of our own. */
import type { TableListener } from "../table/table.ts";
import type { ListenerOptions } from "./bootstrap.ts";
import { LOCALHOST } from "./cluster.ts";
import { listenerOf } from "./listeners.ts";

export const ROLES = ["sidecar", "ingress"] as const;
export type Role = (typeof ROLES)[number];

const OF: Record<Role, { trust: "edge" | "internal"; address: string }> = {
  sidecar: { trust: "internal", address: LOCALHOST },
  ingress: { trust: "edge", address: "0.0.0.0" },
};
const PORT = 8080;

type Listening = Pick<ListenerOptions, "name" | "address" | "port">;

/**
 * The listeners that were asked for, else the first that suits the role. Throws RangeError where one does not suit it.
 * @param role none: any listener, for this machine alone
 */
export function listening(
  given: readonly Listening[],
  known: ReadonlyMap<string, TableListener>,
  role: Role | undefined,
): Listening[] {
  if (role === undefined)
    return given.length > 0 ? [...given] : [{ name: [...known.keys()][0]!, port: PORT }];
  const { trust, address } = OF[role];
  const suits = (name: string) => listenerOf(name, known).trust === trust;
  const wanted =
    given.length > 0
      ? given
      : [...known.keys()]
          .filter(suits)
          .slice(0, 1)
          .map((name) => ({ name, port: PORT }));
  const other = wanted.find(({ name }) => !suits(name))?.name;
  if (other !== undefined)
    throw new RangeError(
      `--role ${role} is for listeners with \`trust: ${trust}\`, and "${other}" has another`,
    );
  if (wanted.length === 0)
    throw new RangeError(
      `--role ${role} needs a listener with \`trust: ${trust}\` in the farm's \`listeners\``,
    );
  return wanted.map((one) => ({ address, ...one }));
}
