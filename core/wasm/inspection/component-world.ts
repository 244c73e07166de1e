/** The interface whose export makes a component fit a world, most telling first. */
const worlds: readonly { readonly exported: string; readonly world: string }[] = [
  { exported: 'wasi:cli/run', world: 'wasi:cli/command' },
  { exported: 'wasi:http/incoming-handler', world: 'wasi:http/proxy' },
  // WASI 0.3 renamed both the interface and the world.
  { exported: 'wasi:http/handler', world: 'wasi:http/service' },
];

/** Orders `0.2.9` before `0.2.10`. */
function compareVersions(left: string, right: string): number {
  return left.localeCompare(right, 'en', { numeric: true });
}

/** `0.2` of `0.2.6`: versions of one series are compatible. */
function seriesOf(version: string): string {
  return version.split('.', 2).join('.');
}

/**
 * The world that a component with these exports fits, e.g. `wasi:cli/command@0.2.6`; undefined when none we know.
 * The newest series of WASI counts: programs for 0.3 carry a `wasi:cli/run@0.2` that their language's start-up code left.
 */
export function worldOf(exports: readonly string[]): string | undefined {
  let best: { readonly version: string; readonly world: string } | undefined;
  for (const { exported, world } of worlds) {
    const versions = exports.filter((name) => name.startsWith(`${exported}@`)).map((name) => name.slice(exported.length + 1));
    const version = versions.sort(compareVersions).at(-1);
    if (version === undefined) continue;
    if (best === undefined || compareVersions(seriesOf(version), seriesOf(best.version)) > 0) best = { version, world };
  }
  return best && `${best.world}@${best.version}`;
}
