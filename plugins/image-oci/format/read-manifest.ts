import type { Descriptor, RawManifest } from '../repository.ts';
import { dockerList, dockerManifest, ociIndex, ociManifest } from './media-types.ts';

/** A descriptor in an index. */
export interface IndexEntry extends Descriptor {
  readonly platform?: { readonly os: string; readonly architecture: string };
}

export type Manifest =
  | {
      readonly kind: 'manifest';
      readonly config: Descriptor;
      readonly layers: readonly Descriptor[];
      readonly annotations: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'index'; readonly manifests: readonly IndexEntry[] };

const mostDescriptors = 10_000;
const kinds: Readonly<Record<string, Manifest['kind']>> = { [ociManifest]: 'manifest', [dockerManifest]: 'manifest', [ociIndex]: 'index', [dockerList]: 'index' };

/**
 * Reads a manifest or an index, both with and without the `mediaType` field. Hostile input: what is not exactly one of the two is refused
 * (image-spec, "a document with both manifests and layers"). Throws an Error whose message is the cause.
 */
export function readManifest(raw: RawManifest): Manifest {
  const declared = raw.mediaType?.split(';')[0]?.trim().toLowerCase();
  const text = new TextDecoder().decode(raw.bytes);
  if (/^\s*</.test(text)) throw new Error('an HTML or XML page came in place of a manifest (a login page, or a proxy in between?)');
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new Error(`the manifest is not JSON: ${(error as Error).message}`, { cause: error });
  }
  const document = record(parsed, 'the manifest');
  if (document['schemaVersion'] === 1) throw new Error('it is a Docker image of schema version 1, which registries gave up in 2019');
  if (document['schemaVersion'] !== 2) throw new Error(`the manifest's schemaVersion is ${brief(document['schemaVersion'])}, not 2`);

  const own = document['mediaType'];
  if (own !== undefined && typeof own !== 'string') throw new Error(`the manifest's mediaType is ${brief(own)}`);
  const type = own ?? (declared !== undefined && declared in kinds ? declared : undefined);
  const hasIndex = document['manifests'] !== undefined;
  const hasManifest = document['config'] !== undefined || document['layers'] !== undefined;
  if (hasIndex === hasManifest) throw new Error(hasIndex ? 'the manifest is an index and an image at once' : 'the manifest names neither layers nor manifests');
  const kind = hasIndex ? 'index' : 'manifest';
  if (type !== undefined && kinds[type] !== kind) throw new Error(`the manifest's mediaType ${brief(type)} does not fit its content, ${kind === 'index' ? 'an index' : 'an image'}`);

  if (kind === 'index') return { kind, manifests: list(document['manifests'], 'manifests').map((entry, at) => indexEntry(entry, `manifests[${at}]`)) };
  return {
    kind,
    config: descriptor(document['config'], 'config'),
    layers: list(document['layers'] ?? [], 'layers').map((layer, at) => descriptor(layer, `layers[${at}]`)),
    annotations: annotations(document['annotations'], 'annotations'),
  };
}

function indexEntry(value: unknown, path: string): IndexEntry {
  const base = descriptor(value, path);
  const platform = (value as Record<string, unknown>)['platform'];
  if (platform === undefined || platform === null) return base;
  const { os, architecture } = record(platform, `${path}.platform`);
  if (typeof os !== 'string' || typeof architecture !== 'string') throw new Error(`${path}.platform names no os or architecture`);
  return { ...base, platform: { os, architecture } };
}

export function descriptor(value: unknown, path: string): Descriptor {
  const { mediaType, digest, size, annotations: notes } = record(value, path);
  if (typeof mediaType !== 'string') throw new Error(`${path}.mediaType is ${brief(mediaType)}`);
  if (typeof digest !== 'string' || !/^sha256:[0-9a-f]{64}$/.test(digest)) throw new Error(`${path}.digest is ${brief(digest)}, not a sha256 digest`);
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) throw new Error(`${path}.size is ${brief(size)}`);
  return { mediaType, digest, size, annotations: annotations(notes, `${path}.annotations`) };
}

function annotations(value: unknown, path: string): Readonly<Record<string, string>> {
  if (value === undefined || value === null) return {};
  for (const [key, text] of Object.entries(record(value, path))) {
    if (typeof text !== 'string') throw new Error(`${path}: ${JSON.stringify(key)} is ${brief(text)}`);
  }
  return value as Record<string, string>;
}

export function record(value: unknown, path: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${path} is ${brief(value)}, not an object`);
  return value as Record<string, unknown>;
}

function list(value: unknown, path: string): unknown[] {
  if (!Array.isArray(value)) throw new Error(`${path} is ${brief(value)}, not a list`);
  if (value.length > mostDescriptors) throw new Error(`${path} has ${value.length} entries; ${mostDescriptors} are the most`);
  return value;
}

/** A value of a stranger, short enough for a message. */
function brief(value: unknown): string {
  if (value === undefined) return 'absent';
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
