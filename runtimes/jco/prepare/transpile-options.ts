/** Which options jco's transpiler needs for a component, from the interfaces that it imports and exports. Pure. */

/** WIT names with versions, as `wasi:cli/run@0.2.6`. */
export interface ComponentInterfaces {
  readonly imports: readonly string[];
  readonly exports: readonly string[];
}

/**
 * How the component waits. `in-place`: every host function answers at once or holds the thread. `suspending`: WASI 0.2 on
 * JSPI, the functions below may answer promises. `async`: it has WASI 0.3's asynchronous functions, and is on JSPI as well.
 */
export type WaitingMode = 'in-place' | 'suspending' | 'async';

/** Functions of WASI 0.2 that wait. */
export const suspendingFunctions: Readonly<Record<string, readonly string[]>> = {
  'wasi:io/poll': ['poll', '[method]pollable.block'],
  'wasi:io/streams': [
    '[method]input-stream.blocking-read', '[method]input-stream.blocking-skip', '[method]output-stream.blocking-write-and-flush', '[method]output-stream.blocking-flush',
    '[method]output-stream.blocking-write-zeroes-and-flush', '[method]output-stream.blocking-splice',
  ],
};

/** Interfaces of WASI 0.2 whose bytes come by the thread's event loop, which must turn while the guest waits for them. */
const byEventLoop = ['wasi:http/outgoing-handler', 'wasi:http/types', 'wasi:sockets/tcp-create-socket', 'wasi:sockets/udp-create-socket', 'wasi:sockets/ip-name-lookup'];

/** The interfaces of WASI 0.3. jco gives an interface's 0.2 and 0.3 one name unless it is told another; these get `@0.3`. */
const preview3Interfaces = [
  'cli/environment', 'cli/exit', 'cli/stdin', 'cli/stdout', 'cli/stderr', 'cli/types', 'cli/terminal-input', 'cli/terminal-output', 'cli/terminal-stdin', 'cli/terminal-stdout', 'cli/terminal-stderr',
  'clocks/monotonic-clock', 'clocks/system-clock', 'clocks/types', 'clocks/timezone', 'filesystem/types', 'filesystem/preopens', 'http/types', 'http/client', 'http/handler',
  'random/random', 'random/insecure', 'random/insecure-seed', 'sockets/types', 'sockets/ip-name-lookup',
];

/** From `wasi:cli/run@0.2.6`: the name and the version, empty when there is none. */
export function splitInterface(text: string): { readonly name: string; readonly version: string } {
  const [name = '', version = ''] = text.split('@', 2);
  return { name, version };
}

function isSeries(version: string, series: string): boolean {
  return version === series || version.startsWith(`${series}.`);
}

export function waitingModeOf({ imports, exports }: ComponentInterfaces): WaitingMode {
  const all = [...imports, ...exports].map(splitInterface);
  if (all.some(({ name, version }) => name.startsWith('wasi:') && isSeries(version, '0.3'))) return 'async';
  const suspends = all.some(({ name, version }) => isSeries(version, '0.2') && (byEventLoop.includes(name) || name === 'wasi:http/incoming-handler'));
  return suspends ? 'suspending' : 'in-place';
}

/** True when its WASI 0.2 functions that wait may answer promises: else they hold the thread, beside 0.3 as well. */
export function suspendsPreview2({ imports, exports }: ComponentInterfaces): boolean {
  return waitingModeOf({ imports: imports.filter(is02), exports: exports.filter(is02) }) === 'suspending';
}

function is02(text: string): boolean {
  return isSeries(splitInterface(text).version, '0.2');
}

/** What goes into `transpileBytes` beside what is the same for all. */
export function transpileOptionsFor(interfaces: ComponentInterfaces): {
  readonly instantiation: 'sync' | 'async';
  readonly map: Record<string, string>;
  readonly asyncMode?: 'jspi';
  readonly asyncImports?: string[];
  readonly asyncExports?: string[];
} {
  const map = Object.fromEntries(preview3Interfaces.map((name) => [`wasi:${name}@0.3.*`, `wasi:${name}@0.3`]));
  if (waitingModeOf(interfaces) === 'in-place') return { instantiation: 'sync', map };
  if (!suspendsPreview2(interfaces)) return { instantiation: 'async', map, asyncMode: 'jspi' };
  // jco wants the component's own versions.
  const asyncImports = interfaces.imports.filter(is02).flatMap((text) => (suspendingFunctions[splitInterface(text).name] ?? []).map((name) => `${text}#${name}`));
  const entries: Readonly<Record<string, string>> = { 'wasi:cli/run': 'run', 'wasi:http/incoming-handler': 'handle' };
  const asyncExports = interfaces.exports.filter(is02).flatMap((text) => {
    const entry = entries[splitInterface(text).name];
    return entry === undefined ? [] : [`${text}#${entry}`, entry];
  });
  return { instantiation: 'async', map, asyncMode: 'jspi', asyncImports, asyncExports };
}
