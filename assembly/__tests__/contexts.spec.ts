import { addStream, remove, rootOf, setTable, tableOf } from "../contexts";
import { newTable } from "../table";

describe("contexts", () => {
  it("gives a stream its own root's table, whichever root is newer", () => {
    const first = newTable();
    const second = newTable();
    setTable(rootOf(1), first);
    setTable(rootOf(2), second);
    addStream(10, 1);
    addStream(11, 2);
    addStream(12, 1);
    expect(tableOf(10) === first).toBe(true);
    expect(tableOf(11) === second).toBe(true);
    expect(tableOf(12) === first).toBe(true);
    remove(1);
    expect(tableOf(10) === null).toBe(true);
    expect(tableOf(11) === second).toBe(true);
    remove(10);
    remove(11);
    remove(12);
    remove(2);
  });

  it("has no table for a stream it does not know, nor for a root without one", () => {
    expect(tableOf(999) === null).toBe(true);
    rootOf(3);
    addStream(20, 3);
    expect(tableOf(20) === null).toBe(true);
    remove(20);
    remove(3);
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
