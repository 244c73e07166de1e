import { createHash } from 'node:crypto';
import type { PushRequest } from '../../../core/api/image.ts';
import type { Descriptor } from '../repository.ts';
import { baseName } from './find-wasm.ts';
import { cncfConfig, ociManifest, titleAnnotation, wasmLayer, wasmToOciConfig, wasmToOciLayer } from './media-types.ts';

export interface BuiltImage {
  readonly config: { readonly descriptor: Descriptor; readonly bytes: Uint8Array };
  readonly layer: Descriptor;
  readonly manifest: { readonly mediaType: string; readonly digest: string; readonly bytes: Uint8Array };
}

/** An image of one Wasm file. The same request gives the same digests. */
export function buildManifest(request: PushRequest): BuiltImage {
  const wasmToOci = request.format === 'wasm-to-oci';
  const layer = describe(wasmToOci ? wasmToOciLayer : wasmLayer, request.bytes, {
    // wasm-to-oci keeps the path as it was typed, wkg the name alone.
    [titleAnnotation]: wasmToOci ? request.fileName : baseName(request.fileName) || 'module.wasm',
  });
  const configBytes = encode(wasmToOci ? {} : cncfConfiguration(request, layer.digest));
  const config = describe(wasmToOci ? wasmToOciConfig : cncfConfig, configBytes, {});
  // oras-go 0.4 wrote no mediaType field; Krustlet refuses manifests that have one.
  const bytes = encode({ schemaVersion: 2, ...(wasmToOci ? {} : { mediaType: ociManifest }), config: wire(config), layers: [wire(layer)] });
  return { config: { descriptor: config, bytes: configBytes }, layer, manifest: { mediaType: ociManifest, digest: digestOf(bytes), bytes } };
}

/** CNCF TAG-Runtime, wasm-oci-artifact, "config". */
function cncfConfiguration({ inspection, created }: PushRequest, layerDigest: string): object {
  const component = inspection.kind === 'component'
    ? { exports: inspection.exports, imports: inspection.imports, ...(inspection.world === undefined ? {} : { target: inspection.world }) }
    : null;
  return { created, author: null, architecture: 'wasm', os: component === null ? 'wasip1' : 'wasip2', layerDigests: [layerDigest], component };
}

/** In the order of image-spec's Go structure. */
function wire({ mediaType, digest, size, annotations }: Descriptor): object {
  return { mediaType, digest, size, ...(Object.keys(annotations).length === 0 ? {} : { annotations }) };
}

function describe(mediaType: string, bytes: Uint8Array, annotations: Readonly<Record<string, string>>): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.length, annotations };
}

function encode(value: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
