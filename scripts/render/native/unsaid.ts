/** What the table says and Envoy's own route table cannot. */

export class Unsaid {
  /**
   * @param name by which whoever renders may leave it out
   * @param why as part of a sentence about it
   */
  constructor(
    readonly name: string,
    readonly why: string,
  ) {}
}
