import { cycleWork, earlyWork } from './work.ts';

/** No way leads here, or none of that kind. */
const nowhere = -1;

/** The most work that lies behind whoever comes to a place, over all ways that lead there. */
class Behind {
  /** Since the last check, or since the function's entry. */
  work = nowhere;
  /** Since the entry, on ways without a check. */
  fresh = nowhere;
  /** Since a call within the function's own cycle has come back, on ways without a check after it. */
  returning = nowhere;

  set(work: number, fresh: number, returning: number): void {
    this.work = work;
    this.fresh = fresh;
    this.returning = returning;
  }

  take(other: Behind): void {
    this.set(other.work, other.fresh, other.returning);
  }

  join(other: Behind): void {
    if (other.work > this.work) this.work = other.work;
    if (other.fresh > this.fresh) this.fresh = other.fresh;
    if (other.returning > this.returning) this.returning = other.returning;
  }
}

/** A block that is open. */
interface Frame {
  readonly loop: boolean;
  /** Behind those who leave it by a branch. */
  readonly left: Behind;
  /** Behind those who skip an `if` whose `else` has not come. */
  readonly skipped: Behind;
}

export interface WayBounds {
  /** Between two checks. */
  readonly work: number;
  /** The function is to check early, and before it calls on within its cycle. */
  readonly early: boolean;
}

/** Follows the ways through one function, instruction by instruction, and says where a check is due. */
export class Ways {
  readonly #bounds: WayBounds;
  readonly #here = new Behind();
  readonly #frames: Frame[] = [];
  #entryWork = 0;

  constructor(bounds: WayBounds) {
    this.#bounds = bounds;
    this.#here.set(0, 0, nowhere);
    this.open(false);
  }

  /** Blocks that are open, the function's own among them. */
  get depth(): number {
    return this.#frames.length;
  }

  /** The most work from the entry to the first check, or to the end without one. */
  get entryWork(): number {
    return this.#entryWork;
  }

  /** The most work behind who is here, since the last check or the entry. */
  get work(): number {
    return this.#here.work;
  }

  /** On some way there was no check since the entry. */
  get isFresh(): boolean {
    return this.#here.fresh !== nowhere;
  }

  /** A check has to come before so much work. */
  isTooMuch(more: number): boolean {
    const { work, fresh, returning } = this.#here;
    if (work === nowhere) return false;
    return (work > 0 && work + more > this.#bounds.work)
      || (this.#bounds.early && fresh !== nowhere && fresh + more > earlyWork)
      || (returning !== nowhere && returning + more > cycleWork);
  }

  add(work: number): void {
    const here = this.#here;
    if (here.work === nowhere) return;
    here.work += work;
    if (here.returning !== nowhere) here.returning += work;
    if (here.fresh === nowhere) return;
    here.fresh += work;
    if (here.fresh > this.#entryWork) this.#entryWork = here.fresh;
  }

  /** There was a check, and so much work since. Nothing where nobody comes. */
  checked(since = 0): void {
    if (this.#here.work !== nowhere) this.#here.set(since, nowhere, nowhere);
  }

  /** As `checked`, for a place to which ways lead that were not followed. */
  checkedAnyway(): void {
    this.#here.set(0, nowhere, nowhere);
  }

  /** A call has come back that may have checked, with so much work since. */
  cameBack(since: number): void {
    if (this.#here.work !== nowhere && this.#here.work < since) this.#here.work = since;
  }

  /** The same from within the function's own cycle: what is done from here on may be done in each frame of a deep stack. */
  cameBackWithin(): void {
    if (this.#here.work !== nowhere && this.#here.returning === nowhere) this.#here.returning = 0;
  }

  open(loop: boolean): void {
    this.#frames.push({ loop, left: new Behind(), skipped: new Behind() });
  }

  openIf(): void {
    this.open(false);
    this.#frames.at(-1)!.skipped.take(this.#here);
  }

  /** The first part of a block ends, and leads to the block's end. */
  endFirst(): void {
    this.#frames.at(-1)!.left.join(this.#here);
  }

  /** The way that skipped the first part goes on. */
  else(): void {
    const { skipped } = this.#frames.at(-1)!;
    this.endFirst();
    this.#here.take(skipped);
    skipped.set(nowhere, nowhere, nowhere);
  }

  end(): void {
    const { left, skipped } = this.#frames.pop()!;
    this.#here.join(left);
    this.#here.join(skipped);
  }

  branch(label: number): void {
    const frame = this.#frames[this.#frames.length - 1 - label]!;
    if (!frame.loop) frame.left.join(this.#here);
  }

  /** An exception may come to a label with anything behind it. */
  anythingMayComeTo(label: number): void {
    const { work, early } = this.#bounds;
    const fresh = early ? earlyWork : work;
    this.#frames[this.#frames.length - 1 - label]!.left.set(work, fresh, cycleWork);
    this.#entryWork = Math.max(this.#entryWork, fresh);
  }

  /** Nobody goes on from here. */
  leave(): void {
    this.#here.set(nowhere, nowhere, nowhere);
  }
}
