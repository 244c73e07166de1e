import { BinaryReader } from '../../../core/wasm/binary/binary-reader.ts';
import { readSections, sectionId } from '../../../core/wasm/binary/sections.ts';

/** Numbers that follow from a seed (xorshift), so that whatever is found can be found again. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 1;
  }

  /** A whole number from 0 to `bound`, exclusive. */
  below(bound: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % bound;
  }
}

/** Bytes that mean much in Wasm: opcodes of control and bulk instructions, limits of numbers. */
const telling = [0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12, 0x13, 0x1a, 0x1f, 0x20, 0x40, 0x41, 0x7f, 0x80, 0xd2, 0xfb, 0xfc, 0xfd, 0xfe, 0xff];

/** From the code section's first byte, where most changes are to be: what stands in front seldom stays valid. */
function codeStart(bytes: Uint8Array): number {
  try {
    for (const { id, start } of readSections(new BinaryReader(bytes, 8))) if (id === sectionId.code) return start;
  } catch {
    // Broken already.
  }
  return 8;
}

/** The bytes with one to three changes behind the preamble: other values, pieces that are moved, doubled or left out. */
export function mutate(bytes: Uint8Array, random: Random): Uint8Array {
  let mutated = bytes.slice();
  for (let changes = 1 + random.below(3); changes > 0; changes--) {
    const from = random.below(5) === 0 ? 8 : Math.min(codeStart(mutated), mutated.length - 8);
    const at = from + random.below(mutated.length - from);
    const length = Math.min(1 + random.below(12), mutated.length - at);
    switch (random.below(9)) {
      case 0:
      case 1: mutated[at] = random.below(256); break;
      case 2:
      case 3: mutated[at] = telling[random.below(telling.length)]!; break;
      case 4: mutated[at]! ^= 1 << random.below(8); break;
      case 5: mutated[at]! += random.below(2) === 0 ? 1 : 255; break;
      // Of the same length, so that sizes still fit.
      case 6:
      case 7: mutated.copyWithin(8 + random.below(mutated.length - 8 - length + 1), at, at + length); break;
      default: {
        const piece = mutated.slice(at, at + length);
        const joined = random.below(2) === 0 ? [mutated.subarray(0, at), piece, mutated.subarray(at)] : [mutated.subarray(0, at), mutated.subarray(at + length)];
        mutated = Uint8Array.from(Buffer.concat(joined));
      }
    }
    if (mutated.length < 16) return bytes.slice();
  }
  return mutated;
}
