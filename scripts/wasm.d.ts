/** esbuild's `binary` loader, and the plugin of the same effect in vitest.config.ts. */
declare module "*.wasm" {
  const bytes: Uint8Array;
  export default bytes;
}
