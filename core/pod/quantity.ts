/** Kubernetes quantities (apimachinery pkg/api/resource). */
import { WasmletError } from '../api/errors.ts';

const binary: Readonly<Record<string, bigint>> = {
  Ki: 1n << 10n, Mi: 1n << 20n, Gi: 1n << 30n, Ti: 1n << 40n, Pi: 1n << 50n, Ei: 1n << 60n,
};
/** Decimal suffixes as powers of ten. */
const decimal: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };

const syntax = /^([+-]?)(\d+(?:\.\d*)?|\.\d+)(?:([eE][+-]?\d{1,3})|(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]?))$/;

/** In thousandths (`1` → 1000n), rounded up as Kubernetes rounds. Throws FIELD_INVALID. */
export function parseMilliQuantity(text: string): bigint {
  return parseScaled(text, 3);
}

/** In whole units, rounded up. Throws FIELD_INVALID. */
export function parseQuantity(text: string): bigint {
  return parseScaled(text, 0);
}

function parseScaled(text: string, scale: number): bigint {
  const match = syntax.exec(text);
  // A longer number would only cost time: 2^63 has 19 digits.
  if (match === null || text.length > 64) throw new WasmletError('FIELD_INVALID', `"${text.slice(0, 64)}" is not a quantity`);
  const [, sign, number = '', exponentText, suffix = ''] = match;
  const [whole = '', fraction = ''] = number.split('.');
  const multiplier = binary[suffix] ?? 1n;
  const exponent = exponentText === undefined ? (decimal[suffix] ?? 0) : Number(exponentText.slice(1));
  const digits = BigInt((whole + fraction) || '0') * multiplier;
  const power = exponent - fraction.length + scale;
  const magnitude = power >= 0 ? digits * 10n ** BigInt(power) : divideUp(digits, 10n ** BigInt(-power));
  return sign === '-' ? -magnitude : magnitude;
}

function divideUp(dividend: bigint, divisor: bigint): bigint {
  return (dividend + divisor - 1n) / divisor;
}
