import { WasmletError } from '../api/errors.ts';

/** What is wrong with a value from the command line is wrong usage. @throws WasmletError `USAGE` in place of `CONFIG_INVALID` */
export function fromFlag<Value>(read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof WasmletError) || error.code !== 'CONFIG_INVALID') throw error;
    throw new WasmletError('USAGE', error.message, { cause: error });
  }
}
