/** The filter's contexts: made, found again and let go. */
import {
  addStream,
  findListener,
  findStream,
  freeRoot,
  isServing,
  keep,
  remove,
  rootOf,
  rootOfStream,
  serve,
  takeStream,
} from "../contexts";
import { newTable, Table } from "../table";
import { bytesOf } from "./ascii";

/** The table that a stream's headers are decided by. */
function tableOf(stream: u32): Table | null {
  const root = takeStream(stream);
  return root ? tableOfRoot(root.id) : null;
}

function tableOfRoot(id: u32): Table | null {
  const listener = rootOf(id).listener;
  return listener ? listener.table : null;
}

function serveTo(root: u32, name: string, table: Table): void {
  serve(rootOf(root), bytesOf(name), name.length, table);
}

function removeRoot(id: u32): void {
  const root = remove(id);
  if (root) freeRoot(root);
}

describe("contexts", () => {
  it("gives a stream its own root's table, whichever root is newer, and whatever comes between", () => {
    const first = newTable();
    const second = newTable();
    serveTo(1, "edge", first);
    serveTo(2, "mesh", second);
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
    serveTo(4, "edge", newTable());
    addStream(30, 4);
    remove(30);
    expect(tableOf(30) === null).toBe(true);
    removeRoot(4);
  });

  it("has one table a listener, which a root that is replaced serves too", () => {
    const first = newTable();
    const second = newTable();
    serveTo(5, "edge", first);
    serveTo(6, "mesh", first);
    expect(first.holders).toBe(2);
    addStream(40, 5);
    const stream = keep(40, 5);
    stream.serial = first.serial;
    serveTo(7, "edge", second);
    expect(first.holders).toBe(1);
    expect(tableOfRoot(5) === second && tableOfRoot(7) === second).toBe(true);
    expect(tableOfRoot(6) === first).toBe(true);
    // What was decided by the first table means nothing in the second.
    expect(rootOfStream(findStream(40)!) === rootOf(5)).toBe(true);
    expect(stream.serial != second.serial).toBe(true);
    remove(40);
    removeRoot(7);
    expect(tableOfRoot(5) === second).toBe(true);
    // A root that gets another listener's table leaves its own, which has no other.
    serveTo(5, "mesh", second);
    expect(second.holders).toBe(1);
    expect(findListener(bytesOf("edge"), 4) === null).toBe(true);
    removeRoot(5);
    expect(tableOfRoot(6) === second).toBe(true);
    removeRoot(6);
    expect(isServing()).toBe(false);
  });

  it("keeps thousands of streams apart while others come and go", () => {
    const tables = [newTable(), newTable(), newTable()];
    const names = ["a", "b", "c"];
    for (let i: u32 = 0; i < 3; i++) serveTo(100 + i, names[i], tables[i]);
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
