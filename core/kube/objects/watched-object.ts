import type { Observable, Subscription } from 'rxjs';
import type { Clock } from '../../api/clock.ts';
import type { WatchEvent } from '../../api/kubernetes.ts';
import { isForbidden } from '../api/api-error.ts';
import type { ApiObject } from '../api/resources.ts';

/** The authorizer learns of a binding a moment after the kubelet: so long a 403 may still turn into an answer. */
const bindingDelay = 5_000;
/** A watch that nobody has read for so long is closed; the next reader opens it again (kubelet: WatchBasedManager). */
const idleLimit = 300_000;

export interface WatchedObjectOptions<T> {
  /** List-watch of this one object; `onFailure` is told what goes wrong. */
  readonly open: (onFailure: (error: unknown) => void) => Observable<WatchEvent<T>>;
  readonly clock: Clock;
  /** The object is another one than readers were last given. */
  readonly onChange: () => void;
}

type Answer<T> = { readonly object: T | undefined };

/** One ConfigMap or Secret, watched while it is read. An immutable one is kept without a watch. */
export class WatchedObject<T extends ApiObject & { readonly immutable?: boolean }> {
  readonly #options: WatchedObjectOptions<T>;
  #subscription: Subscription | undefined;
  #current: T | undefined;
  #answer: Answer<T> | undefined;
  #opened = 0;
  #failed = false;
  #waiting: { resolve: (object: T | undefined) => void; reject: (error: unknown) => void }[] = [];
  #cancelIdle: () => void = () => undefined;

  constructor(options: WatchedObjectOptions<T>) {
    this.#options = options;
  }

  /** Undefined: there is none. Rejects when the API server cannot be asked and nothing is known. */
  async get(): Promise<T | undefined> {
    this.#cancelIdle();
    if (this.#answer !== undefined && this.#answer.object?.immutable === true) return this.#answer.object;
    this.#cancelIdle = this.#options.clock.after(idleLimit, () => this.close());
    if (this.#answer !== undefined) return this.#answer.object;
    // A watch that failed may wait half a minute for its next try; this reader is there now.
    if (this.#failed) this.#unsubscribe();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#open();
    });
  }

  /** Forgets everything; a later `get` begins anew. */
  close(): void {
    this.#cancelIdle();
    this.#unsubscribe();
    this.#answer = undefined;
    this.#current = undefined;
    this.#settle(({ reject }) => reject(new Error('no pod needs the object any more')));
  }

  #open(): void {
    if (this.#subscription !== undefined) return;
    this.#failed = false;
    this.#opened = this.#options.clock.monotonic();
    const subscription = this.#options.open((error) => this.#fail(error)).subscribe((event) => this.#follow(event));
    if (this.#answer?.object?.immutable === true) subscription.unsubscribe();
    else this.#subscription = subscription;
  }

  #follow(event: WatchEvent<T>): void {
    if (event.type !== 'SYNCED') {
      this.#current = event.type === 'REMOVED' ? undefined : event.object;
      // Before the first SYNCED "not there" is not known yet.
      if (this.#answer === undefined) return;
    }
    const before = this.#answer;
    this.#answer = { object: this.#current };
    this.#failed = false;
    if (this.#current?.immutable === true) {
      this.#cancelIdle();
      this.#unsubscribe();
    }
    this.#settle(({ resolve }) => resolve(this.#current));
    if (before !== undefined && before.object !== this.#current) this.#options.onChange();
  }

  #fail(error: unknown): void {
    if (this.#answer !== undefined) return;
    if (isForbidden(error) && this.#options.clock.monotonic() - this.#opened < bindingDelay) return;
    this.#failed = true;
    this.#settle(({ reject }) => reject(error));
  }

  #settle(tell: (waiting: { resolve: (object: T | undefined) => void; reject: (error: unknown) => void }) => void): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const each of waiting) tell(each);
  }

  #unsubscribe(): void {
    this.#subscription?.unsubscribe();
    this.#subscription = undefined;
  }
}
