/** esbuild's `text` loader, and the plugin of the same effect in vitest.config.ts. */
declare module "*.proto" {
  const text: string;
  export default text;
}
declare module "*.lua" {
  const text: string;
  export default text;
}
