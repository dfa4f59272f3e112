/** The numbers of `groupOf`, those of group 0 first, each group's in order; and where each group starts. */
export function grouped(groupOf: Uint32Array, groups: number): { items: Uint32Array; starts: Uint32Array } {
  const starts = new Uint32Array(groups + 1);
  for (const group of groupOf) starts[group + 1]!++;
  for (let group = 0; group < groups; group++) starts[group + 1]! += starts[group]!;
  const next = starts.slice();
  const items = new Uint32Array(groupOf.length);
  for (let number = 0; number < groupOf.length; number++) items[next[groupOf[number]!]!++] = number;
  return { items, starts };
}
