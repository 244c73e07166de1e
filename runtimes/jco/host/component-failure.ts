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

/** Ends the guest with a trap, where WIT says that a call traps. */
export function trap(message: string): never {
  throw new WebAssembly.RuntimeError(message);
}
