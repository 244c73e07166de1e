import type { Clock } from '../api/clock.ts';

/** Something that is due at one time or at none. Both fields are the agenda's to write. */
export interface Due {
  /** As `Clock.monotonic`. */
  dueAt: number;
  /** Its place in the agenda, -1 when it is not in it. */
  place: number;
}

/**
 * What is due when, on one timer: timers of their own would cost thousands of pods half a kilobyte each. A binary heap, the
 * earliest at its top.
 */
export class Agenda<Item extends Due> {
  readonly #clock: Clock;
  readonly #onDue: (item: Item) => void;
  readonly #heap: Item[] = [];
  #timer: { readonly at: number; readonly cancel: () => void } | undefined;

  constructor(clock: Clock, onDue: (item: Item) => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /** `onDue` is called once after so many milliseconds; an earlier date of the item's is void. */
  set(item: Item, milliseconds: number): void {
    this.delete(item);
    item.dueAt = this.#clock.monotonic() + milliseconds;
    this.#heap.push(item);
    this.#rise(item, this.#heap.length - 1);
    this.#keepTimer();
  }

  delete(item: Item): void {
    const { place } = item;
    if (place === -1) return;
    item.place = -1;
    const last = this.#heap.pop()!;
    if (last === item) return;
    this.#rise(last, place);
    this.#sink(last, last.place);
  }

  /** Nothing is due any more. */
  clear(): void {
    for (const item of this.#heap) item.place = -1;
    this.#heap.length = 0;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #keepTimer(): void {
    const first = this.#heap[0];
    if (first === undefined || (this.#timer !== undefined && this.#timer.at <= first.dueAt)) return;
    this.#timer?.cancel();
    const at = first.dueAt;
    this.#timer = { at, cancel: this.#clock.after(Math.max(0, at - this.#clock.monotonic()), () => this.#ring()) };
  }

  #ring(): void {
    // A timer of Node's may ring a fraction of a millisecond early.
    const now = Math.max(this.#clock.monotonic(), this.#timer!.at);
    this.#timer = undefined;
    for (let first = this.#heap[0]; first !== undefined && first.dueAt <= now; first = this.#heap[0]) {
      this.delete(first);
      this.#onDue(first);
    }
    this.#keepTimer();
  }

  #rise(item: Item, from: number): void {
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = this.#heap[above]!;
      if (parent.dueAt <= item.dueAt) break;
      this.#put(parent, place);
      place = above;
    }
    this.#put(item, place);
  }

  #sink(item: Item, from: number): void {
    let place = from;
    for (;;) {
      const left = 2 * place + 1;
      const [one, other] = [this.#heap[left], this.#heap[left + 1]];
      if (one === undefined) break;
      const [child, below] = other !== undefined && other.dueAt < one.dueAt ? [other, left + 1] : [one, left];
      if (child.dueAt >= item.dueAt) break;
      this.#put(child, place);
      place = below;
    }
    this.#put(item, place);
  }

  #put(item: Item, place: number): void {
    this.#heap[place] = item;
    item.place = place;
  }
}
