/** `wasmlet/api`: what plugins and runtimes may import. */
export type * from './artifact.ts';
export type * from './clock.ts';
export type * from './engine.ts';
export type * from './image.ts';
export type * from './kubernetes.ts';
export type * from './logger.ts';
export type * from './plugin.ts';
export type * from './runtime.ts';
export type * from './socket-address.ts';
export type * from './volume.ts';
export { WasmletError, errorTable, isAbort, messageOf } from './errors.ts';
export type { ErrorCode, Retry } from './errors.ts';
