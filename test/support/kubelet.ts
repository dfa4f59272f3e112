/** What the kubelet makes of ConfigMaps: folders whose content is swapped as a whole. */
import { existsSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ConfigMap } from "../../scripts/render/configmap.ts";

/**
 * Brings the map into the mount: a new folder, and one rename that makes all of it visible at once.
 * @param edit what becomes of texts: paths in a pod, and addresses of a cluster, are none of this machine's
 */
export function project(
  { data = {}, binaryData = {} }: ConfigMap,
  mount: string,
  edit: (text: string) => string,
): void {
  const version = `..${process.hrtime.bigint()}`;
  mkdirSync(join(mount, version), { recursive: true });
  const contents = [
    ...Object.entries(data).map(([key, text]) => [key, edit(text)] as const),
    ...Object.entries(binaryData).map(([key, base64]) => [key, Buffer.from(base64, "base64")] as const),
  ];
  for (const [key, content] of contents) writeFileSync(join(mount, version, key), content);
  symlinkSync(version, join(mount, "..data_tmp"));
  renameSync(join(mount, "..data_tmp"), join(mount, "..data"));
  for (const [key] of contents) {
    if (!existsSync(join(mount, key))) symlinkSync(join("..data", key), join(mount, key));
  }
}
