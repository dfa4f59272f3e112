/** Where an etcd is, who we are there and what we trust: from a store's URL and the variables that etcdctl knows. */

import { Refusal } from "../refusal.ts";
import { readBytes } from "../sources/files.ts";
import { quote } from "../sources/problem.ts";

export interface EtcdPlace {
  /** For people: the URL without user and password. */
  name: string;
  endpoints: readonly URL[];
  /** Before every key, without a slash at its end. */
  prefix: string;
  user: { name: string; password: string } | null;
  /** PEM; of the `etcds` scheme. */
  tls: { ca?: Buffer; cert?: Buffer; key?: Buffer };
}

export const ETCD_SCHEME = /^etcds?:\/\//;

const PORT = 2379;
const PEM_BYTES_AT_MOST = 2 ** 20;
const LOOKS_LIKE = "etcd://host:port[,host:port…]/prefix";

/** Whether there is a password in it, which others see in the list of processes. */
export const hasPassword = (text: string): boolean => /^\w+:\/\/[^/]*:[^/]*@/.test(text);

/** Throws Refusal, in which no password stands. */
export function parseEtcdPlace(text: string, env: NodeJS.ProcessEnv): EtcdPlace {
  const [, scheme, own, hosts, path] = /^(etcds?):\/\/(?:([^@/]*)@)?([^@/]+)(?:\/([^@]*))?$/.exec(text) ?? [];
  const shown = text.replace(/\/\/.*@/s, "//…@");
  if (scheme === undefined || hosts === undefined)
    throw new Refusal(`${quote(shown)}: a store in etcd looks like ${LOOKS_LIKE}`);
  const name = `${scheme}://${hosts}/${path ?? ""}`;
  const prefix = (path ?? "").replace(/\/+$/, "");
  if (!/^[\w.-]+(\/[\w.-]+)*$/.test(prefix)) {
    throw new Refusal(
      `${quote(name)}: needs a prefix for its keys, of letters, digits, \`.\`, \`-\`, \`_\` and \`/\`: ${LOOKS_LIKE}`,
    );
  }
  const protocol = scheme === "etcds" ? "https" : "http";
  return {
    name: `${scheme}://${hosts}/${prefix}`,
    endpoints: hosts.split(",").map((host) => endpointOf(host, protocol, name)),
    prefix: `/${prefix}`,
    user: userOf(own, env, name),
    tls: scheme === "etcds" ? tlsOf(env) : {},
  };
}

function endpointOf(host: string, protocol: string, name: string): URL {
  try {
    const url = new URL(`${protocol}://${host}`);
    // An empty port is the protocol's own, which is none of etcd's.
    if (!/:\d+$/.test(host)) url.port = String(PORT);
    return url;
  } catch {
    throw new Refusal(`${quote(name)}: ${quote(host)} is no host:port`);
  }
}

function userOf(own: string | undefined, env: NodeJS.ProcessEnv, name: string): EtcdPlace["user"] {
  const fromUrl = own !== undefined;
  const said = own ?? env.ETCDCTL_USER;
  if (said === undefined || said === "") return null;
  const [user, ...rest] = said.split(":");
  const given = rest.length > 0 ? rest.join(":") : undefined;
  try {
    const decoded = (part: string) => (fromUrl ? decodeURIComponent(part) : part);
    const password = given === undefined ? env.ETCDCTL_PASSWORD : decoded(given);
    if (password === undefined)
      throw new Refusal(`${quote(name)}: a user without a password: say it in ETCDCTL_PASSWORD`);
    return { name: decoded(user!), password };
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw new Refusal(`${quote(name)}: user and password must be percent-encoded in a URL`);
  }
}

function tlsOf(env: NodeJS.ProcessEnv): EtcdPlace["tls"] {
  const pem = (variable: string): Buffer | undefined => {
    const file = env[variable];
    if (file === undefined || file === "") return undefined;
    return readBytes(file, { file: variable }, PEM_BYTES_AT_MOST);
  };
  const [ca, cert, key] = ["ETCDCTL_CACERT", "ETCDCTL_CERT", "ETCDCTL_KEY"].map(pem);
  if ((cert === undefined) !== (key === undefined))
    throw new Refusal("ETCDCTL_CERT and ETCDCTL_KEY belong together: say both or neither");
  return { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
}
