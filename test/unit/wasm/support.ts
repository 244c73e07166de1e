import { readFileSync } from 'node:fs';
import wabt from 'wabt';

/** Every proposal that wabt knows and that these tests use. */
const features = {
  exceptions: true, mutable_globals: true, sat_float_to_int: true, sign_extension: true, simd: true, threads: true,
  multi_value: true, tail_call: true, bulk_memory: true, reference_types: true, memory64: true, multi_memory: true,
  extended_const: true, relaxed_simd: true,
};

const toolkit = await wabt();

/** Assembles WebAssembly text. */
export function assemble(text: string): Uint8Array {
  const parsed = toolkit.parseWat('test.wat', text, features);
  try {
    return parsed.toBinary({ write_debug_names: true }).buffer;
  } finally {
    parsed.destroy();
  }
}

/** A module's bytes from what follows the preamble. */
export function rawModule(...content: number[]): Uint8Array {
  return Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...content]);
}

/** A component's bytes from what follows the preamble. */
export function rawComponent(...content: number[]): Uint8Array {
  return Uint8Array.from([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0, ...content]);
}

/** A section of a module or component: id, size, content (under 128 bytes). */
export function rawSection(id: number, ...content: number[]): number[] {
  if (content.length > 127) throw new RangeError('the test wants a longer size');
  return [id, content.length, ...content];
}

/** A name with its length (under 128 bytes). */
export function rawName(name: string): number[] {
  const bytes = new TextEncoder().encode(name);
  return [bytes.length, ...bytes];
}

/** A file below the checkout's root. */
export function fixture(path: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`../../../${path}`, import.meta.url)));
}
