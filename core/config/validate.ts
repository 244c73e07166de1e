import { WasmletError } from '../api/errors.ts';
import type { ErrorCode } from '../api/errors.ts';

/**
 * Checks `value` against a JSON Schema (draft 2020-12) and fills in its defaults. Throws `code` with one line for each
 * fault: the place as a path, and what is wrong there.
 */
export async function validate(schema: object, value: unknown, options: { readonly what: string; readonly code: ErrorCode }): Promise<void> {
  const { Ajv2020 } = (await import('ajv/dist/2020.js')).default;
  let check;
  try {
    check = new Ajv2020({ allErrors: true, useDefaults: true, strict: false }).compile(schema);
  } catch (error) {
    throw new WasmletError(options.code, `${options.what}: its schema is not a JSON Schema: ${(error as Error).message}`, { cause: error });
  }
  if (check(value)) return;
  const faults = (check.errors ?? []).map((fault) => {
    const place = fault.instancePath.split('/').slice(1).join('.');
    if (fault.keyword === 'additionalProperties') return `${join(place, String(fault.params['additionalProperty']))}: unknown field`;
    if (fault.keyword === 'required') return `${join(place, String(fault.params['missingProperty']))}: missing`;
    const allowed: unknown = fault.params['allowedValues'] ?? fault.params['allowedValue'];
    return `${place || '(top)'}: ${fault.message}${allowed ? ` (${[allowed].flat().join(', ')})` : ''}`;
  });
  throw new WasmletError(options.code, `${options.what}: ${[...new Set(faults)].join('; ')}`);
}

function join(place: string, name: string): string {
  return place ? `${place}.${name}` : name;
}
