import type { ArchiveLayer } from '../format/find-wasm.ts';
import type { LayerContent } from './read-layer.ts';

export interface ExtractedFile {
  /** Inside the root, without a leading slash. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

const mostLinks = 8;

/**
 * Finds the entry point in a root filesystem of layers, or, where none is named, its only `.wasm` file. Layers are read from the top, so
 * that mostly one is fetched. Throws an Error whose message is the cause; undefined: there is no such file.
 */
export async function extractWasm(
  layers: readonly ArchiveLayer[],
  entrypoint: string | undefined,
  read: (layer: ArchiveLayer, wanted: (path: string) => boolean) => Promise<LayerContent>,
): Promise<ExtractedFile | undefined> {
  let path = entrypoint;
  for (let links = 0; links <= mostLinks; links += 1) {
    const wanted = path === undefined ? (candidate: string) => candidate.endsWith('.wasm') : (candidate: string) => candidate === path;
    const found = await findTopmost(layers, wanted, read);
    if (found === undefined || 'bytes' in found) return found;
    path = found.target;
  }
  throw new Error(`the entry point ${entrypoint} leads through more than ${mostLinks} links`);
}

async function findTopmost(
  layers: readonly ArchiveLayer[],
  wanted: (path: string) => boolean,
  read: (layer: ArchiveLayer, wanted: (path: string) => boolean) => Promise<LayerContent>,
): Promise<ExtractedFile | { readonly target: string } | undefined> {
  const above: LayerContent[] = [];
  for (const layer of layers.toReversed()) {
    const content = await read(layer, wanted);
    const files = [...content.files].filter(([path]) => !isHidden(path, above));
    if (files.length > 1) throw new Error(`the image names no entry point and holds several Wasm files: ${files.slice(0, 10).map(([path]) => path).join(', ')}`);
    if (files[0] !== undefined) return { path: files[0][0], bytes: files[0][1] };
    const link = [...content.links].find(([path]) => !isHidden(path, above));
    if (link !== undefined) return { target: link[1] };
    above.push(content);
  }
  return undefined;
}

/** Removed by a layer above: itself, or a directory that it lies in. */
function isHidden(path: string, above: readonly LayerContent[]): boolean {
  const parts = path.split('/');
  const directories = parts.map((_, at) => parts.slice(0, at).join('/'));
  return above.some(({ removed, opaque }) => removed.has(path) || directories.some((directory) => removed.has(directory) || opaque.has(directory)));
}
