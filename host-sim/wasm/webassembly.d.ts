/**
 * The part of the JavaScript WebAssembly API that the simulator uses. Node has all of it, but its types are in
 * TypeScript's DOM library, which would bring a browser's globals into a Node project.
 */
declare namespace WebAssembly {
  interface Memory {
    readonly buffer: ArrayBuffer;
  }
  interface TableConstructor {
    new (descriptor: { initial: number; maximum?: number; element: "anyfunc" }): unknown;
  }
  interface MemoryConstructor {
    new (descriptor: { initial: number; maximum?: number }): Memory;
  }
  type ExportValue = unknown;
  type Exports = Record<string, ExportValue>;
  type ImportValue = unknown;
  type Imports = Record<string, Record<string, ImportValue>>;
  interface Instance {
    readonly exports: Exports;
  }
  interface InstanceConstructor {
    new (module: Module, imports?: Imports): Instance;
  }
  interface ModuleConstructor {
    new (bytes: Uint8Array): Module;
    exports(module: Module): { name: string; kind: string }[];
    imports(module: Module): { module: string; name: string; kind: string }[];
  }
  const Table: TableConstructor;
  const Memory: MemoryConstructor;
  const Instance: InstanceConstructor;
  const Module: ModuleConstructor;
  const RuntimeError: ErrorConstructor;
  const CompileError: ErrorConstructor;
  function compile(bytes: Uint8Array): Promise<Module>;
}
