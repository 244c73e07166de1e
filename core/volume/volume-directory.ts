import path from 'node:path';
import { WasmletError } from '../api/errors.ts';

/** Volume types whose directory upstream names otherwise than the field of the pod's spec (pkg/volume: each plugin's name). */
const directoryNames: ReadonlyMap<string, string> = new Map([
  ['configMap', 'configmap'],
  ['downwardAPI', 'downward-api'],
  ['emptyDir', 'empty-dir'],
  ['hostPath', 'host-path'],
]);
const typesByDirectory = new Map([...directoryNames].map(([type, name]) => [name, type]));
const prefix = 'kubernetes.io~';

/** `<pods>/<uid>/volumes/kubernetes.io~<type>/<name>`, upstream's layout. Throws VOLUME_SOURCE_INVALID when a name is no single path component. */
export function volumeDirectory(podsDirectory: string, podUid: string, type: string, name: string): string {
  return path.join(volumesDirectory(podsDirectory, podUid), prefix + (directoryNames.get(type) ?? component(type)), component(name));
}

/** `<pods>/<uid>/volumes`. */
export function volumesDirectory(podsDirectory: string, podUid: string): string {
  return path.join(podsDirectory, component(podUid), 'volumes');
}

/** The volume type of a directory below `volumes/`; undefined when it is none of ours. */
export function typeOfDirectory(name: string): string | undefined {
  if (!name.startsWith(prefix)) return undefined;
  const type = name.slice(prefix.length);
  return typesByDirectory.get(type) ?? type;
}

function component(name: string): string {
  if (name === '' || name === '.' || name === '..' || /[/\0]/.test(name)) throw new WasmletError('VOLUME_SOURCE_INVALID', `${JSON.stringify(name)} cannot name a directory`);
  return name;
}
