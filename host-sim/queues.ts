/** Shared queues: a VM registers one by its own vm_id and a name, any VM of the host puts values in and takes them. */
import { Status } from "./abi.ts";
import type { Context } from "./context.ts";
import type { Returned } from "./imports.ts";
import { KEPT, trapBeyond } from "./limits.ts";
import type { RootContext } from "./root.ts";
import type { Vm } from "./vm.ts";

interface Queue {
  readonly values: Uint8Array[];
  /** Who registered it last: it is told of every value. */
  owner: RootContext;
}

/** Of one host (proxy-wasm-cpp-host, shared_queue.cc). */
export class Queues {
  readonly #queues: Queue[] = [];
  readonly #ids = new Map<string, number>();

  /** The queue's number, from 1. */
  register(name: string, owner: RootContext): number {
    const key = `${owner.vm.vmId}\0${name}`;
    const id = this.#ids.get(key);
    const queue = this.get(id ?? 0);
    if (id !== undefined && queue !== undefined) {
      queue.owner = owner;
      return id;
    }
    trapBeyond(KEPT, this.#queues.length + 1, "shared queues");
    this.#queues.push({ values: [], owner });
    this.#ids.set(key, this.#queues.length);
    return this.#queues.length;
  }

  resolve(vmId: string, name: string): number | undefined {
    return this.#ids.get(`${vmId}\0${name}`);
  }

  get(id: number): Queue | undefined {
    return this.#queues[id - 1];
  }
}

export const queueHandlers = {
  proxy_register_shared_queue: (vm: Vm, { root }: Context, name: string): Returned =>
    root === null ? Status.BadArgument : [vm.shared.queues.register(name, root)],

  proxy_resolve_shared_queue: (vm: Vm, _context: Context, vmId: string, name: string): Returned => {
    const id = vm.shared.queues.resolve(vmId, name);
    return id === undefined ? Status.NotFound : [id];
  },

  proxy_enqueue_shared_queue: (vm: Vm, _context: Context, id: number, value: Uint8Array): Returned => {
    const queue = vm.shared.queues.get(id);
    if (queue === undefined) return Status.NotFound;
    trapBeyond(KEPT, queue.values.length + 1, "values in one shared queue");
    queue.values.push(value);
    // The owner may be on another thread: it is told when this guest has returned.
    vm.afterCall(() => queue.owner.vm.enter("proxy_on_queue_ready", queue.owner, id));
    return Status.Ok;
  },

  proxy_dequeue_shared_queue: (vm: Vm, _context: Context, id: number): Returned => {
    const queue = vm.shared.queues.get(id);
    if (queue === undefined) return Status.NotFound;
    const value = queue.values.shift();
    return value === undefined ? Status.Empty : [value];
  },
};
