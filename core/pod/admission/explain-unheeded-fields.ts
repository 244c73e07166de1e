import type { Container, Pod } from '../../api/kubernetes.ts';
import { isGiven } from './is-given.ts';

type SecurityContext = NonNullable<Pod['spec']['securityContext']> & NonNullable<Container['securityContext']>;

/** Each says whether a context asks for something that has no meaning for a guest: it has no user, no kernel, no processes. */
const ofContext: readonly (readonly [string, (context: Partial<SecurityContext>) => boolean])[] = [
  ['runAsUser', ({ runAsUser }) => isGiven(runAsUser)],
  ['runAsGroup', ({ runAsGroup }) => isGiven(runAsGroup)],
  ['supplementalGroups', ({ supplementalGroups }) => isGiven(supplementalGroups)],
  ['fsGroup', ({ fsGroup }) => isGiven(fsGroup)],
  ['sysctls', ({ sysctls }) => isGiven(sysctls)],
  ['capabilities.add', ({ capabilities }) => isGiven(capabilities?.add)],
  ['seLinuxOptions', ({ seLinuxOptions }) => isGiven(seLinuxOptions)],
  ['seccompProfile', ({ seccompProfile }) => seccompProfile?.type === 'Localhost'],
  ['procMount', ({ procMount }) => procMount === 'Unmasked'],
];

const ofSpec: readonly (readonly [string, (spec: Pod['spec']) => boolean])[] = [
  ['shareProcessNamespace', ({ shareProcessNamespace }) => shareProcessNamespace === true],
  ['hostAliases', ({ hostAliases }) => isGiven(hostAliases)],
  ['dnsConfig', ({ dnsConfig }) => isGiven(dnsConfig)],
  ['setHostnameAsFQDN', ({ setHostnameAsFQDN }) => setHostnameAsFQDN === true],
];

/**
 * Fields that this node accepts and that change nothing, in words for an event; undefined: none asks for anything. What holds for
 * every guest anyway (`runAsNonRoot`, dropped capabilities, `RuntimeDefault`, `allowPrivilegeEscalation: false`) is not among
 * them: Pod Security Standards ask for it.
 */
export function explainUnheededFields({ spec }: Pod): string | undefined {
  const containers = [...(spec.initContainers ?? []), ...spec.containers];
  const contexts = [spec.securityContext, ...containers.map(({ securityContext }) => securityContext)].filter((context) => context !== undefined && context !== null);
  const fields = [
    ...ofContext.filter(([, asks]) => contexts.some((context) => asks(context))).map(([name]) => `securityContext.${name}`),
    ...ofSpec.filter(([, asks]) => asks(spec)).map(([name]) => name),
  ];
  return fields.length === 0 ? undefined : `These fields have no effect on a node that runs WebAssembly: ${fields.join(', ')}`;
}
