import type { Observable, Subscription } from 'rxjs';
import type { WatchEvent } from '../../api/kubernetes.ts';
import type { ApiObject } from '../api/resources.ts';

/** All objects of a kind, watched from the first question on. */
export class WatchedCollection<T extends ApiObject> {
  readonly #open: (onFailure: (error: unknown) => void) => Observable<WatchEvent<T>>;
  readonly #objects = new Map<string, T>();
  #subscription: Subscription | undefined;
  #synced = false;
  #waiting: { resolve: () => void; reject: (error: unknown) => void }[] = [];
  #list: readonly T[] | undefined;

  constructor(open: (onFailure: (error: unknown) => void) => Observable<WatchEvent<T>>) {
    this.#open = open;
  }

  /** Rejects when the first list failed; the next call waits for the next try. The array is the same until something changes. */
  async all(): Promise<readonly T[]> {
    if (!this.#synced) {
      await new Promise<void>((resolve, reject) => {
        this.#waiting.push({ resolve, reject });
        this.#subscription ??= this.#open((error) => this.#settle(({ reject: fail }) => fail(error))).subscribe((event) => this.#follow(event));
      });
    }
    return (this.#list ??= [...this.#objects.values()]);
  }

  close(): void {
    this.#subscription?.unsubscribe();
    this.#subscription = undefined;
    this.#settle(({ reject }) => reject(new Error('the node is stopping')));
  }

  #follow(event: WatchEvent<T>): void {
    if (event.type === 'SYNCED') {
      this.#synced = true;
      this.#settle(({ resolve }) => resolve());
      return;
    }
    const key = event.object.metadata?.uid ?? '';
    if (event.type === 'REMOVED') this.#objects.delete(key);
    else this.#objects.set(key, event.object);
    this.#list = undefined;
  }

  #settle(tell: (waiting: { resolve: () => void; reject: (error: unknown) => void }) => void): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const each of waiting) tell(each);
  }
}
