import { FieldError } from '../../http/field-list.ts';
import type { FieldList } from '../../http/field-list.ts';
import { ComponentFailure } from '../../host/component-failure.ts';
import { HostResource } from '../../host/host-resource.ts';
import type { HttpResources } from './http-types.ts';

/** `wasi:http/types.fields` 0.3. What it holds counts against the guest's memory. */
export class Fields extends HostResource {
  readonly #resources: HttpResources;
  readonly list: FieldList;
  #heldBytes = 0;

  constructor(resources: HttpResources, list: FieldList) {
    super(resources.context);
    this.#resources = resources;
    this.list = list;
    this.#account();
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    this.context.release(this.#heldBytes);
    this.#heldBytes = 0;
  }

  /** Makes `result<_, header-error>` of what the list says. */
  static checked<Result>(action: () => Result): Result {
    try {
      return action();
    } catch (error) {
      throw error instanceof FieldError ? new ComponentFailure({ tag: error.problem }) : error;
    }
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

  getAndDelete(name: string): Uint8Array[] {
    return this.#change(() => this.list.delete(name));
  }

  append(name: string, value: Uint8Array): void {
    this.#change(() => this.list.append(name, value));
  }

  copyAll(): [string, Uint8Array][] {
    this.context.called();
    return this.list.entries.map(([name, value]) => [name, value]);
  }

  clone(): Fields {
    this.context.called();
    return this.#resources.fields(this.list.clone());
  }

  /** The list, now the host's: the handle is gone. */
  take(): FieldList {
    this[Symbol.dispose]();
    return this.list;
  }

  #change<Result>(action: () => Result): Result {
    this.context.called();
    const result = Fields.checked(action);
    this.#account();
    return result;
  }

  #account(): void {
    const { bytes } = this.list;
    if (bytes > this.#heldBytes) this.context.hold(bytes - this.#heldBytes);
    else this.context.release(this.#heldBytes - bytes);
    this.#heldBytes = bytes;
  }
}
