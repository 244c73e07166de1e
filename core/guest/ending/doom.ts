import { ExitSignal } from './exit.ts';

/**
 * Why a guest is to end. A guest may catch the exception that ends it (`catch_all`): once doomed, every host call throws the
 * reason again, and every yield check traps, which cannot be caught.
 */
export interface Doom {
  /** Undefined while the guest may go on. */
  readonly doomed: Error | undefined;
  /** The first reason stays. */
  doom(reason: Error): void;
}

/** The main thread ends the guest. */
export class StopSignal extends Error {
  constructor() {
    super('the guest is being stopped');
    this.name = 'StopSignal';
  }
}

/** Of a guest that has its thread for itself: nothing waits elsewhere. `onDoom` hears of it once. */
export class PlainDoom implements Doom {
  readonly #onDoom: () => void;
  #reason: Error | undefined;

  constructor(onDoom: () => void = () => {}) {
    this.#onDoom = onDoom;
  }

  get doomed(): Error | undefined {
    return this.#reason;
  }

  doom(reason: Error): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#onDoom();
  }
}

/** The code with which a doomed guest asked to exit. */
export function exitCodeOf({ doomed }: Doom): number | undefined {
  return doomed instanceof ExitSignal ? doomed.code : undefined;
}
