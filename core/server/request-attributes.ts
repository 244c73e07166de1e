import type { ResourceAttributes } from '../kube/kube.ts';

const verbs: ReadonlyMap<string, string> = new Map([['GET', 'get'], ['POST', 'create'], ['PUT', 'update'], ['PATCH', 'patch'], ['DELETE', 'delete']]);

/** Paths with a subresource of their own, the whole tree below included (pkg/kubelet/server/auth.go, KubeletFineGrainedAuthz). */
const exclusive: readonly (readonly [path: string, subresource: string])[] = [
  ['/stats', 'stats'],
  ['/metrics', 'metrics'],
  ['/logs', 'log'],
  ['/checkpoint', 'checkpoint'],
  ['/statusz', 'statusz'],
  ['/flagz', 'configz'],
];
/** Paths that a finer right opens, and the older `nodes/proxy` as well. */
const fineGrained: readonly (readonly [path: string, subresource: string])[] = [
  ['/pods', 'pods'],
  ['/runningpods', 'pods'],
  ['/healthz', 'healthz'],
  ['/configz', 'configz'],
];
const fallback = 'proxy';

/**
 * What a request to the node needs, most particular first; one of them is enough. A method without a verb asks for the empty
 * verb, which ordinary roles do not give.
 */
export function requestAttributes(method: string, path: string, nodeName: string): readonly ResourceAttributes[] {
  const verb = verbs.get(method) ?? '';
  return subresources(path).map((subresource) => ({ verb, resource: 'nodes', subresource, name: nodeName }));
}

function subresources(path: string): readonly string[] {
  const own = exclusive.find(([root]) => isWithin(path, root));
  if (own) return [own[1]];
  const fine = fineGrained.find(([root]) => isWithin(path, root));
  return fine ? [fine[1], fallback] : [fallback];
}

function isWithin(path: string, root: string): boolean {
  return path === root || path.startsWith(`${root}/`);
}
