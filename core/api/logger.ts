/** Structured logging (pino's shape): a constant message and keys. Guest output and secrets never enter it. */
export interface Logger {
  debug(keys: object, message: string): void;
  info(keys: object, message: string): void;
  warn(keys: object, message: string): void;
  error(keys: object, message: string): void;
  child(bindings: object): Logger;
}
