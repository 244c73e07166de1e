import type { ImageReference } from '../../core/api/image.ts';

/** One entry of the configuration's `registries`. */
export interface RegistryEntry {
  readonly prefix: string;
  readonly mirror?: string;
  readonly plainHTTP?: boolean;
  readonly ca?: string;
}

/** Where a reference's repository really is. */
export type RepositoryLocation =
  | {
      readonly kind: 'registry';
      /** `http://127.0.0.1:5000` or `https://ghcr.io`. */
      readonly origin: string;
      readonly repository: string;
      /** Host[:port] under which credentials for it are kept. */
      readonly credentialsHost: string;
      /** PEM file. */
      readonly ca?: string;
    }
  | {
      readonly kind: 'layout';
      readonly directory: string;
      /** What is left of the repository behind the prefix; empty when the prefix is the whole. */
      readonly repository: string;
    };

const layoutScheme = 'oci-layout:';
/** Docker Hub's name and its registry's differ. */
const dockerHub = { name: 'docker.io', host: 'registry-1.docker.io' };

/** Applies the entry with the longest prefix that fits, on whole path elements; the prefix is replaced by the mirror. */
export function locate(reference: ImageReference, entries: readonly RegistryEntry[]): RepositoryLocation {
  const whole = `${reference.registry}/${reference.repository}`;
  const entry = entries
    .filter(({ prefix }) => whole === trimmed(prefix) || whole.startsWith(`${trimmed(prefix)}/`))
    .sort((a, b) => trimmed(b.prefix).length - trimmed(a.prefix).length)[0];
  const ca = entry?.ca === undefined ? {} : { ca: entry.ca };
  if (entry?.mirror === undefined) {
    const host = reference.registry === dockerHub.name ? dockerHub.host : reference.registry;
    return { kind: 'registry', origin: origin(host, entry), repository: reference.repository, credentialsHost: reference.registry, ...ca };
  }
  const rest = whole.slice(trimmed(entry.prefix).length + 1);
  if (entry.mirror.startsWith(layoutScheme)) return { kind: 'layout', directory: entry.mirror.slice(layoutScheme.length), repository: rest };

  const [, scheme, host = '', path = ''] = /^(?:(https?):\/\/)?([^/]+)\/?(.*?)\/*$/.exec(entry.mirror) ?? [];
  return {
    kind: 'registry',
    origin: scheme === undefined ? origin(host, entry) : `${scheme}://${host}`,
    repository: [path, rest].filter((part) => part !== '').join('/'),
    credentialsHost: host === dockerHub.host ? dockerHub.name : host,
    ...ca,
  };
}

/** Loopback: what `host` names never leaves the machine. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname.endsWith('.localhost') || /^127\.\d+\.\d+\.\d+$/.test(hostname) || hostname === '[::1]';
}

/** https, but for loopback hosts; who names an authority wants https there, too. */
function origin(host: string, { plainHTTP, ca }: Partial<RegistryEntry> = {}): string {
  const plain = plainHTTP ?? (ca === undefined && isLoopback(new URL(`http://${host}`).hostname));
  return `${plain ? 'http' : 'https'}://${host}`;
}

function trimmed(prefix: string): string {
  return prefix.replace(/\/+$/, '');
}
