import path from 'node:path';
import { WasmletError } from '../api/errors.ts';

const maximumPath = 4096;
const maximumName = 255;

/**
 * The path of a file in a configMap, secret, downwardAPI or projected volume in its shortest form
 * (pkg/volume/util/atomic_writer.go, validatePath): relative, no `..`, no name that the writer keeps for itself.
 * Throws VOLUME_SOURCE_INVALID.
 */
export function volumeFilePath(given: string): string {
  const fail = (why: string): never => {
    throw new WasmletError('VOLUME_SOURCE_INVALID', `invalid path: ${why}: ${JSON.stringify(given)}`);
  };
  if (given === '') fail('must not be empty');
  if (given.startsWith('/')) fail('must be relative path');
  if (given.includes('\0')) fail('must not contain NUL');
  if (given.split('/').includes('..')) fail("must not contain '..'");
  const clean = path.posix.normalize(given).replace(/\/$/, '');
  if (clean === '.') fail('must name a file');
  if (clean.startsWith('..')) fail("must not start with '..'");
  if (Buffer.byteLength(clean) > maximumPath) fail(`must be less than or equal to ${maximumPath} characters`);
  if (clean.split('/').some((name) => Buffer.byteLength(name) > maximumName)) fail(`a name must be less than or equal to ${maximumName} characters`);
  return clean;
}
