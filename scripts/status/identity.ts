/** Who a proxy is, by its own word: what the stages of a rollout go by. */
import type { Node } from "../store/stages.ts";

/** What to ask Envoy's admin for. */
export const IDENTITY_QUERY = "/server_info";

/** Out of Envoy's answer, or a sentence with what is wrong with it. */
export function readIdentity(text: string): Node | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return `its answer is no JSON: ${(error as Error).message}`;
  }
  const { node } = Object(value) as { node?: unknown };
  const { id, cluster, locality } = Object(node) as Record<string, unknown>;
  if (typeof id !== "string" || id === "")
    return "it has no node id: give it one (`node.id` in its bootstrap), or say node= in the list";
  const { region, zone, sub_zone } = Object(locality) as Record<string, unknown>;
  const parts = [region, zone, sub_zone].map((part) => (typeof part === "string" ? part : ""));
  return {
    id,
    cluster: typeof cluster === "string" ? cluster : "",
    locality: parts.join("/").replace(/\/+$/, ""),
  };
}
