/** Kubernetes objects as Istio reads them. */

export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace: string; labels?: Record<string, string> };
  spec: object;
}

/** Whose objects they are, and which gateway's pods they are for. */
export interface Place {
  /** What their names begin with. */
  name: string;
  namespace: string;
  /** Labels of the gateway's pods. */
  selector: Readonly<Record<string, string>>;
}

export const NETWORKING = "networking.istio.io/v1";
export const NETWORKING_ALPHA = "networking.istio.io/v1alpha3";
export const EXTENSIONS = "extensions.istio.io/v1alpha1";

/** What etcd takes as one request, less what the API server adds. */
const OBJECT_BYTES_AT_MOST = Math.floor(1.4 * 2 ** 20);

/** Throws RangeError where Kubernetes would not store the object. */
export function checkSize(manifest: Pick<Manifest, "kind" | "metadata">): void {
  const bytes = Buffer.byteLength(JSON.stringify(manifest));
  if (bytes <= OBJECT_BYTES_AT_MOST) return;
  throw new RangeError(
    `${manifest.kind} ${manifest.metadata.name}: ${bytes} bytes, and Kubernetes stores at most ${OBJECT_BYTES_AT_MOST} in an object: bring so large a table by files or by a server (pointsman serve)`,
  );
}

/** Of two objects with one name, the one that is applied later would put the other away. Throws RangeError. */
export function refuseTwins(manifests: readonly Manifest[]): void {
  const seen = new Set<string>();
  for (const { kind, metadata } of manifests) {
    const what = `${kind} ${metadata.name}`;
    if (seen.has(what))
      throw new RangeError(
        `there would be two of ${what}: give one of them another name in the farm, or render it under another --name`,
      );
    seen.add(what);
  }
}
