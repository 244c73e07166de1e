import { isLoopback } from '../registry-entry.ts';

/**
 * Why a token realm that a registry names must not be asked; undefined when it may. Credentials go to a realm only when the registry
 * itself said so on a channel that nobody can speak on in its place (TLS, or the machine's own loopback), and only over such a channel;
 * Docker Hub's realm is on another host, so the host alone does not decide.
 */
export function refuseRealm(registry: URL, realm: URL): string | undefined {
  if (realm.protocol !== 'https:' && realm.protocol !== 'http:') return `it names a token realm with the scheme ${realm.protocol}`;
  if (realm.username !== '' || realm.password !== '') return 'it names a token realm with credentials in its address';
  if (realm.origin === registry.origin) return undefined;
  const sameHost = realm.hostname === registry.hostname;
  if (registry.protocol === 'https:' && realm.protocol === 'http:') return `it wants the token from ${realm.origin}, without TLS`;
  const bothLoopback = isLoopback(registry.hostname) && isLoopback(realm.hostname);
  if (sameHost || bothLoopback) return undefined;
  if (isLoopback(realm.hostname)) return `it wants the token from this node's own ${realm.origin}`;
  if (realm.protocol === 'http:') return `it wants the token from another host without TLS, ${realm.origin}`;
  if (registry.protocol === 'http:' && !isLoopback(registry.hostname)) return `it wants the token from another host, ${realm.origin}, and says so without TLS`;
  return undefined;
}

/** Why a redirect, or an upload's location, must not be followed; undefined when it may (without credentials, when the origin differs). */
export function refuseRedirect(from: URL, to: URL): string | undefined {
  if (to.protocol !== 'https:' && to.protocol !== 'http:') return `it redirects to the scheme ${to.protocol}`;
  if (to.username !== '' || to.password !== '') return 'it redirects to an address with credentials';
  if (from.protocol === 'https:' && to.protocol === 'http:') return `it redirects to ${to.origin}, without TLS`;
  if (isLoopback(to.hostname) && !isLoopback(from.hostname)) return `it redirects to this node's own ${to.origin}`;
  return undefined;
}
