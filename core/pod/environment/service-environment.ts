/** Variables that tell a pod its Services (pkg/kubelet/envvars). */
import type { Pod, Service } from '../../api/kubernetes.ts';

/** Of the pod's namespace if it wants links; the API server's own Service always. A pod's namespace wins over `default`. */
export function serviceEnvironment(pod: Pod, services: readonly Service[]): ReadonlyMap<string, string> {
  const links = pod.spec.enableServiceLinks ?? true;
  const variables = new Map<string, string>();
  const visible = services.filter(hasClusterIp);
  const isMaster = ({ metadata }: Service) => metadata?.namespace === 'default' && metadata.name === 'kubernetes';
  const own = visible.filter(({ metadata }) => links && metadata?.namespace === pod.metadata.namespace);
  for (const service of [...visible.filter(isMaster), ...own]) addService(variables, service);
  return variables;
}

function hasClusterIp({ spec }: Service): boolean {
  return spec?.type !== 'ExternalName' && spec?.clusterIP !== undefined && spec.clusterIP !== '' && spec.clusterIP !== 'None';
}

function addService(variables: Map<string, string>, { metadata, spec }: Service): void {
  const ports = spec?.ports ?? [];
  const first = ports[0];
  if (first === undefined) return;
  const prefix = variableName(metadata?.name ?? '');
  const host = spec?.clusterIP ?? '';
  variables.set(`${prefix}_SERVICE_HOST`, host);
  variables.set(`${prefix}_SERVICE_PORT`, String(first.port));
  for (const { name, port } of ports) {
    if (name) variables.set(`${prefix}_SERVICE_PORT_${variableName(name)}`, String(port));
  }
  const bracketed = host.includes(':') ? `[${host}]` : host;
  variables.set(`${prefix}_PORT`, `${(first.protocol ?? 'TCP').toLowerCase()}://${bracketed}:${first.port}`);
  for (const { port, protocol = 'TCP' } of ports) {
    const portPrefix = `${prefix}_PORT_${port}_${protocol.toUpperCase()}`;
    variables.set(portPrefix, `${protocol.toLowerCase()}://${bracketed}:${port}`);
    variables.set(`${portPrefix}_PROTO`, protocol.toLowerCase());
    variables.set(`${portPrefix}_PORT`, String(port));
    variables.set(`${portPrefix}_ADDR`, host);
  }
}

function variableName(name: string): string {
  return name.replaceAll('-', '_').toUpperCase();
}
