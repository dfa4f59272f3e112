export default {
  entries: ["assembly/__tests__/**/*.spec.ts"],
  include: ["node_modules/@as-pect/assembly/assembly/index.ts"],
  disclude: [/node_modules/],
  flags: { "--runtime": ["incremental"] },
  async instantiate(memory, createImports, instantiate, binary) {
    return instantiate(binary, createImports({ env: { memory } }));
  },
  outputBinary: false,
};
