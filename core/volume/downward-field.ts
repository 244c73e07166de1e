import { WasmletError } from '../api/errors.ts';
import type { Pod } from '../api/kubernetes.ts';

const subscript = /^metadata\.(labels|annotations)\['(.*)'\]$/s;

/**
 * A pod's field as the text of a downwardAPI volume's file (pkg/fieldpath/fieldpath.go): name, namespace, uid, labels and
 * annotations, whole or by key. A key that is not there gives an empty file. Throws VOLUME_SOURCE_INVALID for any other field.
 */
export function downwardField(pod: Pod, fieldPath: string): string {
  const { name, namespace, uid, labels = {}, annotations = {} } = pod.metadata;
  const match = subscript.exec(fieldPath);
  if (match) {
    const map = match[1] === 'labels' ? labels : annotations;
    return Object.hasOwn(map, match[2]!) ? map[match[2]!]! : '';
  }
  switch (fieldPath) {
    case 'metadata.name':
      return name;
    case 'metadata.namespace':
      return namespace;
    case 'metadata.uid':
      return uid;
    case 'metadata.labels':
      return formatMap(labels);
    case 'metadata.annotations':
      return formatMap(annotations);
    default:
      throw new WasmletError('VOLUME_SOURCE_INVALID', `unsupported fieldPath: ${fieldPath}`);
  }
}

/** `key="escaped value"` lines, sorted by key, without a last newline. */
export function formatMap(map: Readonly<Record<string, string>>): string {
  return Object.keys(map)
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map((key) => `${key}=${quote(map[key]!)}`)
    .join('\n');
}

const shortEscapes: Readonly<Record<string, string>> = { '\x07': '\\a', '\b': '\\b', '\f': '\\f', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\v': '\\v', '"': '\\"', '\\': '\\\\' };

/** Go's strconv.Quote, which programs that read these files undo. */
function quote(text: string): string {
  let quoted = '';
  for (const character of text) {
    const code = character.codePointAt(0)!;
    if (character in shortEscapes) quoted += shortEscapes[character];
    else if (code === 0x20 || /^[\p{L}\p{M}\p{N}\p{P}\p{S}]$/u.test(character)) quoted += character;
    else if (code < 0x20 || code === 0x7f) quoted += `\\x${code.toString(16).padStart(2, '0')}`;
    else if (code > 0xffff) quoted += `\\U${code.toString(16).padStart(8, '0')}`;
    else quoted += `\\u${code.toString(16).padStart(4, '0')}`;
  }
  return `"${quoted}"`;
}
