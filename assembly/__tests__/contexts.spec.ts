/** The filter's contexts: made, found again and let go. */
import {
  addStream,
  findStream,
  freeRoot,
  keep,
  remove,
  rootOf,
  rootOfStream,
  setTable,
  takeStream,
} from "../contexts";
import { newTable, Table } from "../table";

/** The table of the root that a stream's headers are decided by. */
function tableOf(stream: u32): Table | null {
  const root = takeStream(stream);
  return root ? root.table : null;
}

function removeRoot(id: u32): void {
  const root = remove(id);
  if (root) freeRoot(root);
}

describe("contexts", () => {
  it("gives a stream its own root's table, whichever root is newer, and whatever comes between", () => {
    const first = newTable();
    const second = newTable();
    setTable(rootOf(1), first);
    setTable(rootOf(2), second);
    addStream(10, 1);
    expect(tableOf(10) === first).toBe(true);
    addStream(11, 2);
    addStream(12, 1);
    addStream(13, 2);
    expect(tableOf(12) === first).toBe(true);
    expect(tableOf(13) === second).toBe(true);
    expect(tableOf(11) === second).toBe(true);
    addStream(14, 1);
    addStream(15, 2);
    removeRoot(1);
    expect(tableOf(14) === null).toBe(true);
    expect(tableOf(15) === second).toBe(true);
    for (let id: u32 = 10; id < 16; id++) remove(id);
    removeRoot(2);
  });

  it("has no table for a stream it does not know, nor for a root without one", () => {
    expect(tableOf(999) === null).toBe(true);
    rootOf(3);
    addStream(20, 3);
    expect(tableOf(20) === null).toBe(true);
    remove(20);
    removeRoot(3);
  });

  it("forgets a stream that goes before its headers come", () => {
    setTable(rootOf(4), newTable());
    addStream(30, 4);
    remove(30);
    expect(tableOf(30) === null).toBe(true);
    removeRoot(4);
  });

  it("does not ask another table about what a stream's own has decided", () => {
    const root = rootOf(5);
    setTable(root, newTable());
    const stream = keep(40, 5);
    stream.table = root.table;
    expect(rootOfStream(findStream(40)!) === root).toBe(true);
    const before = root.table;
    setTable(root, newTable());
    expect(root.table !== before).toBe(true);
    expect(rootOfStream(findStream(40)!) === null).toBe(true);
    remove(40);
    expect(findStream(40) === null).toBe(true);
    removeRoot(5);
  });

  it("keeps thousands of streams apart while others come and go", () => {
    const tables = [newTable(), newTable(), newTable()];
    for (let i: u32 = 0; i < 3; i++) setTable(rootOf(100 + i), tables[i]);
    // Ids that share their low bits as well as consecutive ones: 5,000 live at once.
    for (let id: u32 = 1000; id < 6000; id++) addStream(id * (id % 3 == 0 ? 64 : 1), 100 + (id % 3));
    for (let id: u32 = 1000; id < 6000; id += 2) remove(id * (id % 3 == 0 ? 64 : 1));
    let wrong = 0;
    for (let id: u32 = 1001; id < 6000; id += 2) {
      if (tableOf(id * (id % 3 == 0 ? 64 : 1)) !== tables[id % 3]) wrong++;
    }
    expect(wrong).toBe(0);
    for (let id: u32 = 1001; id < 6000; id += 2) remove(id * (id % 3 == 0 ? 64 : 1));
    expect(tableOf(1001) === null).toBe(true);
  });
});
