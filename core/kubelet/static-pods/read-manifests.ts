import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Upstream's limit (pkg/kubelet/config/file.go maxConfigLength). */
const longestManifestBytes = 10 * 1024 * 1024;

/** Paths of a directory's manifests: regular files whose name does not begin with a dot, by name, not recursive; or the one file. */
export async function manifestPaths(place: string): Promise<readonly string[]> {
  let entries: readonly string[];
  try {
    entries = await readdir(place);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return [];
    if (code === 'ENOTDIR') return [place];
    throw error;
  }
  return entries
    .filter((name) => !name.startsWith('.'))
    .sort()
    .map((name) => join(place, name));
}

/** What is the same as long as a file is. Undefined: no regular file. */
export async function manifestVersion(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true });
  return found.isFile() ? [found.dev, found.ino, found.size, found.mtimeNs, found.ctimeNs].join(' ') : undefined;
}

/** The objects of a YAML or JSON file, items of a v1 List one by one. Throws with what is wrong. */
export async function readManifest(path: string): Promise<readonly unknown[]> {
  const { size } = await stat(path);
  if (size > longestManifestBytes) throw new Error(`the file has ${size} bytes; a manifest may have ${longestManifestBytes}`);
  const { parseAllDocuments } = await import('yaml');
  const documents = parseAllDocuments(await readFile(path, 'utf8'));
  if (!Array.isArray(documents)) return [];
  return documents.flatMap((document) => {
    const [fault] = document.errors;
    if (fault) throw new Error(fault.message.split('\n', 1)[0]!.replace(/:$/, ''));
    return items(document.toJS() as unknown);
  });
}

function items(value: unknown): readonly unknown[] {
  if (value === null || value === undefined) return [];
  if (typeof value !== 'object' || !('kind' in value) || value.kind !== 'List') return [value];
  return 'items' in value && Array.isArray(value.items) ? value.items : [];
}
