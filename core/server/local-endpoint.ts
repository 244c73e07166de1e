import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { messageOf, WasmletError } from '../api/errors.ts';

/** `<root-dir>/local/endpoint.json`, 0600: how `wasmlet ps`, `logs` and `describe` find and enter the node of a root directory. */
export interface LocalEndpoint {
  readonly url: string;
  readonly token: string;
  /** The serving certificate in PEM, for the client to pin; absent while the node waits for one. */
  readonly certificate?: string;
}

export function newLocalToken(): string {
  return randomBytes(32).toString('base64url');
}

/** Replaces the file by one rename, so that a reader never sees half of it. */
export async function writeLocalEndpoint(directory: string, endpoint: LocalEndpoint): Promise<void> {
  const file = endpointFile(directory);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await rm(`${file}.new`, { force: true });
  await writeFile(`${file}.new`, `${JSON.stringify(endpoint, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
  await rename(`${file}.new`, file);
}

export async function removeLocalEndpoint(directory: string): Promise<void> {
  await rm(endpointFile(directory), { force: true });
}

/** Throws NODE_UNREACHABLE with what to do. */
export async function readLocalEndpoint(directory: string): Promise<LocalEndpoint> {
  const file = endpointFile(directory);
  try {
    return JSON.parse(await readFile(file, 'utf8')) as LocalEndpoint;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const rootDirectory = path.dirname(directory);
    if (code === 'ENOENT') throw new WasmletError('NODE_UNREACHABLE', `no node runs on ${rootDirectory}; start one with "wasmlet node", or name another --root-dir`, { cause: error });
    if (code === 'EACCES') throw new WasmletError('NODE_UNREACHABLE', `${file} is for the user that runs the node; become that user`, { cause: error });
    throw new WasmletError('NODE_UNREACHABLE', `${file}: ${messageOf(error)}`, { cause: error });
  }
}

function endpointFile(directory: string): string {
  return path.join(directory, 'endpoint.json');
}
