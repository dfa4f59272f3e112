// Large memory, in whole pages that the heap never has: tables, and what brings them. The heap doubles the memory when
// it grows, looks for a block only among larger ones, and traps where there is none; what is not to be had here is 0.

const PAGE: usize = 65536;

/**
 * Pages of the whole memory above which no run is made. Proxies give a VM 1 GiB (proxy-wasm-cpp-host, limits.h), and
 * what is left is the heap's.
 */
const MAX_MEMORY_PAGES: i32 = 15360;

/** A free run, which says so in its own first bytes. */
@unmanaged
class Run {
  /** By address. */
  next: Run | null;
  size: usize;
}

/** The heap grows by doubling all there is: it gets its share before there is something large. */
const HEAP_SHARE: usize = 1048576;
let hasHeapShare: bool = false;

let free: Run | null = null;

/** What `takeRun` takes for so many bytes. */
export function runSize(size: usize): usize {
  return (size + (PAGE - 1)) & ~(PAGE - 1);
}

/** @returns address of runSize(size) bytes, 0 where there is no room */
export function takeRun(size: usize): usize {
  const wanted = runSize(size);
  if (wanted < size) return 0;
  if (!hasHeapShare) {
    hasHeapShare = true;
    heap.free(heap.alloc(HEAP_SHARE));
  }
  const fitting = smallest(wanted);
  if (fitting) return cut(fitting, wanted);
  // A run at the end of the memory grows by what it lacks.
  const lacking = wanted - sizeAtEnd();
  const pages = <i32>(lacking >> 16);
  if (pages > MAX_MEMORY_PAGES - memory.size()) return 0;
  const before = memory.grow(pages);
  if (before < 0) return 0;
  giveRun((<usize>before) << 16, lacking);
  return cut(smallest(wanted)!, wanted);
}

function smallest(wanted: usize): Run | null {
  let found: Run | null = null;
  let run = free;
  while (run) {
    if (run.size >= wanted && (!found || run.size < found.size)) found = run;
    run = run.next;
  }
  return found;
}

/** Of the free run at the end of the memory. */
function sizeAtEnd(): usize {
  const end = (<usize>memory.size()) << 16;
  let run = free;
  while (run) {
    if (changetype<usize>(run) + run.size == end) return run.size;
    run = run.next;
  }
  return 0;
}

/** Takes the end of a free run; what is left of it stays where it is in the list. */
function cut(run: Run, wanted: usize): usize {
  run.size -= wanted;
  if (run.size == 0) unlink(run);
  return changetype<usize>(run) + run.size;
}

function unlink(run: Run): void {
  let before: Run | null = null;
  for (let one = free; one !== run; one = one!.next) before = one;
  if (before) before.next = run.next;
  else free = run.next;
}

/** Gives back what `takeRun` gave, with its runSize; neighbours become one run. */
export function giveRun(at: usize, size: usize): void {
  let before: Run | null = null;
  let after = free;
  while (after && changetype<usize>(after) < at) {
    before = after;
    after = after.next;
  }
  const run = changetype<Run>(at);
  run.size = size;
  run.next = after;
  if (after && at + size == changetype<usize>(after)) {
    run.size += after.size;
    run.next = after.next;
  }
  if (before && changetype<usize>(before) + before.size == at) {
    before.size += run.size;
    before.next = run.next;
  } else if (before) before.next = run;
  else free = run;
}
