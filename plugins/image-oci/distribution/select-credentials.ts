import type { RegistryCredentials } from '../../../core/api/image.ts';

/**
 * Credentials that are for a repository, the most specific first. A key is a host[:port], where `*` stands for a part of one label, and
 * optionally a path that must match on whole elements (Kubernetes, "Using a private registry", "Interpretation of config.json").
 */
export function selectCredentials(credentials: readonly RegistryCredentials[], host: string, repository: string): readonly RegistryCredentials[] {
  return credentials
    .filter((candidate) => candidate.username !== undefined || candidate.identityToken !== undefined)
    .map((candidate) => ({ candidate, key: normalizeKey(candidate.registry) }))
    .filter(({ key }) => matches(key, host, repository))
    .sort((a, b) => b.key.length - a.key.length)
    .map(({ candidate }) => candidate);
}

const dockerHubHosts = ['index.docker.io', 'registry-1.docker.io', 'registry.hub.docker.com'];

/** A docker config's key may be an address with the API's version; Docker Hub's is, and has several hosts. */
function normalizeKey(key: string): string {
  const [host = '', ...path] = key.trim().replace(/^https?:\/\//i, '').replace(/^([^/]+)\/v[12]\/?$/, '$1').replace(/\/+$/, '').split('/');
  return [dockerHubHosts.includes(host.toLowerCase()) ? 'docker.io' : host.toLowerCase(), ...path].join('/');
}

function matches(key: string, host: string, repository: string): boolean {
  const [keyHost = '', ...path] = key.split('/');
  const labels = keyHost.split('.');
  const wanted = host.toLowerCase().split('.');
  if (labels.length !== wanted.length || !labels.every((label, at) => labelMatches(label, wanted[at]!))) return false;
  const prefix = path.join('/');
  return prefix === '' || repository === prefix || repository.startsWith(`${prefix}/`);
}

/** Greedy and without a regular expression: a key is a stranger's text and must not cost more than its length. A `*` stands for no port. */
function labelMatches(pattern: string, label: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  if (rest.length === 0) return pattern === label;
  const last = rest.pop()!;
  const end = label.length - last.length;
  if (!label.startsWith(first) || !label.endsWith(last) || first.length > end) return false;
  let at = first.length;
  for (const part of rest) {
    const found = label.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return !label.slice(first.length, end).includes(':');
}
