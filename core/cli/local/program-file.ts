import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Artifact, ArtifactInspection } from '../../api/artifact.ts';
import { messageOf, WasmletError } from '../../api/errors.ts';

/** A file that the user named as a program. Throws NOT_FOUND and IMAGE_NO_WASM with the file's name. */
export async function readProgram(file: string): Promise<Uint8Array> {
  const bytes = await read(file);
  const { isWasm } = await import('../../wasm/inspect.ts');
  if (!isWasm(bytes)) throw new WasmletError('IMAGE_NO_WASM', `${file} is not WebAssembly: it does not begin with \\0asm`);
  return bytes;
}

/** The same as what an image would give. Throws MODULE_MALFORMED too. */
export async function readArtifact(file: string): Promise<Artifact> {
  const bytes = await readProgram(file);
  const inspection = await inspectProgram(file, bytes);
  return {
    kind: inspection.kind,
    digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
    path: path.resolve(file),
    name: path.basename(file),
    sizeBytes: bytes.length,
    inspection,
  };
}

/** What the program needs and gives. Throws MODULE_MALFORMED with the file's name. */
export async function inspectProgram(file: string, bytes: Uint8Array): Promise<ArtifactInspection> {
  const { inspect } = await import('../../wasm/inspect.ts');
  try {
    return inspect(bytes);
  } catch (error) {
    if (error instanceof WasmletError) throw new WasmletError(error.code, `${file}: ${error.message}`, { cause: error });
    throw error;
  }
}

async function read(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const problem = code === 'ENOENT' ? `there is no file ${file}` : code === 'EISDIR' ? `${file} is a directory, not a program` : `${file}: ${messageOf(error)}`;
    throw new WasmletError('NOT_FOUND', problem, { cause: error });
  }
}
