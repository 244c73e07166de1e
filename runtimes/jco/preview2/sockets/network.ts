import { HostResource } from '../../host/host-resource.ts';

/** `wasi:sockets/network.network`: the right to the network, which the node's configuration gives or not. */
export class Network extends HostResource {}
