import type { ApiClient, WatchEvent } from '../../test/cluster/api-client.ts';

const timeoutMilliseconds = 60_000;

/** What a watch of a namespace's pods has seen: when each pod reached a phase, or was gone. */
export class PodWatch {
  /** `performance.now()` by `name/phase`, the first time; `name/gone` for a delete. */
  readonly #seen = new Map<string, number>();
  readonly #waiting = new Map<string, (at: number) => void>();
  readonly #last = new Map<string, WatchEvent>();
  #end: () => void = () => undefined;

  static async start(client: ApiClient, namespace: string): Promise<PodWatch> {
    const watch = new PodWatch();
    watch.#end = await client.watch(`/api/v1/namespaces/${namespace}/pods`, '', (event, at) => watch.#onEvent(event, at));
    return watch;
  }

  /**
   * When the pod was first seen in the phase; waits for it if need be.
   *
   * @throws Error with the pod's status after a minute, or when the pod is Failed and that was not asked for
   */
  async seen(name: string, phase: 'Running' | 'Succeeded' | 'gone'): Promise<number> {
    const key = `${name}/${phase}`;
    const at = this.#seen.get(key);
    if (at !== undefined) return at;
    return new Promise((resolve, reject) => {
      const fail = (what: string) => (): void => {
        const last = this.#last.get(name);
        reject(new Error(`pod ${name} ${what} (waiting for ${phase}); last seen: ${JSON.stringify(last?.object.status ?? 'nothing')}`));
      };
      const timer = setTimeout(fail(`did not get there in ${timeoutMilliseconds} ms`), timeoutMilliseconds);
      const settle = (action: (at: number) => void) => (when: number) => {
        clearTimeout(timer);
        action(when);
      };
      this.#waiting.set(key, settle(resolve));
      if (phase !== 'gone') this.#waiting.set(`${name}/Failed`, settle(fail('failed')));
    });
  }

  stop(): void {
    this.#end();
  }

  #onEvent(event: WatchEvent, at: number): void {
    if (event.type === 'BOOKMARK') return;
    const { name } = event.object.metadata;
    this.#last.set(name, event);
    const key = `${name}/${event.type === 'DELETED' ? 'gone' : event.object.status?.phase}`;
    if (this.#seen.has(key)) return;
    this.#seen.set(key, at);
    this.#waiting.get(key)?.(at);
    this.#waiting.delete(key);
  }
}
