/** A field's name as it was written, and its value as it is sent. */
export type Field = readonly [name: string, value: Uint8Array];

/** Why a field cannot be changed: `wasi:http/types.header-error`; 0.2 has no `size-exceeded`. */
export type FieldProblem = 'invalid-syntax' | 'forbidden' | 'immutable' | 'size-exceeded';

export class FieldError extends Error {
  readonly problem: FieldProblem;

  constructor(problem: FieldProblem) {
    super(problem);
    this.name = 'FieldError';
    this.problem = problem;
  }
}

/** Names and values of one header or trailer section, in bytes. They lie in the host's memory, which the guest's limit does not bound. */
export const largestFieldSection = 64 * 1024;
/** What a field takes beside its bytes. */
const fieldOverhead = 32;

/** What the transport sets itself, and what belongs to one hop only. */
const forbidden: ReadonlySet<string> = new Set(['connection', 'host', 'http2-settings', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection', 'transfer-encoding', 'upgrade']);

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** RFC 9110 §5.6.2. */
export function isToken(text: string): boolean {
  return token.test(text);
}

/**
 * The headers or trailers of one message: names keep their case and are compared without it, order is kept, a name may
 * have many values. Both of WASI's `fields` resources stand on it.
 */
export class FieldList {
  #fields: Field[] = [];
  #bytes = 0;
  #frozen = false;

  /** From the guest. @throws FieldError */
  static from(fields: Iterable<Field>): FieldList {
    const list = new FieldList();
    for (const [name, value] of fields) list.append(name, value);
    return list;
  }

  /** From the transport, which has checked them: `raw` is name, value, name, value … in Latin-1, as Node gives it. Without the names that are forbidden. */
  static received(raw: readonly string[], options?: { readonly keepHost?: boolean }): FieldList {
    const list = new FieldList();
    for (let index = 0; index + 1 < raw.length; index += 2) {
      const name = raw[index]!;
      const key = name.toLowerCase();
      if (forbidden.has(key) && !(key === 'host' && options?.keepHost === true)) continue;
      list.#add(name, Uint8Array.from(Buffer.from(raw[index + 1]!, 'latin1')));
    }
    return list;
  }

  /** Every later change is an `immutable` error. */
  freeze(): this {
    this.#frozen = true;
    return this;
  }

  /** What it counts for, against `largestFieldSection`. */
  get bytes(): number {
    return this.#bytes;
  }

  get frozen(): boolean {
    return this.#frozen;
  }

  get entries(): readonly Field[] {
    return this.#fields;
  }

  has(name: string): boolean {
    return this.#fields.some(named(name));
  }

  get(name: string): Uint8Array[] {
    return this.#fields.filter(named(name)).map(([, value]) => value);
  }

  /** @throws FieldError; then nothing has changed */
  set(name: string, values: readonly Uint8Array[]): void {
    this.#mayChange(name);
    for (const value of values) checkValue(value);
    const before = { fields: this.#fields, bytes: this.#bytes };
    this.#remove(name);
    try {
      for (const value of values) this.#add(name, value);
    } catch (error) {
      this.#fields = before.fields;
      this.#bytes = before.bytes;
      throw error;
    }
  }

  /** @throws FieldError */
  append(name: string, value: Uint8Array): void {
    this.#mayChange(name);
    checkValue(value);
    this.#add(name, value);
  }

  /** Answers the values that were there. @throws FieldError */
  delete(name: string): Uint8Array[] {
    this.#mayChange(name);
    const values = this.get(name);
    this.#remove(name);
    return values;
  }

  /** One that may be changed. */
  clone(): FieldList {
    const copy = new FieldList();
    copy.#fields = [...this.#fields];
    copy.#bytes = this.#bytes;
    return copy;
  }

  /** For Node's `writeHead`, `request` and `addTrailers`: name, value, name, value …, values in Latin-1. */
  toRaw(): string[] {
    return this.#fields.flatMap(([name, value]) => [name, latin1(value)]);
  }

  /** The value of `content-length` when it is one number. */
  get contentLength(): bigint | undefined {
    const values = new Set(this.get('content-length').map((value) => latin1(value).trim()));
    const [first] = values;
    return values.size === 1 && /^\d{1,18}$/.test(first!) ? BigInt(first!) : undefined;
  }

  #mayChange(name: string): void {
    if (this.#frozen) throw new FieldError('immutable');
    if (!token.test(name)) throw new FieldError('invalid-syntax');
    if (forbidden.has(name.toLowerCase())) throw new FieldError('forbidden');
  }

  #add(name: string, value: Uint8Array): void {
    const bytes = this.#bytes + name.length + value.length + fieldOverhead;
    if (bytes > largestFieldSection) throw new FieldError('size-exceeded');
    // Values of one name are sent under the name that came first.
    const [first] = this.#fields.find(named(name)) ?? [name];
    this.#fields = [...this.#fields, [first, value]];
    this.#bytes = bytes;
  }

  #remove(name: string): void {
    const isNamed = named(name);
    for (const [written, value] of this.#fields.filter(isNamed)) this.#bytes -= written.length + value.length + fieldOverhead;
    this.#fields = this.#fields.filter((field) => !isNamed(field));
  }
}

function named(name: string): (field: Field) => boolean {
  const key = name.toLowerCase();
  return ([other]) => other.toLowerCase() === key;
}

function latin1(value: Uint8Array): string {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('latin1');
}

/** RFC 9110 §5.5: no control characters but the tab. */
function checkValue(value: Uint8Array): void {
  for (const byte of value) if ((byte < 0x20 && byte !== 0x09) || byte === 0x7f) throw new FieldError('invalid-syntax');
}
