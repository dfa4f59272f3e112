/** What the build puts there: the texts of examples/small, by path. */
declare module "small-farm" {
  const texts: Readonly<Record<string, string>>;
  export default texts;
}
