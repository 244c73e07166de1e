import { Observable, type OperatorFunction } from 'rxjs';

export interface ConflateMapOptions<T, R> {
  /** Must settle soon after `signal` aborts; the next value waits for it. A rejection is an error of the stream. */
  readonly project: (value: T, signal: AbortSignal) => Promise<R>;
  /** A value for which a running projection is aborted. */
  readonly interrupts: (value: T) => boolean;
}

/**
 * One projection at a time. While it runs, of the values that arrive only the newest is kept (one slot, as upstream's pod
 * workers have it). A value that interrupts aborts the running projection and then WAITS for its return: never two at once.
 * The result is emitted only when no newer value waits; otherwise it is out of date already.
 */
export function conflateMap<T, R>({ project, interrupts }: ConflateMapOptions<T, R>): OperatorFunction<T, R> {
  return (source) =>
    new Observable<R>((subscriber) => {
      let pending: { readonly value: T } | undefined;
      let running: AbortController | undefined;
      let sourceCompleted = false;

      const start = (value: T): void => {
        const controller = new AbortController();
        running = controller;
        project(value, controller.signal).then(
          (result) => {
            running = undefined;
            if (subscriber.closed) return;
            const next = pending;
            pending = undefined;
            if (next !== undefined) {
              start(next.value);
              return;
            }
            subscriber.next(result);
            if (sourceCompleted && running === undefined) subscriber.complete();
          },
          (error: unknown) => {
            running = undefined;
            subscriber.error(error);
          },
        );
      };

      subscriber.add(() => running?.abort());
      subscriber.add(
        source.subscribe({
          next: (value) => {
            if (running === undefined) {
              start(value);
              return;
            }
            pending = { value };
            if (interrupts(value)) running.abort();
          },
          error: (error: unknown) => subscriber.error(error),
          complete: () => {
            sourceCompleted = true;
            if (running === undefined) subscriber.complete();
          },
        }),
      );
    });
}
