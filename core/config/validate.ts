import type { Ajv2020, ValidateFunction } from 'ajv/dist/2020.js';
import { WasmletError } from '../api/errors.ts';
import type { ErrorCode } from '../api/errors.ts';

/** Compiled schemas: each plugin's manifest is checked by the same one, and compiling costs a hundred times a check. */
const compiled = new WeakMap<object, ValidateFunction>();
let ajv: Ajv2020 | undefined;

/**
 * Checks `value` against a JSON Schema (draft 2020-12) and fills in its defaults. Throws `code` with one line for each
 * fault: the place as a path, and what is wrong there.
 */
export async function validate(schema: object, value: unknown, options: { readonly what: string; readonly code: ErrorCode }): Promise<void> {
  const check = await compile(schema, options);
  if (check(value)) return;
  const faults = (check.errors ?? []).map((fault) => {
    const place = fault.instancePath.split('/').slice(1).join('.');
    if (fault.keyword === 'additionalProperties') return `${join(place, String(fault.params['additionalProperty']))}: unknown field`;
    if (fault.keyword === 'required') return `${join(place, String(fault.params['missingProperty']))}: missing`;
    const allowed = (fault.params['allowedValues'] ?? [fault.params['allowedValue'] ?? []].flat()) as readonly unknown[];
    return `${place || '(top)'}: ${fault.message}${allowed.length > 0 ? ` (${allowed.map(String).join(', ')})` : ''}`;
  });
  throw new WasmletError(options.code, `${options.what}: ${[...new Set(faults)].join('; ')}`);
}

async function compile(schema: object, { what, code }: { readonly what: string; readonly code: ErrorCode }): Promise<ValidateFunction> {
  const known = compiled.get(schema);
  if (known !== undefined) return known;
  const { Ajv2020 } = (await import('ajv/dist/2020.js')).default;
  ajv ??= new Ajv2020({ allErrors: true, useDefaults: true, strict: false, addUsedSchema: false, code: { optimize: false } });
  try {
    const check = ajv.compile(schema);
    compiled.set(schema, check);
    return check;
  } catch (error) {
    throw new WasmletError(code, `${what}: its schema is not a JSON Schema: ${(error as Error).message}`, { cause: error });
  }
}

function join(place: string, name: string): string {
  return place ? `${place}.${name}` : name;
}
