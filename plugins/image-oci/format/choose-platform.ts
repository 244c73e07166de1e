import type { IndexEntry } from './read-manifest.ts';

/** Operating systems of Wasm images, the ones that say most first. `wasi` is Docker's, `wasip1` and `wasip2` are runwasi's and the CNCF's. */
const systems = ['wasip2', 'wasip1', 'wasi'];
const architectures = ['wasm', 'wasm32'];

/**
 * The Wasm image of an index; without a platform named so, the only image there is. Attestations (platform `unknown/unknown`) do not count.
 * Undefined: none, or more than one to choose from.
 */
export function choosePlatform(entries: readonly IndexEntry[]): IndexEntry | undefined {
  const images = entries.filter((entry) => entry.platform?.architecture !== 'unknown' && entry.annotations['vnd.docker.reference.type'] === undefined);
  const wasm = images.filter((entry) => architectures.includes(entry.platform?.architecture ?? '')).sort((a, b) => rank(a) - rank(b));
  return wasm[0] ?? (images.length === 1 ? images[0] : undefined);
}

function rank(entry: IndexEntry): number {
  const at = systems.indexOf(entry.platform?.os.toLowerCase() ?? '');
  return at < 0 ? systems.length : at;
}

/** For messages: `linux/amd64, linux/arm64`. */
export function platformsOf(entries: readonly IndexEntry[]): string {
  return [...new Set(entries.map(({ platform }) => (platform === undefined ? 'no platform' : `${platform.os}/${platform.architecture}`)))].slice(0, 20).join(', ');
}
