import { opcode } from '../binary/instructions.ts';

/**
 * Work is counted in nanoseconds, as what an instruction takes at worst. Between two checks a guest does at most twice
 * `functionWork`, and once more what returning through a deep recursion adds, `cycleWork` for each frame of its stack (20,000 at
 * most on a stack that can be suspended).
 */
export const functionWork = 500_000;
/** The same for a function on a cycle of calls, which may come back with it to anybody. */
export const cyclicFunctionWork = functionWork / 2;
export const cycleWork = 256;

/** What a function on a cycle of calls may do before its first check: enough to find out that it need not call anybody. */
export const earlyWork = 64;

/** A call of the host, and what may take as long: growing, table instructions, exceptions. Two of them never stand without a check between. */
export const heavyWork = functionWork / 2 + 1;

/**
 * An access to memory: a page that nobody has touched yet costs a microsecond and more, and an access may reach two. Between
 * checks some hundreds are as good as any number; but in a recursion that comes back, each needs a check before it.
 */
const accessWork = 2_000;
const tableWork = 64;
/** Code that is in no cache. */
const callWork = 64;
const indirectCallWork = 96;
/** A call of the function that calls. */
export const selfCallWork = 8;
const slowWork = 16;

/** By opcode; a local that a function has costs as much as the cheapest of them. */
const work = new Uint16Array(256).fill(1);
for (const code of [opcode.block, opcode.loop, opcode.try, opcode.tryTable, opcode.else, opcode.end, opcode.catch, opcode.catchAll, opcode.delegate]) work[code] = 0;
for (const code of [opcode.call, opcode.returnCall]) work[code] = callWork;
for (const code of [opcode.callIndirect, opcode.returnCallIndirect, opcode.callRef, opcode.returnCallRef]) work[code] = indirectCallWork;
work.fill(tableWork, 0x25, 0x27);
work.fill(accessWork, 0x28, 0x3f);
// Divisions, square roots, conversions to whole numbers; saturating ones come with a prefix.
for (const [first, last] of [[0x6d, 0x70], [0x7f, 0x82], [0x91, 0x91], [0x95, 0x95], [0x9f, 0x9f], [0xa3, 0xa3], [0xa8, 0xb1], [opcode.refFunc, opcode.refFunc], [opcode.miscellaneous, opcode.miscellaneous]] as const) work.fill(slowWork, first, last + 1);
// Vectors and atomics: which of them reach memory is not looked at.
work.fill(accessWork, 0xfd, 0xff);

/** Of one instruction, what it calls not included. */
export function workOf(code: number): number {
  return work[code]!;
}

/** What `memory.fill` and its like do in one piece. A fresh page costs a microsecond, so a piece is below one millisecond. */
export const bulkPieceBytes = 1024 * 1024;
/** Constant sizes up to here stay where they are. */
export const smallBulkBytes = 1024;
/** From two pages to two pages. */
export const smallBulkWork = 2 * accessWork;
