import type { Pod } from '../../api/kubernetes.ts';
import type { PodFailure } from '../status/generate-pod-status.ts';

/** Upstream's safe sysctls (pkg/kubelet/sysctl/safe_sysctls.go): accepted, though a guest sees no kernel parameters. */
const safeSysctls = [
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_wmem',
];

/** Refuses what a Wasm sandbox would have to break its promise about: the host's namespaces, devices, privileges. */
export function checkHonourable({ spec }: Pod): PodFailure | undefined {
  const sysctl = (spec.securityContext?.sysctls ?? []).find(({ name }) => !safeSysctls.includes(name));
  if (sysctl) return { reason: 'SysctlForbidden', message: `forbidden sysctl: "${sysctl.name}" not allowlisted` };
  const containers = [...(spec.initContainers ?? []), ...spec.containers];
  const contexts = [spec.securityContext, ...containers.map(({ securityContext }) => securityContext)];
  const wishes: readonly (readonly [boolean, string])[] = [
    [containers.some(({ securityContext }) => securityContext?.privileged === true), 'privileged containers'],
    [spec.hostPID === true, 'hostPID'],
    [spec.hostIPC === true, 'hostIPC'],
    [spec.hostUsers === false, 'hostUsers: false'],
    [containers.some(({ volumeDevices }) => (volumeDevices ?? []).length > 0), 'block devices'],
    [contexts.some((context) => context?.appArmorProfile?.type === 'Localhost'), 'AppArmor profiles of the node'],
    [contexts.some((context) => context?.seLinuxOptions?.type !== undefined), 'SELinux types'],
  ];
  const wish = wishes.find(([asked]) => asked);
  return wish && { reason: 'PodFeatureUnsupported', message: `this node runs WebAssembly and does not support ${wish[1]}` };
}
