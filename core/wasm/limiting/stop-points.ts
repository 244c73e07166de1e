import { BinaryWriter } from '../binary/binary-writer.ts';
import { miscellaneousOpcode, opcode, u32At } from '../binary/instructions.ts';
import { smallBulkBytes } from '../yielding/work.ts';

/** `array.fill`, `copy`, `init_data`, `init_elem` of the GC proposal; for what makes arrays see `array-lengths.ts`. */
const longArrayOpcodes: ReadonlySet<number> = new Set([16, 17, 18, 19]);
const { memoryInit, memoryCopy, memoryFill, tableInit, tableCopy, tableGrow, tableFill } = miscellaneousOpcode;

/**
 * True for an instruction in front of which `stopFunctionBody` must be called, so that a thread can be ended.
 *
 * V8 ends a thread where its code looks at the stack limit: at the entry of functions that call others, and at loop headers of
 * optimised code. Not where a function of optimised code only calls in the tail; and baseline code looks at a loop's header
 * only once so many bytes of code have been passed, however long a pass takes: `memory.fill` of 25 MiB in a loop was still
 * running a minute after `terminate()`. An ordinary call is looked at in either.
 * `before` is where the instruction before begins.
 */
export function needsStopPoint(bytes: Uint8Array, start: number, before: number): boolean {
  switch (bytes[start]) {
    case opcode.returnCall:
    case opcode.returnCallIndirect:
    case opcode.returnCallRef:
      return true;
    case opcode.garbageCollection:
      return longArrayOpcodes.has(u32At(bytes, start + 1));
    case opcode.miscellaneous:
      switch (u32At(bytes, start + 1)) {
        case memoryInit:
        case memoryCopy:
        case memoryFill:
          return !isSmallConstant(bytes, before);
        case tableInit:
        case tableCopy:
        case tableGrow:
        case tableFill:
          return true;
        default:
          return false;
      }
    default:
      return false;
  }
}

/** `i32.const` of a length that takes no time: how compilers copy a struct. */
function isSmallConstant(bytes: Uint8Array, at: number): boolean {
  if (bytes[at] !== opcode.i32Const) return false;
  // Two bytes of a signed number at most, the highest bit of which is its sign.
  const [low, high] = [bytes[at + 1]!, bytes[at + 2]!];
  if (low < 0x80) return low < 0x40;
  return high < 0x40 && (low & 0x7f) + high * 0x80 <= smallBulkBytes;
}

/**
 * The function that is called: `(func $stop (if (global.get $never) (then (call $stop))))`. It must not be empty, nor a leaf:
 * V8 puts such functions in the place of their calls, and then nothing looks at the stack limit. `index` is its own, `global`
 * that of a mutable i32 which is 0.
 */
export function stopFunctionBody(index: number, global: number): Uint8Array {
  return new BinaryWriter().u8(0, 0x23).u32(global).u8(opcode.if, 0x40, opcode.call).u32(index).u8(opcode.end, opcode.end).written;
}

/** `(func)`. */
export const stopFunctionType = Uint8Array.of(0x60, 0, 0);
