import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { ComponentFailure } from '../host/component-failure.ts';
import { AddressProhibited } from '../network/network-policy.ts';
import type { NetworkPolicy } from '../network/network-policy.ts';
import { ipAddressOf } from './address.ts';
import type { IpAddress } from './address.ts';

/** `wasi:sockets/ip-name-lookup.error-code` 0.3, as far as a lookup gives it; 0.2 has the same words. */
export interface LookupError {
  readonly tag: 'invalid-argument' | 'access-denied' | 'name-unresolvable' | 'temporary-resolver-failure' | 'permanent-resolver-failure';
}

/**
 * The addresses of a name that the guest may reach, or of a numeric address. What needs no resolver to be refused throws at once.
 * @throws a `LookupError` as ComponentFailure
 */
export function lookUp(policy: NetworkPolicy, name: string): Promise<IpAddress[]> {
  if (isIP(name) !== 0) return Promise.resolve([ipAddressOf(name)]);
  const host = /[\s/?#@:\\[\]%]/.test(name) ? '' : domainToASCII(name);
  if (host === '' || host.length > 253 || !/^[\w.-]+$/.test(host) || isIP(host) !== 0) throw failure('invalid-argument');
  // A question to the node's resolver already tells somebody something.
  if (!policy.outgoing) throw failure('access-denied');
  return resolved(policy, host);
}

async function resolved(policy: NetworkPolicy, host: string): Promise<IpAddress[]> {
  try {
    return (await policy.resolve(host)).map(({ address }) => ipAddressOf(address));
  } catch (error) {
    throw failure(tagOf(error));
  }
}

function tagOf(error: unknown): LookupError['tag'] {
  if (error instanceof AddressProhibited) return 'access-denied';
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOTFOUND') return 'name-unresolvable';
  return code === 'EAI_AGAIN' ? 'temporary-resolver-failure' : 'permanent-resolver-failure';
}

function failure(tag: LookupError['tag']): ComponentFailure<LookupError> {
  return new ComponentFailure({ tag });
}
