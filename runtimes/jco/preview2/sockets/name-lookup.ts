import type { Wait } from '../../../../core/guest/host.ts';
import { attemptAs } from '../../host/component-failure.ts';
import type { GuestContext } from '../../host/guest-context.ts';
import { HostResource } from '../../host/host-resource.ts';
import type { NetworkPolicy } from '../../network/network-policy.ts';
import type { IpAddress } from '../../sockets/address.ts';
import { lookUp } from '../../sockets/name-lookup.ts';
import { Pollable } from '../poll.ts';
import { codeOf, refuse } from './error-code.ts';
import type { ErrorCode } from './error-code.ts';

/** `wasi:sockets/ip-name-lookup.resolve-address-stream`. */
export class ResolveAddressStream extends HostResource {
  #outcome: IpAddress[] | ErrorCode | undefined;

  constructor(context: GuestContext, addresses: Promise<IpAddress[]>) {
    super(context);
    addresses.then((found) => (this.#outcome = found), (error: unknown) => (this.#outcome = codeOf(error))).finally(() => context.host.blocker.wake());
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
  return new ResolveAddressStream(context, attemptAs(codeOf, () => lookUp(policy, name)));
}
