import type { ErrorCode } from '../../../core/api/errors.ts';
import type { ImageConfig } from '../../../core/api/image.ts';
import type { Descriptor } from '../repository.ts';
import { archiveLayers, cncfConfig, compatAnnotations, imageConfigs, spinApplication, titleAnnotation, wasmLayers, wasmToOciConfig } from './media-types.ts';
import { readImageConfig } from './read-image-config.ts';
import type { ImageConfiguration } from './read-image-config.ts';
import type { Manifest } from './read-manifest.ts';

export interface ArchiveLayer extends Descriptor {
  readonly compression: 'none' | 'gzip' | 'zstd';
}

/** Where an image keeps its Wasm. */
export type WasmLocation =
  | { readonly kind: 'layer'; readonly layer: Descriptor; readonly name?: string; readonly config: ImageConfig }
  /** In the root filesystem; without `entrypoint` the only file there whose name ends in `.wasm`. */
  | { readonly kind: 'archive'; readonly layers: readonly ArchiveLayer[]; readonly entrypoint?: string; readonly config: ImageConfig }
  | { readonly kind: 'refused'; readonly code: Extract<ErrorCode, 'IMAGE_NO_WASM' | 'IMAGE_MANIFEST_INVALID'>; readonly cause: string };

/**
 * Tells from manifest and configuration alone where the Wasm is, in the order that needs no guess: CNCF artifact, wasm-to-oci, Spin
 * application, any layer that is Wasm, a root filesystem that runs a `.wasm` file. Throws an Error whose message is the cause.
 */
export function findWasm(manifest: Extract<Manifest, { kind: 'manifest' }>, configBytes: Uint8Array): WasmLocation {
  const { config, layers } = manifest;
  const wasm = layers.filter((layer) => wasmLayers.has(layer.mediaType));

  if (config.mediaType === cncfConfig) {
    if (layers.length !== 1) return invalid(`a CNCF Wasm artifact of version 0 has one layer; this has ${layers.length}`);
    return wasm.length === 1 ? whole(wasm[0]!) : noWasm(`its layer is ${layers[0]!.mediaType}`);
  }
  if (config.mediaType === wasmToOciConfig && wasm.length > 0) return whole(wasm[0]!);

  if (layers.some((layer) => layer.mediaType === spinApplication)) {
    if (wasm.length === 1) return whole(wasm[0]!);
    return invalid(`it is a Spin application of ${wasm.length} components, and a container runs one: push the component by itself (wasmlet push)`);
  }
  const image = imageConfigs.has(config.mediaType) ? readImageConfig(configBytes) : undefined;
  if (wasm.length > 1) return invalid(`it has ${wasm.length} Wasm layers, and a container runs one`);
  if (wasm.length === 1) return whole(wasm[0]!, image);
  if (image === undefined) return noWasm(`its configuration is ${config.mediaType}, its layers are ${typesOf(layers)}`);
  return inRootFilesystem(manifest, image);
}

function whole(layer: Descriptor, image?: ImageConfiguration): WasmLocation {
  const title = baseName(layer.annotations[titleAnnotation] ?? image?.inherited.entrypoint?.[0] ?? '');
  return { kind: 'layer', layer, ...(title === '' ? {} : { name: title }), config: image?.inherited ?? {} };
}

function inRootFilesystem(manifest: Extract<Manifest, { kind: 'manifest' }>, image: ImageConfiguration): WasmLocation {
  const program = (image.inherited.entrypoint ?? image.inherited.cmd)?.[0];
  // runwasi's grammar: `path#function`.
  const [file, start] = program?.split('#', 2) ?? [];
  const named = file !== undefined && /\.wasm$/i.test(file);
  const marked = Object.entries(compatAnnotations).some(([key, values]) => values.includes(manifest.annotations[key] ?? ''));
  if (!named && !marked && !/^wasm(32)?$/.test(image.architecture)) {
    const platform = `${image.os || 'unknown'}/${image.architecture || 'unknown'}`;
    return noWasm(`it is a ${platform} image that runs ${program === undefined ? 'no program' : JSON.stringify(program.slice(0, 200))}`);
  }
  if (start !== undefined && start !== '_start') return invalid(`its entry point ${JSON.stringify(program)} names the function ${start}; only _start can be started`);
  const layers: ArchiveLayer[] = [];
  for (const layer of manifest.layers) {
    const compression = archiveLayers[layer.mediaType];
    if (compression === undefined) return invalid(`layers of the type ${layer.mediaType} cannot be read`);
    layers.push({ ...layer, compression });
  }
  if (layers.length === 0) return noWasm('it has no layers');
  const path = file === undefined || file === '' ? undefined : inside(image.inherited.workingDir ?? '/', file);
  return { kind: 'archive', layers, ...(path === undefined ? {} : { entrypoint: path }), config: image.inherited };
}

/** A path in the image's root, without a leading slash and without any way out. */
export function inside(directory: string, path: string): string {
  const parts: string[] = [];
  for (const part of (path.startsWith('/') ? path : `${directory}/${path}`).split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts.join('/');
}

/** A file's name out of a stranger's path. */
export function baseName(path: string): string {
  const name = path.split(/[/\\]/).at(-1)!.split('#')[0]!.replaceAll(/[^\x20-\x7e]/g, '').trim();
  return name === '.' || name === '..' ? '' : name.slice(0, 255);
}

function typesOf(layers: readonly Descriptor[]): string {
  return layers.length === 0 ? 'none' : [...new Set(layers.map((layer) => layer.mediaType))].slice(0, 5).join(', ');
}

function noWasm(cause: string): WasmLocation {
  return { kind: 'refused', code: 'IMAGE_NO_WASM', cause: `the image holds no WebAssembly: ${cause}` };
}

function invalid(cause: string): WasmLocation {
  return { kind: 'refused', code: 'IMAGE_MANIFEST_INVALID', cause };
}
