import { BinaryWriter } from '../binary/binary-writer.ts';
import { opcode, u32At } from '../binary/instructions.ts';

/**
 * An array of the GC proposal may have so many bytes. V8 ends a thread whose heap is full, but the whole process when a piece that
 * is larger than what Node lets such a heap have once more (16 MiB) does not fit.
 */
export const log2ArrayBytes = 23;

/** `array.new`, `new_default`, `new_data`, `new_elem`: what makes an array of a length that is on top of the operand stack. */
const made: ReadonlySet<number> = new Set([6, 7, 9, 10]);

/** The type index of the array that an instruction makes; undefined for others. */
export function arrayMadeBy(bytes: Uint8Array, start: number): number | undefined {
  if (bytes[start] !== opcode.garbageCollection || !made.has(u32At(bytes, start + 1))) return undefined;
  // These opcodes are one byte.
  return u32At(bytes, start + 2);
}

/** The operand that follows the length in a call of the function: the most elements. */
export function mostElements(log2ElementBytes: number): Uint8Array {
  return new BinaryWriter(8).u8(0x41).s64(BigInt(1 << (log2ArrayBytes - log2ElementBytes))).written;
}

/** Length and most elements in, length out. */
export const lengthFunctionType = Uint8Array.of(0x60, 2, 0x7f, 0x7f, 1, 0x7f);

/** Traps where the length is too large, and calls `stop`. */
export function lengthFunctionBody(stop: number): Uint8Array {
  return new BinaryWriter().u8(0, 0x20, 0, 0x20, 1, 0x4b, opcode.if, 0x40, opcode.unreachable, opcode.end, opcode.call).u32(stop).u8(0x20, 0, opcode.end).written;
}
