import { budgetName, decodeNeeds } from '../../api/rewriting.ts';

/** What V8 takes for a table's element, roughly, in bytes: as core/wasm counts. */
const tableElementBytes = 16;

/** `(module (import "" "f" (func (param i64) (result i32))) (export "f" (func 0)))`: makes a function of Wasm's of one of ours. */
const wrapper = Uint8Array.of(
  0, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
  1, 6, 1, 0x60, 1, 0x7e, 1, 0x7f,
  2, 6, 1, 0, 1, 0x66, 0, 0,
  7, 5, 1, 1, 0x66, 0, 0,
);

/**
 * A guest's memory limit, where its instances share it: what their memories and tables have now, and what its handles make the
 * host hold, is never more together. The modules ask here before they grow (core/wasm/limiting/budget.ts).
 */
export class MemoryBudget {
  readonly #limit: number;
  /** Lists of few, made anew when one is added: an empty set holds 150 bytes, and there is a budget for each guest. */
  #memories: readonly WebAssembly.Memory[] = [];
  #tables: readonly WebAssembly.Table[] = [];
  #held = 0;
  #exhausted = false;
  #ask: WebAssembly.ExportValue | undefined;
  readonly #whole: MemoryBudget | undefined;
  #parts: Set<MemoryBudget> | undefined;

  /** @param limit in bytes; absent: none. `whole`: for `part` only */
  constructor(limit: number | undefined, whole?: MemoryBudget) {
    this.#limit = limit ?? Infinity;
    this.#whole = whole;
  }

  /** The budget of one guest among several that share this limit: it counts here as well, until it is ended. */
  part(): MemoryBudget {
    const part = new MemoryBudget(undefined, this);
    (this.#parts ??= new Set()).add(part);
    return part;
  }

  /** What a part counted is given back, and nothing here keeps it alive. */
  end(): void {
    if (this.#whole !== undefined) this.#whole.#parts!.delete(this);
  }

  /** True once something was refused to the guest that it did not ask for by an instruction. */
  get exhausted(): boolean {
    return this.#exhausted;
  }

  /** Memories, tables and what is held, in bytes. */
  get bytes(): number {
    let bytes = this.#held;
    for (const memory of this.#memories) bytes += memory.buffer.byteLength;
    for (const table of this.#tables) bytes += table.length * tableElementBytes;
    for (const part of this.#parts ?? []) bytes += part.bytes;
    return bytes;
  }

  /**
   * Has an instance of `module` made and counts it.
   * @throws WebAssembly.RuntimeError when the instance's own memories and tables are more than is left, or its start section made
   * them so; else what `make` throws
   */
  instantiate(module: WebAssembly.Module, make: () => WebAssembly.Instance | Promise<WebAssembly.Instance>): WebAssembly.Instance | Promise<WebAssembly.Instance> {
    const needs = WebAssembly.Module.customSections(module, budgetName.needs).reduce((sum, section) => sum + Number(decodeNeeds(section)), 0);
    if (!this.#permits(needs)) this.#refuse(`an instance that begins with ${needs} bytes is more than the memory limit leaves`);
    const instance = make();
    return instance instanceof Promise ? instance.then((made) => this.#adopt(made)) : this.#adopt(instance);
  }

  /** Counts what the guest makes the host hold. False: that is more than is left, and the guest is to be ended. */
  hold(bytes: number): boolean {
    this.#held += bytes;
    if (this.#permits(0)) return true;
    this.#exhausted = true;
    return false;
  }

  /** What `hold` counted, and is no longer held. */
  release(bytes: number): void {
    this.#held -= bytes;
  }

  #adopt(instance: WebAssembly.Instance): WebAssembly.Instance {
    for (const [name, exported] of Object.entries(instance.exports)) {
      if (exported instanceof WebAssembly.Memory) this.#memories = including(this.#memories, exported);
      // Other tables are counted where they are made.
      else if (exported instanceof WebAssembly.Table && name.startsWith(budgetName.table)) this.#tables = including(this.#tables, exported);
    }
    const ask = instance.exports[budgetName.ask];
    if (ask instanceof WebAssembly.Table) ask.set(0, this.#askFunction());
    if (!this.#permits(0)) this.#refuse('a start section grew beyond the memory limit');
    return instance;
  }

  #askFunction(): WebAssembly.ExportValue {
    this.#ask ??= new WebAssembly.Instance(new WebAssembly.Module(wrapper), { '': { f: (bytes: bigint) => (this.#permits(Number(BigInt.asUintN(64, bytes))) ? 1 : 0) } }).exports['f']!;
    return this.#ask;
  }

  #permits(bytes: number): boolean {
    if (this.#whole !== undefined) return this.#whole.#permits(bytes);
    return this.#limit === Infinity || this.bytes + bytes <= this.#limit;
  }

  #refuse(message: string): never {
    this.#exhausted = true;
    throw new WebAssembly.RuntimeError(message);
  }
}

function including<Item>(list: readonly Item[], item: Item): readonly Item[] {
  return list.includes(item) ? list : list.concat([item]);
}
