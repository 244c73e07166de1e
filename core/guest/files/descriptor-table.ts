import type { GuestHost } from '../host.ts';
import { FileError } from './file-error.ts';

interface Closable {
  close(): void;
}

/** The guest's host. */
export type DescriptorAllowance = Pick<GuestHost, 'limits' | 'reportDescriptors' | 'nodeHasDescriptors'>;

/** Numbers for what a guest has open: the lowest free one is given first, as POSIX does, and there is a limit. */
export class DescriptorTable<Descriptor extends Closable> {
  readonly #allowance: DescriptorAllowance;
  #entries: (Descriptor | undefined)[] = [];
  /** What has no number. */
  #held: Set<Closable> | undefined;
  #count = 0;

  /** `allowance` hears the number of open descriptors whenever it changes. */
  constructor(allowance: DescriptorAllowance) {
    this.#allowance = allowance;
  }

  /** Throws EMFILE when the guest may have no more, ENFILE when the node has none to spare. */
  requireRoom(): void {
    if (this.#count >= this.#allowance.limits.descriptors) throw new FileError('EMFILE');
    if (!this.#allowance.nodeHasDescriptors()) throw new FileError('ENFILE');
  }

  /** Makes a descriptor only when there is room for it: else as `requireRoom`, and `open` is not called. */
  insert(open: () => Descriptor): number {
    this.requireRoom();
    const descriptor = open();
    const free = this.#entries.indexOf(undefined);
    const number = free === -1 ? this.#entries.length : free;
    this.#entries[number] = descriptor;
    this.#changeCount(1);
    return number;
  }

  /** As `insert`, for what the host has open on the guest's behalf: it counts, and has no number. */
  hold<Held extends Closable>(open: () => Held): Held {
    this.requireRoom();
    const held = open();
    (this.#held ??= new Set()).add(held);
    this.#changeCount(1);
    return held;
  }

  /** Closes what is held. Idempotent. */
  release(held: Closable): void {
    if (this.#held?.delete(held) !== true) return;
    this.#changeCount(-1);
    held.close();
  }

  /** Throws EBADF. */
  get(number: number): Descriptor {
    const descriptor = this.#entries[number >>> 0];
    if (descriptor === undefined) throw new FileError('EBADF');
    return descriptor;
  }

  close(number: number): void {
    const descriptor = this.get(number);
    this.#entries[number >>> 0] = undefined;
    this.#changeCount(-1);
    descriptor.close();
  }

  /** Moves `from` to the number of another open descriptor, which is closed. */
  renumber(from: number, to: number): void {
    const [moved, replaced] = [this.get(from), this.get(to)];
    if (moved === replaced) return;
    this.#entries[to >>> 0] = moved;
    this.#entries[from >>> 0] = undefined;
    this.#changeCount(-1);
    replaced.close();
  }

  closeAll(): void {
    const closing = [...(this.#held ?? []), ...this.#entries];
    this.#held = undefined;
    this.#entries = [];
    this.#changeCount(-this.#count);
    for (const each of closing) each?.close();
  }

  #changeCount(difference: number): void {
    this.#count += difference;
    this.#allowance.reportDescriptors(this.#count);
  }
}
