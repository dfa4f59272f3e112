/** as-pect tests the assembly's own functions; what a proxy does with them is tested in the simulator. */
export default {
  entries: ["assembly/__tests__/**/*.spec.ts"],
  include: ["node_modules/@as-pect/assembly/assembly/index.ts"],
  disclude: [/node_modules/],
  async instantiate(memory, createImports, instantiate, binary) {
    return instantiate(binary, createImports({ env: { memory, proxy_log: () => 0 } }));
  },
  outputBinary: false,
};
