/**
 * The `err` case of a WIT result: jco's glue lowers what it finds in `payload`. Any other Error that a host function
 * throws ends the guest.
 */
export class ComponentFailure<Payload> extends Error {
  readonly payload: Payload;

  constructor(payload: Payload) {
    super(typeof payload === 'string' ? payload : 'operation failed');
    this.name = 'ComponentFailure';
    this.payload = payload;
  }
}

/** Makes WIT's `result` of what `action` does; `payloadOf` throws the error itself when it is no failure of the guest's. */
export function attemptAs<Result>(payloadOf: (error: unknown) => unknown, action: () => Result): Result {
  try {
    return action();
  } catch (error) {
    throw new ComponentFailure(payloadOf(error));
  }
}

/** Ends the guest with a trap, where WIT says that a call traps. */
export function trap(message: string): never {
  throw new WebAssembly.RuntimeError(message);
}
