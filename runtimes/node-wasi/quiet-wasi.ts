/**
 * Node announces node:wasi as experimental on stderr, once a thread. That stream belongs to the user (`wasmlet run`), who
 * did choose this runtime; README says what it is worth.
 */
const { emitWarning } = process;
process.emitWarning = () => {};
const module = await import('node:wasi');
process.emitWarning = emitWarning;

export const { WASI } = module;
