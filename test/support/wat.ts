import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import wabtModule from 'wabt';
import type { Artifact } from '../../core/api/artifact.ts';
import { inspect } from '../../core/wasm/inspect.ts';

const wabt = await wabtModule();

/** The binary of a module in text form. */
export function wat(text: string): Uint8Array {
  const module = wabt.parseWat('test.wat', text, { bulk_memory: true, mutable_globals: true, sign_extension: true, exceptions: true, tail_call: true, threads: true });
  try {
    return module.toBinary({ write_debug_names: true }).buffer;
  } finally {
    module.destroy();
  }
}

/** A module as an artifact whose bytes lie in `directory`. */
export async function artifactOf(directory: string, name: string, bytes: Uint8Array): Promise<Artifact> {
  const digest = createHash('sha256').update(bytes).digest('hex');
  const file = path.join(directory, `${digest}.wasm`);
  await writeFile(file, bytes);
  return { kind: 'module', digest: `sha256:${digest}`, path: file, name, sizeBytes: bytes.length, inspection: inspect(bytes) };
}
