import { FileError } from '../../../core/guest/files/file-error.ts';
import type { GuestListener } from '../../../core/guest/host.ts';
import type { NodeTable } from '../filesystem/open-node.ts';
import type { NetworkPolicy } from '../network/network-policy.ts';
import type { GuestContext } from '../host/guest-context.ts';
import type { IpSocketAddress } from './address.ts';
import { hostOf } from './address.ts';
import { refuse } from './error-code.ts';

/** What the sockets of one guest may do, and how many there may be. */
export class SocketPolicy {
  readonly context: GuestContext;
  readonly #network: NetworkPolicy;
  readonly #table: NodeTable;
  /** One for each socket; which is whose does not matter. */
  readonly #held: { close(): void }[] = [];

  /** `table`: of the guest's files. Its sockets count there, too: for the guest's limit, and for the node's. */
  constructor(context: GuestContext, network: NetworkPolicy, table: NodeTable) {
    this.context = context;
    this.#network = network;
    this.#table = table;
  }

  /** One more socket; false at the guest's limit of descriptors, or the node's. */
  open(): boolean {
    try {
      this.#held.push(this.#table.hold(() => ({ close() {} })));
      return true;
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      return false;
    }
  }

  closed(): void {
    this.#table.release(this.#held.pop()!);
  }

  /** @throws `access-denied` */
  mayReach(address: IpSocketAddress): void {
    if (!this.#network.permits(hostOf(address))) refuse('access-denied');
  }

  /** A port that the container declares is the node's: whoever binds to it by number gets what comes there. */
  declaredAt({ val: { port } }: IpSocketAddress): GuestListener | undefined {
    return port === 0 ? undefined : this.context.host.listeners.find((listener) => listener.port === port);
  }

  /** Any free port may be had by who may reach anybody, to send from; a port by number only where the guest may listen. @throws `access-denied` */
  mayBind({ val: { port } }: IpSocketAddress): void {
    if (!this.#network.listens && (port !== 0 || !this.#network.outgoing)) refuse('access-denied');
  }

  /** @throws `access-denied` */
  mayListen(): void {
    if (!this.#network.listens) refuse('access-denied');
  }
}
