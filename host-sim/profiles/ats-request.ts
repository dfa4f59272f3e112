/** What ATS 10.2 makes of a request before a guest sees it, and what it answers by itself: ran on 10.2.0. */
import type { Pair } from "../memory.ts";
import type { RequestLine } from "./profile.ts";

const isHost = ([name]: Pair): boolean => name.toLowerCase() === "host";

/** A URL as the target: its host, where it has one, takes the place of Host. Changes both; see `Profile.receive`. */
export function receiveInAts(line: RequestLine, map: Pair[]): string | null {
  if (map.filter(isHost).length > 1) return "two Host headers";
  const url = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)(.*)$/is.exec(line.path);
  if (url !== null) {
    const [, host, rest] = url;
    line.path = rest!.startsWith("/") ? rest! : `/${rest}`;
    if (host !== "") {
      line.host = host!;
      const at = map.findIndex(isHost);
      map.splice(at < 0 ? 0 : at, at < 0 ? 0 : 1, ["Host", host!]);
    }
  }
  if (!line.path.startsWith("/")) return "a target that is no path";
  if (line.path.startsWith("//")) line.path = line.path.slice(1);
  return refusedHost(line.host);
}

function refusedHost(host: string): string | null {
  if (host.includes(",")) return "a comma in Host";
  if (host.includes("@")) return "userinfo in Host";
  const port = host.slice(host.lastIndexOf(":") + 1);
  const hasPort = host.includes(":") && !host.endsWith("]");
  if (hasPort && port !== "" && !(/^\d{1,5}$/.test(port) && Number(port) > 0 && Number(port) < 65_536))
    return "a bad port in Host";
  return null;
}
