import type { Engine } from '../api/engine.ts';
import type { Pod } from '../api/kubernetes.ts';
import type { PodDirectory } from '../kubelet/kubelet.ts';
import { answerJson, answerText, type Route } from './router.ts';

/** GET /pods: what this node shall run, with the newest status. GET /runningpods: what it runs, names and images only. */
export function podRoutes(pods: PodDirectory, engine: Pick<Engine, 'listPodSandboxes'>): Route[] {
  return [
    { pattern: '/pods', methods: ['GET'], handle: (_, response) => answerJson(response, podList(pods.list())) },
    { pattern: '/runningpods', methods: ['GET'], handle: (_, response) => answerJson(response, podList(runningPods(engine))) },
  ];
}

function podList(items: readonly Pod[]): object {
  return { kind: 'PodList', apiVersion: 'v1', metadata: {}, items };
}

function runningPods(engine: Pick<Engine, 'listPodSandboxes'>): Pod[] {
  return engine.listPodSandboxes().flatMap(({ uid, name, namespace, containers }) => {
    const running = containers.filter(({ phase }) => phase === 'running');
    if (running.length === 0) return [];
    return [{ metadata: { uid, name, namespace }, spec: { containers: running.map(({ name: container, image }) => ({ name: container, image })) } }];
  });
}

/** What a kubelet has and this node has not yet: the answer says so instead of pretending that there is no such thing. */
export function unsupportedRoutes(pods: PodDirectory): Route[] {
  const streaming = ['GET', 'POST'];
  const patterns: readonly (readonly [name: string, pattern: string, methods: readonly string[]])[] = [
    ['exec', '/exec/{namespace}/{pod}/{rest...}', streaming],
    ['attach', '/attach/{namespace}/{pod}/{rest...}', streaming],
    ['port-forward', '/portForward/{namespace}/{pod}/{rest...}', streaming],
    ['run', '/run/{namespace}/{pod}/{rest...}', ['POST']],
    ['checkpoint', '/checkpoint/{namespace}/{pod}/{rest...}', ['POST']],
  ];
  return patterns.map(([name, pattern, methods]) => ({
    pattern,
    methods,
    handle: ({ parameters }, response) => {
      if (!pods.find(parameters['namespace'] ?? '', parameters['pod'] ?? '')) return answerText(response, 404, 'pod does not exist\n');
      answerText(response, 501, `${name} is not supported by this node yet: its containers are WebAssembly\n`);
    },
  }));
}
