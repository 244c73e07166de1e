import { WasmletError } from '../../core/api/errors.ts';

const decimal = ['', 'k', 'M', 'G', 'T', 'P', 'E'];
const binary = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

/** A resource quantity as whole bytes, rounded up: `64Mi`, `1e6`, `1.5G`. Throws VOLUME_SOURCE_INVALID. */
export function parseBytes(quantity: string): number {
  const match = /^(\d+(?:\.\d*)?|\.\d+)(?:([eE][+-]?\d+)|(m|[kMGTPE]|[KMGTPE]i))?$/.exec(quantity);
  if (!match) throw new WasmletError('VOLUME_SOURCE_INVALID', `emptyDir.sizeLimit: Invalid value: ${JSON.stringify(quantity)}`);
  const [, digits, exponent = '', suffix = ''] = match;
  if (suffix === 'm') return Math.ceil(Number(digits) / 1000);
  const factor = suffix.endsWith('i') ? 1024 ** binary.indexOf(suffix) : 1000 ** decimal.indexOf(suffix);
  return Math.ceil(Number(digits + exponent) * factor);
}
