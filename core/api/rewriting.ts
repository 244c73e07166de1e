/**
 * What the engine's rewriting of a guest's core module (core/wasm) asks of the host that instantiates it (core/guest). It
 * stands in the module itself, as a custom section, so that no adapter has to carry it.
 */

/** Import module name, and custom section, that belong to the engine. No guest may use them. */
export const reservedName = 'wasmlet';

/** What a rewritten module imports from `reservedName`. */
export interface RewritingImports {
  /** Word 0 is not zero when the guest is to call `yield`. Shared, one page. */
  readonly epoch: WebAssembly.Memory;
  /** Answers 0 to go on; anything else makes the guest trap. May suspend. */
  readonly yield: WebAssembly.ImportValue;
  /** The guest's own first memory, which the rewriting turned into an import. */
  readonly memory?: WebAssembly.Memory;
}

/** Export under which the former start section's function is called by the host. */
export const startExport = 'wasmlet:start';

/** The custom section's content, as JSON. */
export interface Rewriting {
  /** The memory to make, in the memory's own pages; absent: none. */
  readonly memory?: { readonly initial: number; readonly maximum?: number; readonly is64?: boolean };
  /** The module had a start section. */
  readonly start: boolean;
}

/** Names in a module whose instances share one memory limit with others (the modules of a component). */
export const budgetName = {
  /** Export: a table of one function reference, null at first; the host puts `(func (param i64) (result i32))` there, which answers whether so many bytes more are permitted. */
  ask: 'wasmlet:ask',
  /** Exports: the module's own memories and tables, each with its index behind the prefix. */
  memory: 'wasmlet:memory-',
  table: 'wasmlet:table-',
  /** Custom section: the bytes that an instance takes from its start, in decimal. */
  needs: 'wasmlet:needs',
} as const;

export function encodeNeeds(bytes: bigint): Uint8Array {
  return new TextEncoder().encode(bytes.toString());
}

export function decodeNeeds(section: ArrayBuffer): bigint {
  return BigInt(new TextDecoder().decode(section));
}

export function encodeRewriting(rewriting: Rewriting): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(rewriting));
}

/** For what the engine itself wrote; a guest's own section of that name never gets through the rewriting. */
export function decodeRewriting(section: ArrayBuffer): Rewriting {
  return JSON.parse(new TextDecoder().decode(section)) as Rewriting;
}
