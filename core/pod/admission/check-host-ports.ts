import type { Container, Node, Pod } from '../../api/kubernetes.ts';
import type { PlacedPods } from './placed-pods.ts';
import type { PodFailure } from '../status/generate-pod-status.ts';

interface HostPort {
  readonly ip: string;
  readonly protocol: string;
  readonly port: number;
}

const anyAddress = '0.0.0.0';

export function checkHostPorts(pod: Pod, _node: Node, others: PlacedPods): PodFailure | undefined {
  const asked = hostPorts(pod);
  // Most pods ask for none: a node may have thousands of others to go through.
  if (asked.length === 0) return undefined;
  const taken = others.list.flatMap((other) => hostPorts(other).map((port) => ({ ...port, holder: `${other.metadata.namespace}/${other.metadata.name}` })));
  for (const wanted of asked) {
    const conflict = taken.find((port) => clashes(port, wanted));
    if (conflict === undefined) continue;
    const held = `${wanted.protocol} port ${wanted.port} is held by pod ${conflict.holder}`;
    return { reason: 'NodePorts', message: `Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports: ${held}` };
  }
  return undefined;
}

/** With hostNetwork every container port is a port of the host. */
function hostPorts({ spec }: Pod): readonly HostPort[] {
  const ports = (container: Container) => (Array.isArray(container.ports) ? container.ports : []);
  return [...(spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always'), ...spec.containers].flatMap((container) =>
    ports(container).flatMap(({ hostIP, hostPort, containerPort, protocol }) => {
      const port = hostPort || (spec.hostNetwork ? containerPort : 0);
      return port ? { ip: hostIP || anyAddress, protocol: protocol || 'TCP', port } : [];
    }),
  );
}

function clashes(a: HostPort, b: HostPort): boolean {
  if (a.port !== b.port || a.protocol !== b.protocol) return false;
  return a.ip === b.ip || a.ip === anyAddress || b.ip === anyAddress || a.ip === '::' || b.ip === '::';
}
