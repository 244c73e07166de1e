/** The WebAssembly JavaScript API that Node 26 has (@types/node brings none): core, and JSPI. */
type BufferSource = ArrayBufferView | ArrayBufferLike;

declare namespace WebAssembly {
  type ImportValue = Function | Global | Memory | Table | Suspending | number | bigint;
  type Imports = Record<string, Record<string, ImportValue>>;
  type ExportValue = Function | Global | Memory | Table;
  type Exports = Record<string, ExportValue>;
  type ImportExportKind = 'function' | 'global' | 'memory' | 'table' | 'tag';
  interface ModuleExportDescriptor { readonly name: string; readonly kind: ImportExportKind }
  interface ModuleImportDescriptor { readonly module: string; readonly name: string; readonly kind: ImportExportKind }

  class Module {
    constructor(bytes: BufferSource);
    static customSections(module: Module, name: string): ArrayBuffer[];
    static exports(module: Module): ModuleExportDescriptor[];
    static imports(module: Module): ModuleImportDescriptor[];
  }
  class Instance {
    constructor(module: Module, imports?: Imports);
    readonly exports: Exports;
  }
  class Memory {
    constructor(descriptor: { initial: number | bigint; maximum?: number | bigint; shared?: boolean; address?: 'i32' | 'i64' });
    readonly buffer: ArrayBuffer;
    grow(delta: number): number;
  }
  class Table {
    constructor(descriptor: { element: 'anyfunc' | 'externref'; initial: number; maximum?: number });
    readonly length: number;
    get(index: number): unknown;
    set(index: number, value?: unknown): void;
    grow(delta: number): number;
  }
  class Global<Value = unknown> {
    constructor(descriptor: { value: 'i32' | 'i64' | 'f32' | 'f64' | 'externref' | 'anyfunc'; mutable?: boolean }, value?: Value);
    value: Value;
    valueOf(): Value;
  }
  class CompileError extends Error {}
  class LinkError extends Error {}
  class RuntimeError extends Error {}
  /** Exception handling: what a guest threw and did not catch. Not a JavaScript Error. */
  class Exception {}
  /** JSPI: an import that suspends the guest until its promise settles. */
  class Suspending {
    constructor(callee: Function);
  }
  /** JSPI: an export whose call answers a promise. */
  function promising(exported: Function): (...args: unknown[]) => Promise<unknown>;
  function compile(bytes: BufferSource): Promise<Module>;
  function validate(bytes: BufferSource): boolean;
  function instantiate(module: Module, imports?: Imports): Promise<Instance>;
}
