import type { ServerResponse } from 'node:http';
import type { Clock } from '../../api/clock.ts';
import type { Engine } from '../../api/engine.ts';
import type { PodDirectory } from '../../kubelet/kubelet.ts';
import { answerText, type Route, type RoutedRequest } from '../router.ts';
import { formatLog } from './format-log.ts';
import { parseLogOptions } from './log-options.ts';
import { readLogLines } from './read-log-lines.ts';
import { hasContainer, selectLogContainer } from './select-log-container.ts';
import { sendText } from './send-text.ts';

export interface ContainerLogsOptions {
  readonly pods: PodDirectory;
  readonly engine: Pick<Engine, 'podSandbox'>;
  readonly clock: Clock;
}

/** GET /containerLogs/{namespace}/{pod}/{container} (contract §6.4; pkg/kubelet/server/server.go, getContainerLogs). */
export function containerLogsRoute(options: ContainerLogsOptions): Route {
  return {
    pattern: '/containerLogs/{namespace}/{pod}/{container}',
    methods: ['GET'],
    handle: (request, response) => sendLogs(options, request, response),
  };
}

async function sendLogs({ pods, engine, clock }: ContainerLogsOptions, { parameters, query, signal }: RoutedRequest, response: ServerResponse): Promise<void> {
  const { namespace = '', pod: podName = '', container: name = '' } = parameters;
  const parsed = parseLogOptions(query, clock.now());
  if (!parsed.ok) return answerText(response, parsed.status, JSON.stringify({ message: `${parsed.status === 400 ? 'Unable to decode query' : 'Invalid request'}: ${parsed.message}` }));
  const pod = pods.find(namespace, podName);
  if (!pod) return answerText(response, 404, `pod ${JSON.stringify(podName)} does not exist\n`);
  if (!hasContainer(pod, name)) return answerText(response, 404, `container ${JSON.stringify(name)} not found in pod ${JSON.stringify(podName)}\n`);
  const { options } = parsed;
  const selected = selectLogContainer(pod, name, options.previous);
  if ('problem' in selected) return answerText(response, 400, selected.problem);
  const observe = () => engine.podSandbox(pod.metadata.uid)?.containers.find((container) => container.id === selected.id);
  const logPath = observe()?.logPath;
  if (logPath === undefined) return answerText(response, 400, `unable to retrieve container logs for wasmlet://${selected.id}`);

  const follow = { ended: () => (observe()?.phase ?? 'exited') === 'exited', sleep: (milliseconds: number, either: AbortSignal) => clock.sleep(milliseconds, either) };
  const lines = readLogLines(logPath, { signal, ...(options.tailLines !== undefined && { tailLines: options.tailLines }), ...(options.follow && { follow }) });
  response.writeHead(200, { 'content-type': 'text/plain', 'x-content-type-options': 'nosniff' });
  response.flushHeaders();
  await sendText(formatLog(lines, options), response, signal);
}
