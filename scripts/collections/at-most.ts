/** Work on many things, only so many of them at once. */

/**
 * What the work gives, each in its thing's place. Where it fails, nothing more is begun, and it throws once all that was
 * begun has ended.
 */
export async function atMost<In, Out>(
  many: number,
  things: Iterable<In> | AsyncIterable<In>,
  work: (thing: In) => Promise<Out>,
): Promise<Out[]> {
  const results: Out[] = [];
  const shared = numbered(things);
  const worker = async () => {
    // Who leaves this loop by an error ends it for all.
    for await (const [number, thing] of shared) results[number] = await work(thing);
  };
  const ends = await Promise.allSettled(Array.from({ length: many }, worker));
  for (const end of ends) if (end.status === "rejected") throw end.reason;
  return results;
}

async function* numbered<T>(things: Iterable<T> | AsyncIterable<T>): AsyncGenerator<[number, T]> {
  let number = 0;
  for await (const thing of things) yield [number++, thing];
}
