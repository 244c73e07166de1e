import { Observable } from 'rxjs';
import type { Clock } from '../../api/clock.ts';

/** Emits once after `milliseconds` of `clock`, then completes. */
export function after(clock: Clock, milliseconds: number): Observable<void> {
  return new Observable((subscriber) =>
    clock.after(milliseconds, () => {
      subscriber.next();
      subscriber.complete();
    }),
  );
}
