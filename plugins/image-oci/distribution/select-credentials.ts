import type { RegistryCredentials } from '../../../core/api/image.ts';

/**
 * Credentials that are for a repository, the most specific first. A key is a host[:port], where `*` stands for a part of one label, and
 * optionally a path that must match on whole elements (Kubernetes, "Using a private registry", "Interpretation of config.json").
 */
export function selectCredentials(credentials: readonly RegistryCredentials[], host: string, repository: string): readonly RegistryCredentials[] {
  return credentials
    .filter(({ registry }) => matches(registry, host, repository))
    .sort((a, b) => b.registry.length - a.registry.length);
}

function matches(key: string, host: string, repository: string): boolean {
  const [keyHost = '', ...path] = key.replace(/\/+$/, '').split('/');
  const labels = keyHost.toLowerCase().split('.');
  const wanted = host.toLowerCase().split('.');
  if (labels.length !== wanted.length || !labels.every((label, at) => labelMatches(label, wanted[at]!))) return false;
  const prefix = path.join('/');
  return prefix === '' || repository === prefix || repository.startsWith(`${prefix}/`);
}

/** The port stands behind the last label and must be the same. */
function labelMatches(pattern: string, label: string): boolean {
  if (!pattern.includes('*')) return pattern === label;
  return new RegExp(`^${pattern.split('*').map((part) => part.replaceAll(/[^a-z0-9]/g, String.raw`\$&`)).join('[^:]*')}$`).test(label);
}
