import type { ContainerPort } from '../api/engine.ts';
import type { Container, Pod } from '../api/kubernetes.ts';
import type { SocketAddress } from '../api/socket-address.ts';

/**
 * The TCP ports of a container, in the pod's order, and where the node listens for each: at the pod's addresses, and where
 * there is a hostPort, there. Pods share the node's addresses, so both may be the same place.
 */
export function containerPorts(container: Container, podIPs: readonly string[]): readonly ContainerPort[] {
  return declaredPorts(container).flatMap(({ name = '', protocol, containerPort, hostPort, hostIP }) => {
    if (!isTcp(protocol)) return [];
    const ofPod = podIPs.map((address) => ({ address, port: containerPort }));
    const ofHost = hostPort ? hostAddresses(hostIP, podIPs).map((address) => ({ address, port: hostPort })) : [];
    return { name, port: containerPort, addresses: [...ofHost, ...ofPod.filter((wanted) => !ofHost.some((listened) => covers(listened, wanted)))] };
  });
}

/** Ports of protocols that guests have no sockets for, in words for the pod's author; undefined when there are none. */
export function explainUnservedPorts({ spec }: Pod): string | undefined {
  const ports = [...(spec.initContainers ?? []), ...spec.containers].flatMap((container) =>
    declaredPorts(container).flatMap(({ protocol, containerPort }) => (isTcp(protocol) ? [] : `${protocol} ${containerPort} of container ${container.name}`)));
  return ports.length === 0 ? undefined : `only TCP ports are listened on, nothing will be received on ${ports.join(', ')}`;
}

function declaredPorts({ ports }: Container): NonNullable<Container['ports']> {
  return Array.isArray(ports) ? ports : [];
}

function isTcp(protocol: string | undefined): boolean {
  return protocol === undefined || protocol === '' || protocol === 'TCP';
}

/** Without a hostIP, every address of each family that the pod has. */
function hostAddresses(hostIP: string | undefined, podIPs: readonly string[]): readonly string[] {
  return hostIP ? [hostIP] : [...new Set(podIPs.map((address) => (isIPv6(address) ? '::' : '0.0.0.0')))];
}

/** Whoever listens at `listened` gets what comes to `wanted`, too. */
function covers(listened: SocketAddress, wanted: SocketAddress): boolean {
  if (listened.port !== wanted.port || isIPv6(listened.address) !== isIPv6(wanted.address)) return false;
  return listened.address === wanted.address || listened.address === '0.0.0.0' || listened.address === '::';
}

function isIPv6(address: string): boolean {
  return address.includes(':');
}
