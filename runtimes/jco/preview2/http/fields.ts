import { FieldError, FieldList } from '../../http/field-list.ts';
import type { Field } from '../../http/field-list.ts';
import { ComponentFailure, trap } from '../../host/component-failure.ts';
import type { GuestContext } from '../../host/guest-context.ts';
import { HostResource } from '../../host/host-resource.ts';

/** What a field takes in the node's heap beside its bytes, roughly. */
const fieldBytes = 128;

/** `wasi:http/types.fields`. */
export class Fields extends HostResource {
  readonly list: FieldList;
  #counted = 0;

  constructor(context: GuestContext, list: FieldList) {
    super(context);
    this.list = list;
    this.#count();
  }

  static fromList(context: GuestContext, entries: readonly Field[]): Fields {
    context.called();
    return attemptFields(() => new Fields(context, FieldList.from(entries)));
  }

  get(name: string): Uint8Array[] {
    this.context.called();
    return this.list.get(name);
  }

  has(name: string): boolean {
    this.context.called();
    return this.list.has(name);
  }

  set(name: string, values: readonly Uint8Array[]): void {
    this.#change(() => this.list.set(name, values));
  }

  delete(name: string): void {
    this.#change(() => this.list.delete(name));
  }

  append(name: string, value: Uint8Array): void {
    this.#change(() => this.list.append(name, value));
  }

  entries(): Field[] {
    this.context.called();
    return [...this.list.entries];
  }

  clone(): Fields {
    this.context.called();
    return new Fields(this.context, this.list.clone());
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    this.context.release(this.#counted);
    this.#counted = 0;
  }

  /** What they are becomes the message's, and cannot be changed any more. */
  consume(): FieldList {
    this[Symbol.dispose]();
    return this.list.freeze();
  }

  #change(change: () => void): void {
    this.context.called();
    attemptFields(change);
    this.#count();
  }

  #count(): void {
    const bytes = this.list.entries.reduce((sum, [name, value]) => sum + name.length + value.length + fieldBytes, 0);
    this.context.release(this.#counted);
    this.#counted = bytes;
    this.context.hold(bytes);
  }
}

/** Makes `result<_, header-error>` of what the list says. */
function attemptFields<Result>(action: () => Result): Result {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof FieldError)) throw error;
    // 0.2 has no word for it.
    if (error.problem === 'size-exceeded') trap('a message\'s fields are larger than a host takes');
    throw new ComponentFailure({ tag: error.problem });
  }
}
