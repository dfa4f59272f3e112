/** What one table changes against another, as `pointsman diff` says it. */
import { diff } from "../diff/diff.ts";
import { TEXT, titleOf } from "../diff/formats.ts";
import { type Section, sectionsOf } from "../diff/sections.ts";
import { decode } from "../encode/decode.ts";
import { VersionOrder } from "../farm/version-order.ts";
import { Table } from "../table/table.ts";

/** A table's file. */
export interface TableFile {
  name: string;
  bytes: Uint8Array;
}

export interface WhatChanges {
  title: string;
  sections: Section[];
}

/** Throws TableError. */
export function whatChanges(before: TableFile, after: TableFile): WhatChanges {
  const [old, next] = [new Table(before.bytes), new Table(after.bytes)];
  const order = new VersionOrder();
  const found = diff(decode(old), decode(next), (a, b) => order.tell(a, b));
  const shown = ({ generation }: Table, { name }: TableFile) => `generation ${generation} (${name})`;
  return {
    title: titleOf(found, shown(old, before), shown(next, after)),
    sections: sectionsOf(found, TEXT),
  };
}
