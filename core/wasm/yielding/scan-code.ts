import { BinaryReader } from '../binary/binary-reader.ts';
import { miscellaneousOpcode, opcode, skipInstruction, skipLocals, u32At } from '../binary/instructions.ts';
import type { ModuleFunctions } from './module-functions.ts';
import { NotShareable } from './not-shareable.ts';

/** What a function calls, each once. */
export interface Calls {
  readonly direct: ReadonlySet<number>;
  /** By type: see `ModuleFunctions.kinds`. */
  readonly indirect: ReadonlySet<number>;
}

export interface CodeScan {
  /** Of each defined function, in order. */
  readonly calls: readonly Calls[];
  /** Functions to which the code takes references. */
  readonly referenced: ReadonlySet<number>;
  /** Some memory is made to grow. */
  readonly grows: boolean;
}

const noCalls: ReadonlySet<number> = new Set();

/**
 * Passes over all code once.
 * @throws NotShareable for instructions that cannot have yield checks
 */
export function scanCode(bytes: Uint8Array, functions: ModuleFunctions): CodeScan {
  const referenced = new Set<number>();
  let grows = false;
  const calls = functions.bodies.map((body): Calls => {
    const reader = new BinaryReader(bytes, body.start, body.end);
    skipLocals(reader);
    let direct: Set<number> | undefined;
    let indirect: Set<number> | undefined;
    while (reader.offset < body.end) {
      const start = reader.offset;
      switch (skipInstruction(reader)) {
        case opcode.call:
        case opcode.returnCall:
          (direct ??= new Set()).add(u32At(bytes, start + 1));
          break;
        case opcode.callIndirect:
        case opcode.returnCallIndirect:
        case opcode.callRef:
        case opcode.returnCallRef:
          (indirect ??= new Set()).add(functions.kindOfType[u32At(bytes, start + 1)]!);
          break;
        case opcode.refFunc:
          referenced.add(u32At(bytes, start + 1));
          break;
        case opcode.memoryGrow:
          grows = true;
          break;
        case opcode.garbageCollection:
          throw new NotShareable('it uses instructions of the GC proposal');
        case opcode.miscellaneous:
          if (u32At(bytes, start + 1) === miscellaneousOpcode.memoryCopy && copiesBetweenMemories(bytes, start + 2)) throw new NotShareable('it copies between memories');
          break;
        default:
      }
    }
    return { direct: direct ?? noCalls, indirect: indirect ?? noCalls };
  });
  return { calls, referenced, grows };
}

function copiesBetweenMemories(bytes: Uint8Array, at: number): boolean {
  const reader = new BinaryReader(bytes, at);
  return reader.u32('a memory index') !== reader.u32('a memory index');
}
