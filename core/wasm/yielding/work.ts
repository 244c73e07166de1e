import { opcode } from '../binary/instructions.ts';

/**
 * Work is counted in nanoseconds, generously: what an instruction takes when its memory is in no cache. Between two checks
 * a guest does at most `functionWork`, and once more what returning through a deep recursion adds, `cycleWork` for each
 * frame of its stack (20,000 at most on a stack that can be suspended).
 */
export const functionWork = 500_000;
export const cycleWork = 256;

/** What a function on a cycle of calls may do before its first check: enough to find out that it need not call anybody. */
export const earlyWork = 64;

/** A call of the host, and what may take as long: growing, table instructions, exceptions. Two of them never stand without a check between. */
export const heavyWork = functionWork / 2 + 1;

/** By opcode. */
const work = new Uint8Array(256).fill(1);
for (const code of [opcode.block, opcode.loop, opcode.try, opcode.tryTable, opcode.else, opcode.end, opcode.catch, opcode.catchAll, opcode.delegate]) work[code] = 0;
for (const code of [opcode.call, opcode.returnCall]) work[code] = 4;
for (const code of [opcode.callIndirect, opcode.returnCallIndirect, opcode.callRef, opcode.returnCallRef]) work[code] = 8;
// Tables, loads and stores.
work.fill(8, 0x25, 0x27);
work.fill(8, 0x28, 0x3f);
// Divisions, square roots, conversions to whole numbers.
for (const [first, last] of [[0x6d, 0x70], [0x7f, 0x82], [0x91, 0x91], [0x95, 0x95], [0x9f, 0x9f], [0xa3, 0xa3], [0xa8, 0xb1]] as const) work.fill(16, first, last + 1);
// Prefixes: vectors, atomics, saturating truncation.
work.fill(8, 0xfc, 0xff);

/** Of one instruction, what it calls not included. */
export function workOf(code: number): number {
  return work[code]!;
}

/** What `memory.fill` and its like do in one piece. A fresh page costs a quarter of a microsecond, so a piece is below one millisecond. */
export const bulkPieceBytes = 1024 * 1024;
/** Constant sizes up to here stay where they are. */
export const smallBulkBytes = 1024;
