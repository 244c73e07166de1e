import { Observable } from 'rxjs';
import type { MonoTypeOperatorFunction } from 'rxjs';
import type { Clock } from '../../api/clock.ts';

/** Errors when nothing arrived for `milliseconds`: a connection whose other end is gone tells nobody. */
export function failAfterSilence<T>(clock: Clock, milliseconds: number): MonoTypeOperatorFunction<T> {
  return (source$) =>
    new Observable((subscriber) => {
      let cancel = (): void => undefined;
      const listen = (): void => {
        cancel();
        cancel = clock.after(milliseconds, () => subscriber.error(new Error(`nothing heard for ${milliseconds / 1000} s`)));
      };
      listen();
      const subscription = source$.subscribe({
        next: (value) => {
          listen();
          subscriber.next(value);
        },
        error: (error: unknown) => subscriber.error(error),
        complete: () => subscriber.complete(),
      });
      return () => {
        cancel();
        subscription.unsubscribe();
      };
    });
}
