import type { ArtifactKind } from '../../api/artifact.ts';
import { malformed } from './binary-reader.ts';

/** `\0asm`, then a version and a layer of two bytes each (component-model design/mvp/Binary.md, preamble). */
const magic = [0x00, 0x61, 0x73, 0x6d];
export const preambleBytes = 8;

/** True when the bytes begin with Wasm's magic number. What is not Wasm at all is no malformed module. */
export function isWasm(bytes: Uint8Array): boolean {
  return bytes.length >= magic.length && magic.every((byte, index) => bytes[index] === byte);
}

/** Module or component, by the eight bytes at `start`. Throws `MODULE_MALFORMED` for other versions and layers. */
export function readPreamble(bytes: Uint8Array, start = 0, end = bytes.length): ArtifactKind {
  if (!isWasm(bytes.subarray(start, end))) throw malformed('no Wasm magic number', start);
  if (end - start < preambleBytes) throw malformed('the file ends in the preamble', end);
  const version = bytes[start + 4]! | (bytes[start + 5]! << 8);
  const layer = bytes[start + 6]! | (bytes[start + 7]! << 8);
  if (layer === 0 && version === 1) return 'module';
  if (layer === 1 && version === 0x0d) return 'component';
  throw malformed(`version ${version} of layer ${layer} is unknown; known are modules (1, 0) and components (13, 1)`, start + 4);
}
