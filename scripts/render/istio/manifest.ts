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
