/** The `jco` runtime: components of the world `wasi:cli/command@0.2`. Nothing here loads jco itself but `prepare`. */
export { prepare } from './prepare/prepare.ts';
export { start } from './start.ts';
