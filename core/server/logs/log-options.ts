/** PodLogOptions as the apiserver sends them in the query; `container` stands in the path. */
export interface LogOptions {
  readonly follow: boolean;
  readonly previous: boolean;
  readonly timestamps: boolean;
  /** Milliseconds since the epoch, inclusive. */
  readonly since?: number;
  readonly tailLines?: number;
  readonly limitBytes?: number;
}

export type ParsedLogOptions =
  | { readonly ok: true; readonly options: LogOptions }
  /** 400: it cannot be read. 422: it can, and asks for what cannot be (validation.ValidatePodLogOptions). */
  | { readonly ok: false; readonly status: 400 | 422; readonly message: string };

class Refusal extends Error {
  readonly status: 400 | 422;

  constructor(status: 400 | 422, message: string) {
    super(message);
    this.status = status;
  }
}

export function parseLogOptions(query: URLSearchParams, now: number): ParsedLogOptions {
  try {
    const sinceSeconds = integer(query, 'sinceSeconds', 1);
    const sinceTime = time(query, 'sinceTime');
    if (sinceSeconds !== undefined && sinceTime !== undefined) throw new Refusal(422, 'at most one of sinceTime or sinceSeconds may be specified');
    // Some older clients say `tail`.
    const tailLines = integer(query, 'tailLines', 0) ?? integer(query, 'tail', 0);
    const limitBytes = integer(query, 'limitBytes', 1);
    const since = sinceSeconds === undefined ? sinceTime : now - sinceSeconds * 1000;
    const options = { follow: flag(query, 'follow'), previous: flag(query, 'previous'), timestamps: flag(query, 'timestamps') };
    return {
      ok: true,
      options: { ...options, ...(since !== undefined && { since }), ...(tailLines !== undefined && { tailLines }), ...(limitBytes !== undefined && { limitBytes }) },
    };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { ok: false, status: error.status, message: error.message };
  }
}

/** apimachinery's Convert_Slice_string_To_bool: present and neither `0` nor `false` is true, also when empty. */
function flag(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  return value !== null && value !== '0' && value.toLowerCase() !== 'false';
}

function integer(query: URLSearchParams, name: string, minimum: number): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  const value = Number(text);
  if (!/^[+-]?\d+$/.test(text) || !Number.isSafeInteger(value)) throw new Refusal(400, `${name}: ${JSON.stringify(text)} is not a whole number`);
  if (value < minimum) throw new Refusal(422, `${name}: must be greater than or equal to ${minimum}`);
  return value;
}

function time(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  const value = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/.test(text) ? Date.parse(text.toUpperCase()) : NaN;
  if (Number.isNaN(value)) throw new Refusal(400, `${name}: ${JSON.stringify(text)} is not an RFC 3339 time`);
  return value;
}
