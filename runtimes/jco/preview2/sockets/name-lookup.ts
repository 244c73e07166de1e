import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import type { Wait } from '../../../../core/guest/host.ts';
import { AddressProhibited } from '../../network/network-policy.ts';
import type { NetworkPolicy } from '../../network/network-policy.ts';
import { ipAddressOf } from '../../sockets/address.ts';
import type { IpAddress } from '../../sockets/address.ts';
import type { GuestContext } from '../../host/guest-context.ts';
import { HostResource } from '../../host/host-resource.ts';
import { Pollable } from '../poll.ts';
import { refuse } from './error-code.ts';
import type { ErrorCode } from './error-code.ts';

/** `wasi:sockets/ip-name-lookup.resolve-address-stream`. */
export class ResolveAddressStream extends HostResource {
  #outcome: IpAddress[] | ErrorCode | undefined;

  constructor(context: GuestContext, addresses: Promise<IpAddress[]>) {
    super(context);
    addresses.then((found) => (this.#outcome = found), (error: unknown) => (this.#outcome = failureOf(error))).finally(() => context.host.blocker.wake());
  }

  resolveNextAddress(): IpAddress | undefined {
    this.context.called();
    if (this.#outcome === undefined) refuse('would-block');
    if (typeof this.#outcome === 'string') refuse(this.#outcome);
    return this.#outcome.shift();
  }

  subscribe(): Pollable {
    this.context.called();
    const ready = (): boolean => this.#outcome !== undefined;
    return new Pollable(this.context, (): Wait | undefined => (ready() ? undefined : { ready }));
  }
}

/** `wasi:sockets/ip-name-lookup.resolve-addresses`. */
export function resolveAddresses(context: GuestContext, policy: NetworkPolicy, name: string): ResolveAddressStream {
  context.called();
  if (isIP(name) !== 0) return new ResolveAddressStream(context, Promise.resolve([ipAddressOf(name)]));
  const host = /[\s/?#@:\\[\]%]/.test(name) ? '' : domainToASCII(name);
  if (host === '' || host.length > 253 || !/^[\w.-]+$/.test(host) || isIP(host) !== 0) refuse('invalid-argument');
  // A question to the node's resolver already tells somebody something.
  if (!policy.outgoing) refuse('access-denied');
  return new ResolveAddressStream(context, policy.resolve(host).then((found) => found.map(({ address }) => ipAddressOf(address))));
}

function failureOf(error: unknown): ErrorCode {
  if (error instanceof AddressProhibited) return 'access-denied';
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOTFOUND') return 'name-unresolvable';
  return code === 'EAI_AGAIN' ? 'temporary-resolver-failure' : 'permanent-resolver-failure';
}
