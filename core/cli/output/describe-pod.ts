import type { ContainerObservation, PodSandboxObservation } from '../../api/engine.ts';
import type { Container, ContainerState, ContainerStatus, Event, Pod, Volume } from '../../api/kubernetes.ts';
import { age } from './age.ts';
import { currentContainers, summarizePod } from './pod-summary.ts';
import { printable, table } from './table.ts';

export interface DescribedPod {
  readonly pod: Pod;
  readonly sandbox: PodSandboxObservation | undefined;
  /** Oldest first; undefined when the cluster has them. */
  readonly events: readonly Event[] | undefined;
}

type Field = readonly [name: string, value: string | undefined];

const none = '<none>';

/** All that is known of a pod, in the order of `kubectl describe`. */
export function describePod({ pod, sandbox, events }: DescribedPod, now: number): string {
  const { metadata, spec, status } = pod;
  const running = new Map(currentContainers(sandbox).map((container) => [container.name, container]));
  const section = (title: string, containers: readonly Container[], statuses: readonly ContainerStatus[] = []) =>
    containers.length === 0 ? '' : `${title}:\n${containers.map((container) => describeContainer(container, statuses.find(({ name }) => name === container.name), running.get(container.name))).join('')}`;
  return [
    fields(0, [
      ['Name', metadata.name],
      ['Namespace', metadata.namespace],
      ['UID', metadata.uid],
      ['Node', spec.nodeName],
      ['Start Time', status?.startTime],
      ['Labels', pairs(metadata.labels)],
      ['Annotations', pairs(metadata.annotations)],
      ['Status', summarizePod(pod, sandbox, now).status],
      ['Phase', status?.phase],
      ['Reason', status?.reason],
      ['Message', status?.message],
      ['IP', status?.podIP],
    ]),
    section('Init Containers', spec.initContainers ?? [], status?.initContainerStatuses),
    section('Containers', spec.containers, status?.containerStatuses),
    `Conditions:\n${indent(table(['Type', 'Status', 'Reason', 'Message'], (status?.conditions ?? []).map(({ type, status: value, reason, message }) => [type, value, reason ?? '', message ?? ''])))}`,
    `Volumes:${(spec.volumes ?? []).length === 0 ? `  ${none}\n` : `\n${(spec.volumes ?? []).map(describeVolume).join('')}`}`,
    describeEvents(pod, events, now),
  ].join('');
}

function describeContainer(container: Container, status: ContainerStatus | undefined, observed: ContainerObservation | undefined): string {
  const mounts = (container.volumeMounts ?? []).map(({ name, mountPath, readOnly, subPath }) => `${mountPath} from ${name}${subPath ? `/${subPath}` : ''} (${readOnly ? 'ro' : 'rw'})`);
  return `  ${printable(container.name)}:\n${fields(4, [
    ['Container ID', status?.containerID],
    ['Image', container.image],
    ['Image ID', status?.imageID],
    ['Runtime', observed && `${observed.runtime} (${observed.isolation})`],
    ['Command', container.command?.join(' ')],
    ['Args', container.args?.join(' ')],
    ...describeState('State', status?.state),
    ...describeState('Last State', status?.lastState),
    ['Ready', status && String(status.ready)],
    ['Restart Count', status && String(status.restartCount)],
    ['Mounts', mounts.length === 0 ? none : mounts.join(', ')],
  ])}`;
}

function describeState(name: string, state: ContainerState | undefined): Field[] {
  const { waiting, running, terminated } = state ?? {};
  if (running) return [[name, 'Running'], ['  Started', running.startedAt]];
  if (waiting) return [[name, 'Waiting'], ['  Reason', waiting.reason], ['  Message', waiting.message]];
  if (!terminated) return [];
  return [
    [name, 'Terminated'],
    ['  Reason', terminated.reason],
    ['  Message', terminated.message],
    ['  Exit Code', String(terminated.exitCode)],
    ['  Started', terminated.startedAt],
    ['  Finished', terminated.finishedAt],
  ];
}

/** The source's plain fields; what it lists stands in the pod's spec (`--output json`). */
function describeVolume(volume: Volume): string {
  const [type, source] = Object.entries(volume).find(([key, value]) => key !== 'name' && value !== undefined) ?? [none, {}];
  const plain = Object.entries(source as object).filter(([, value]) => typeof value !== 'object');
  return `  ${printable(volume.name)}:\n${fields(4, [['Type', type], ...plain.map(([key, value]): Field => [key, String(value)])])}`;
}

function describeEvents({ metadata }: Pod, events: readonly Event[] | undefined, now: number): string {
  if (events === undefined) return `Events:  in the cluster: kubectl describe pod --namespace ${metadata.namespace} ${metadata.name}\n`;
  if (events.length === 0) return `Events:  ${none}\n`;
  return `Events:\n${indent(table(['Age', 'Type', 'Reason', 'Message'], events.map((event) => eventRow(event, now))))}`;
}

function eventRow({ lastTimestamp, firstTimestamp, metadata, count = 1, type, reason, message }: Event, now: number): string[] {
  const newest = age(lastTimestamp ?? firstTimestamp ?? metadata.creationTimestamp, now);
  return [count > 1 ? `${newest} (x${count})` : newest, type ?? '', reason ?? '', message ?? ''];
}

/** `Name:   value` lines; a field without a value is left out. */
function fields(depth: number, all: readonly Field[]): string {
  const width = 15;
  return all
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([name, value]) => `${' '.repeat(depth)}${`${name}:`.padEnd(width)} ${printable(value!)}\n`)
    .join('');
}

function pairs(map: Readonly<Record<string, string>> | undefined): string {
  const entries = Object.entries(map ?? {});
  return entries.length === 0 ? none : entries.map(([key, value]) => `${key}=${value}`).join(', ');
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, '  ');
}
