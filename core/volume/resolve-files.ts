import { WasmletError } from '../api/errors.ts';
import type { Pod, Volume, Wire } from '../api/kubernetes.ts';
import type { VolumeFile } from '../api/volume.ts';
import type { ObjectReader } from '../kube/kube.ts';
import { downwardField } from './downward-field.ts';
import { volumeFilePath } from './volume-file-path.ts';

type Projection = NonNullable<NonNullable<Volume['projected']>['sources']>[number];
type KeyedProjection = { readonly name?: string; readonly items?: readonly { readonly key: string; readonly path: string; readonly mode?: number }[]; readonly optional?: boolean };

const defaultFileMode = 0o644;
const defaultTokenSeconds = 3600;

/**
 * The whole content of a configMap, secret, downwardAPI or projected volume (pkg/volume/{configmap,secret,downwardapi,projected}:
 * collectData). Throws VOLUME_SOURCE_NOT_FOUND, VOLUME_SOURCE_INVALID, VOLUME_TYPE_UNSUPPORTED with upstream's texts.
 */
export async function resolveVolumeFiles(pod: Pod, volume: Volume, objects: ObjectReader): Promise<readonly VolumeFile[]> {
  const { configMap, secret, downwardAPI, projected } = volume;
  const defaultMode = (configMap ?? secret ?? downwardAPI ?? projected)?.defaultMode ?? defaultFileMode;
  const sources: readonly Projection[] = projected
    ? (projected.sources ?? [])
    : [{ configMap, secret: secret && { ...secret, name: secret.secretName }, downwardAPI }];
  const files = (await Promise.all(sources.map((source) => resolveSource(pod, source, defaultMode, objects)))).flat();
  refuseConflicts(files);
  return files;
}

async function resolveSource(pod: Pod, source: Projection, defaultMode: number, objects: ObjectReader): Promise<VolumeFile[]> {
  const { namespace } = pod.metadata;
  if (source.configMap) {
    const name = source.configMap.name ?? '';
    const object = await objects.configMap(namespace, name);
    const content = object && { ...decodeText(object.data), ...decodeBase64(object.binaryData) };
    return keyedFiles(source.configMap, defaultMode, content, { missing: `configmap ${JSON.stringify(name)} not found`, missingKey: 'configmap references non-existent config key' });
  }
  if (source.secret) {
    const name = source.secret.name ?? '';
    const object = await objects.secret(namespace, name);
    return keyedFiles(source.secret, defaultMode, object && decodeBase64(object.data), { missing: `secret ${JSON.stringify(name)} not found`, missingKey: 'references non-existent secret key' });
  }
  if (source.downwardAPI) return (source.downwardAPI.items ?? []).map((item) => downwardFile(pod, item, defaultMode));
  if (source.serviceAccountToken) {
    const { audience, expirationSeconds = defaultTokenSeconds, path } = source.serviceAccountToken;
    const { token } = await objects.serviceAccountToken(pod, audience, expirationSeconds);
    const { fsGroup, runAsUser } = pod.spec.securityContext ?? {};
    return [{ path: volumeFilePath(path), content: Buffer.from(token), mode: fsGroup === undefined && runAsUser === undefined ? defaultMode : 0o600 }];
  }
  const type = Object.keys(source).find((key) => source[key as keyof Projection] !== undefined);
  if (type === undefined) return [];
  throw new WasmletError('VOLUME_TYPE_UNSUPPORTED', `projected volume source ${type} is not supported`);
}

/** Every key, or the items; `optional` forgives what is missing. */
function keyedFiles(source: KeyedProjection, defaultMode: number, content: Readonly<Record<string, Uint8Array>> | undefined, texts: { readonly missing: string; readonly missingKey: string }): VolumeFile[] {
  if (content === undefined) {
    if (source.optional) return [];
    throw new WasmletError('VOLUME_SOURCE_NOT_FOUND', texts.missing);
  }
  if (!source.items?.length) return Object.entries(content).map(([key, bytes]) => ({ path: volumeFilePath(key), content: bytes, mode: defaultMode }));
  return source.items.flatMap(({ key, path, mode }) => {
    const bytes = Object.hasOwn(content, key) ? content[key] : undefined;
    if (bytes !== undefined) return [{ path: volumeFilePath(path), content: bytes, mode: mode ?? defaultMode }];
    if (source.optional) return [];
    throw new WasmletError('VOLUME_SOURCE_INVALID', `${texts.missingKey}: ${key}`);
  });
}

function downwardFile(pod: Pod, item: Wire<NonNullable<NonNullable<Volume['downwardAPI']>['items']>[number]>, defaultMode: number): VolumeFile {
  if (!item.fieldRef) throw new WasmletError('VOLUME_TYPE_UNSUPPORTED', `downwardAPI item ${JSON.stringify(item.path)}: resourceFieldRef is not supported`);
  return { path: volumeFilePath(item.path), content: Buffer.from(downwardField(pod, item.fieldRef.fieldPath)), mode: item.mode ?? defaultMode };
}

function decodeText(data: Readonly<Record<string, string>> = {}): Record<string, Uint8Array> {
  return Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text)]));
}

function decodeBase64(data: Readonly<Record<string, string>> = {}): Record<string, Uint8Array> {
  return Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text, 'base64')]));
}

/** Two files at one path, or a file where another needs a directory. The API server refuses most of these; static pods come unchecked. */
function refuseConflicts(files: readonly VolumeFile[]): void {
  const paths = new Set<string>();
  for (const { path } of files) {
    if (paths.has(path)) throw new WasmletError('VOLUME_SOURCE_INVALID', `conflicting duplicate paths: ${JSON.stringify(path)}`);
    paths.add(path);
  }
  for (const path of paths) {
    for (let end = path.indexOf('/'); end >= 0; end = path.indexOf('/', end + 1)) {
      if (paths.has(path.slice(0, end))) throw new WasmletError('VOLUME_SOURCE_INVALID', `conflicting paths: ${JSON.stringify(path.slice(0, end))} is both a file and a directory`);
    }
  }
}
