/** Runs of pages: none lies in another, and what was given back is taken again. */
import { giveRun, runSize, takeRun } from "../pages";

const PAGE: usize = 65536;
const at = memory.data(64 * 4);
const sizes = memory.data(64 * 4);

/** Marks both ends of each page of a run. */
function mark(i: u32): void {
  const run = load<u32>(at + 4 * i);
  for (let page: u32 = 0; page < load<u32>(sizes + 4 * i); page += <u32>PAGE) {
    store<u32>(run + page, i + 1);
    store<u32>(run + page + <u32>PAGE - 4, i + 1);
  }
}

/** Pages of a run in which another one's mark stands. */
function overwritten(i: u32): u32 {
  const run = load<u32>(at + 4 * i);
  let wrong: u32 = 0;
  for (let page: u32 = 0; page < load<u32>(sizes + 4 * i); page += <u32>PAGE) {
    if (load<u32>(run + page) != i + 1 || load<u32>(run + page + <u32>PAGE - 4) != i + 1) wrong++;
  }
  return wrong;
}

describe("runs of pages", () => {
  it("are whole pages", () => {
    expect(runSize(1)).toBe(PAGE);
    expect(runSize(PAGE)).toBe(PAGE);
    expect(runSize(PAGE + 1)).toBe(2 * PAGE);
  });

  it("keep apart, whatever is taken and given back in whatever order", () => {
    let random: u32 = 1;
    let wrong: u32 = 0;
    for (let step = 0; step < 20_000; step++) {
      random = random * 1664525 + 1013904223;
      const i = (random >> 8) & 63;
      const run = load<u32>(at + 4 * i);
      if (run != 0) {
        wrong += overwritten(i);
        giveRun(run, load<u32>(sizes + 4 * i));
        store<u32>(at + 4 * i, 0);
      } else {
        const size = 1 + ((random >> 14) & 0x7ffff);
        store<u32>(at + 4 * i, <u32>takeRun(size));
        store<u32>(sizes + 4 * i, <u32>runSize(size));
        if (load<u32>(at + 4 * i) == 0) wrong++;
        else mark(i);
      }
    }
    for (let i: u32 = 0; i < 64; i++) {
      if (load<u32>(at + 4 * i) == 0) continue;
      wrong += overwritten(i);
      giveRun(load<u32>(at + 4 * i), load<u32>(sizes + 4 * i));
    }
    expect(wrong).toBe(0);
    // What was taken in pieces is one again, and the memory stays as it is.
    const pages = memory.size();
    const all = takeRun(100 * PAGE);
    expect(all != 0).toBe(true);
    expect(memory.size()).toBe(pages);
    giveRun(all, runSize(100 * PAGE));
  });

  it("are not made where there is no room, and nothing traps", () => {
    const pages = memory.size();
    expect(takeRun(1 << 30)).toBe(0);
    expect(takeRun(0xffffffff)).toBe(0);
    expect(takeRun(0xfffe0000)).toBe(0);
    expect(memory.size()).toBe(pages);
    const small = takeRun(PAGE);
    expect(small != 0).toBe(true);
    giveRun(small, PAGE);
  });
});
