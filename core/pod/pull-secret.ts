/** Pull secrets: `kubernetes.io/dockerconfigjson` and the older `kubernetes.io/dockercfg`. */
import type { RegistryCredentials } from '../api/image.ts';
import type { Secret } from '../api/kubernetes.ts';

/** Empty for secrets of other types and for content that cannot be read: upstream goes on without them, too. */
export function pullSecretCredentials({ data = {} }: Secret): readonly RegistryCredentials[] {
  const current = data['.dockerconfigjson'];
  return dockerConfigCredentials(current === undefined ? parse(data['.dockercfg']) : parse(current)?.['auths']);
}

/** The `auths` of a docker config.json; the whole of a `.dockercfg`. Keys stay as they are; entries that are none are left out. */
export function dockerConfigCredentials(auths: unknown): readonly RegistryCredentials[] {
  if (!isObject(auths)) return [];
  return Object.entries(auths).flatMap(([registry, entry]) => (isObject(entry) ? [credentials(registry, entry)] : []));
}

function credentials(registry: string, { username, password, auth, identitytoken }: Record<string, unknown>): RegistryCredentials {
  const [authUser, authPassword] = typeof auth === 'string' && auth !== '' ? splitAuth(auth) : [];
  const user = authUser ?? (typeof username === 'string' ? username : undefined);
  const secret = authPassword ?? (typeof password === 'string' ? password : undefined);
  return {
    registry,
    ...(user !== undefined && { username: user }),
    ...(secret !== undefined && { password: secret }),
    ...(typeof identitytoken === 'string' && identitytoken !== '' && { identityToken: identitytoken }),
  };
}

function splitAuth(auth: string): [string?, string?] {
  const text = decode(auth) ?? '';
  const colon = text.indexOf(':');
  return colon < 0 ? [] : [text.slice(0, colon), text.slice(colon + 1)];
}

function parse(base64: string | undefined): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(decode(base64 ?? '') ?? '');
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function decode(base64: string): string | undefined {
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(base64), (byte) => byte.charCodeAt(0)));
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
