/** esbuild's `binary` loader. */
declare module "*.table" {
  const bytes: Uint8Array;
  export default bytes;
}
