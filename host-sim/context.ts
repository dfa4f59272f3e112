/** A context of the guest: the VM's own (id 0), a plugin's (root), or a stream's. */
import { Status } from "./abi.ts";
import type { Body } from "./body.ts";
import type { Connection } from "./connection.ts";
import type { Pair } from "./memory.ts";
import type { RootContext } from "./root.ts";
import type { Stream } from "./stream.ts";
import type { Vm } from "./vm.ts";

export class Context {
  constructor(
    readonly vm: Vm,
    /** As the guest knows it; unique in its VM. */
    readonly id: number,
  ) {}

  /** The plugin context that this one belongs to, itself included; null for the VM's own. */
  get root(): RootContext | null {
    return null;
  }

  get stream(): Stream | null {
    return null;
  }

  get tcp(): Connection | null {
    return null;
  }

  /** Envoy's filter state, as far as guests set it; null where there is none. */
  get filterState(): Map<string, string> | null {
    return null;
  }

  /**
   * A `proxy_map_type_t` map that can be read, or changed, from this context now; else null.
   */
  map(_type: number, _writable: boolean): Pair[] | null {
    return null;
  }

  /** A `proxy_buffer_type_t` buffer that can be reached from this context now; else null. */
  buffer(_type: number): Body | null {
    return null;
  }

  /** What a read of a map answers that is not there: a status. */
  get noMap(): number {
    return Status.BadArgument;
  }
}
