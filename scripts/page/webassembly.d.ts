/** What the simulator hands to the compiler, which TypeScript's DOM library does not let it: bytes that may be shared. */
declare namespace WebAssembly {
  function compile(bytes: Uint8Array): Promise<Module>;
}
