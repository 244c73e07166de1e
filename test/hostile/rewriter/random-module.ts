import fc from 'fast-check';
import { BinaryWriter } from '../../../core/wasm/binary/binary-writer.ts';

/** A statement or expression; what it becomes depends on the function and on the blocks around it. */
interface Piece {
  readonly kind: number;
  readonly a: number;
  readonly b: number;
  readonly inner: readonly Piece[];
  readonly other: readonly Piece[];
}

interface ModulePlan {
  readonly functions: readonly (readonly Piece[])[];
  readonly memory: boolean;
  readonly start: boolean;
  readonly exportsTable: boolean;
  /** V8 takes no module with exception handling of both kinds. */
  readonly legacyExceptions: boolean;
}

const { piece } = fc.letrec<{ piece: Piece }>((tie) => ({
  piece: fc.record({
    kind: fc.nat(27),
    a: fc.nat(300),
    b: fc.nat(300),
    inner: fc.oneof({ depthSize: 'small' }, fc.constant([]), fc.array(tie('piece'), { maxLength: 4 })),
    other: fc.oneof({ depthSize: 'small' }, fc.constant([]), fc.array(tie('piece'), { maxLength: 2 })),
  }),
}));

/** Functions 0 and 1 are imports; all have the type (i32) → i32 but for the types with `odd`. */
const imported = 2;
const i32 = 0x7f;
const locals = 3;

class FunctionWriter {
  readonly #plan: ModulePlan;
  readonly #code = new BinaryWriter(128);
  /** Of the blocks that are open, whether a branch leads back. The function's own is the first. */
  #depth = 0;

  constructor(plan: ModulePlan) {
    this.#plan = plan;
  }

  write(statements: readonly Piece[]): Uint8Array {
    // Locals: two more beside the parameter.
    this.#code.u8(1, locals - 1, i32);
    this.#all(statements);
    this.#get(1);
    return this.#code.u8(0x0b).written;
  }

  #all(statements: readonly Piece[]): void {
    for (const statement of statements) this.#statement(statement);
  }

  #get(local: number): void {
    this.#code.u8(0x20, local % locals);
  }

  #function(number: number): number {
    return number % (imported + this.#plan.functions.length);
  }

  #block(opcode: number, inner: readonly Piece[]): void {
    this.#code.u8(opcode, 0x40);
    this.#depth++;
    this.#all(inner);
    this.#depth--;
    this.#code.u8(0x0b);
  }

  #try(inner: readonly Piece[], caught: readonly Piece[]): void {
    this.#code.u8(0x06, 0x40);
    this.#depth++;
    this.#all(inner);
    this.#code.u8(0x19);
    this.#all(caught);
    this.#depth--;
    this.#code.u8(0x0b);
  }

  /** `block (try_table (catch_all 0) …)` */
  #tryTable(inner: readonly Piece[]): void {
    this.#code.u8(0x02, 0x40, 0x1f, 0x40, 1, 2, 0);
    this.#depth += 2;
    this.#all(inner);
    this.#depth -= 2;
    this.#code.u8(0x0b, 0x0b);
  }

  /** Leaves an i32. */
  #value({ a, b, inner }: Piece): void {
    const code = this.#code;
    switch (a % 7) {
      case 0: code.u8(0x41).s64(BigInt(b - 150)); break;
      case 1: this.#get(b); code.u8(0x41, 1, [0x6a, 0x6b, 0x6c, 0x71, 0x74, 0x76][b % 6]!); break;
      case 2: if (inner[0] !== undefined) this.#value(inner[0]); else this.#get(b); code.u8(0x45); break;
      case 3: this.#get(b); this.#get(a); code.u8([0x48, 0x4a, 0x6d, 0x70][b % 4]!); break;
      case 4: this.#get(b); if (this.#plan.memory) code.u8(0x41).s64(0xffffn).u8(0x71, 0x28, 2, b % 9); break;
      case 5: this.#get(b); code.u8(0x10).u32(this.#function(a + b)); break;
      default: this.#get(b);
    }
  }

  #statement(piece: Piece): void {
    const { kind, a, b, inner, other } = piece;
    const code = this.#code;
    const branch = (opcode: number): void => {
      // A branch out of the function takes its result along.
      const target = a % (this.#depth + 1);
      if (target === this.#depth && opcode === 0x0c) this.#get(0);
      if (target === this.#depth && opcode === 0x0d) {
        this.#get(0);
        this.#value(piece);
        code.u8(opcode).u32(target).u8(0x1a);
        return;
      }
      if (opcode === 0x0d) this.#value(piece);
      code.u8(opcode).u32(target);
    };
    const memory = this.#plan.memory;
    switch (kind) {
      case 0: case 1: this.#value(piece); code.u8(0x21, b % locals); break;
      case 2: this.#block(0x02, inner); break;
      case 3: this.#block(0x03, inner); break;
      case 4:
        // A loop that ends: counts a local down.
        code.u8(0x03, 0x40);
        this.#depth++;
        this.#all(inner);
        this.#depth--;
        code.u8(0x20, 2, 0x41, 1, 0x6a, 0x22, 2, 0x41, b % 60, 0x48, 0x0d, 0, 0x0b);
        break;
      case 5: case 6:
        this.#value(piece);
        code.u8(0x04, 0x40);
        this.#depth++;
        this.#all(inner);
        if (kind === 6) {
          code.u8(0x05);
          this.#all(other);
        }
        this.#depth--;
        code.u8(0x0b);
        break;
      case 7: branch(0x0c); break;
      case 8: case 9: branch(0x0d); break;
      case 10: {
        // Targets within the function's own block only where there are any.
        if (this.#depth === 0) break;
        this.#value(piece);
        code.u8(0x0e, 2);
        for (const target of [a, b, a + b]) code.u32(target % this.#depth);
        break;
      }
      case 11: case 12: this.#value(piece); code.u8(0x10).u32(this.#function(b)).u8(0x21, a % locals); break;
      case 13: this.#get(a); this.#get(b); code.u8(0x41, 7, 0x71, 0x11, 0, 0, 0x1a); break;
      case 14: this.#value(piece); code.u8(0x12).u32(this.#function(b)); break;
      case 15: this.#value(piece); this.#get(b); code.u8(0x41, 7, 0x71, 0x13, 0, 0); break;
      case 16: if (memory) { this.#get(a); code.u8(0x41).s64(0xffffn).u8(0x71); this.#value(piece); code.u8(0x36, 2, b % 9); } break;
      case 17: if (memory) { for (const local of [a, b, a + b]) { this.#get(local); code.u8(0x41).s64(BigInt(b * 37)).u8(0x71); } code.u8(0xfc, 10, 0, 0); } break;
      case 18: if (memory) { this.#get(a); this.#get(b); code.u8(0x41).s64(BigInt(b * 29)).u8(0xfc, 11, 0); } break;
      case 19: if (memory) { this.#get(a); code.u8(0x41, 3, 0x71, 0x40, 0, 0x21, b % locals); } break;
      case 20: case 21:
        if (this.#plan.legacyExceptions) this.#try(inner, other);
        else this.#tryTable(inner);
        break;
      case 22: code.u8(0x08, 0); break;
      case 23: this.#value(piece); code.u8(0x0f); break;
      case 24: code.u8(0x23, 0, 0x41, 1, 0x6a, 0x24, 0); break;
      case 25: code.u8(0x41, b % 8, 0xd2).u32(this.#function(a)).u8(0x26, 0); break;
      case 26: if (memory) code.u8(0x41, b % 64, 0x41, a % 64, 0x41, 9, 0xfc, 8, 0, 0); break;
      default: if (b % 5 === 0) code.u8(0x00);
    }
  }
}

function encode(plan: ModulePlan): Uint8Array {
  const module = new BinaryWriter(1024).u8(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
  const section = (id: number, write: (content: BinaryWriter) => void): void => {
    const content = new BinaryWriter();
    write(content);
    module.u8(id).sized(content.written);
  };
  const count = plan.functions.length;
  const all = imported + count;
  section(1, (content) => content.u32(2).u8(0x60, 1, i32, 1, i32, 0x60, 0, 0));
  section(2, (content) => content.u32(2).name('host').name('a').u8(0, 0).name('host').name('b').u8(0, 0));
  section(3, (content) => {
    content.u32(count + 1);
    for (let index = 0; index <= count; index++) content.u8(index === count ? 1 : 0);
  });
  section(4, (content) => content.u8(1, 0x70, 0, 8));
  if (plan.memory) section(5, (content) => content.u8(1, 0, 1));
  section(13, (content) => content.u8(1, 0, 1));
  section(6, (content) => content.u8(1, i32, 1, 0x41, 0, 0x0b));
  section(7, (content) => {
    content.u32(count + 2 + (plan.memory ? 1 : 0) + (plan.exportsTable ? 1 : 0));
    for (let index = 0; index < count; index++) content.name(`f${index}`).u8(0).u32(imported + index);
    content.name('g').u8(3, 0).name('last').u8(0).u32(all);
    if (plan.memory) content.name('memory').u8(2, 0);
    if (plan.exportsTable) content.name('table').u8(1, 0);
  });
  if (plan.start) section(8, (content) => content.u32(all));
  section(9, (content) => {
    // Active, from element 0: the functions, then the rest stays null.
    const elements = Math.min(all, 7);
    content.u8(1, 0, 0x41, 0, 0x0b).u32(elements);
    for (let index = 0; index < elements; index++) content.u32((index * 3 + 1) % all);
  });
  if (plan.memory) section(12, (content) => content.u8(1));
  section(10, (content) => {
    content.u32(count + 1);
    for (const statements of plan.functions) content.sized(new FunctionWriter(plan).write(statements).slice());
    // The last: calls the first with 3.
    content.sized(new BinaryWriter().u8(0, 0x41, 3, 0x10).u32(imported).u8(0x1a, 0x0b).written);
  });
  if (plan.memory) section(11, (content) => content.u8(1, 1).u32(64).raw(Array.from({ length: 64 }, (_, index) => index)));
  return module.written;
}

/** Small modules that V8 takes nearly always: blocks, loops, calls of every kind, exceptions, bulk and table instructions. */
export const randomModule: fc.Arbitrary<Uint8Array> = fc
  .record({ functions: fc.array(fc.array(piece, { maxLength: 8 }), { minLength: 1, maxLength: 6 }), memory: fc.boolean(), start: fc.boolean(), exportsTable: fc.boolean(), legacyExceptions: fc.boolean() })
  .map(encode);
