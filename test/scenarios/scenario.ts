/**
 * A scenario: a pod, commands, and after each the printed trace of what the kubelet did. The trace is the test: it is
 * written by `--rewrite` and reviewed as a diff (the idea is etcd-io/raft's).
 *
 * Commands: apply-pod · tick 10s · exit CONTAINER CODE · trap CONTAINER TEXT · oom CONTAINER · start-error CONTAINER TEXT ·
 * begin CONTAINER · annotate runtime=NAME · image CONTAINER NAME · delete [GRACE] · force-delete · vanish · api down|up ·
 * pull ok|hang|fail TEXT · pulls-component · guests slow|obedient|deaf · kill-node · start-node · stop-node · recreate
 */
import type { ContainerStatus, Pod, PodStatus } from '../../core/api/kubernetes.ts';
import type { Logger } from '../../core/api/logger.ts';
import { WasmletError } from '../../core/api/errors.ts';
import { cliComponent } from '../support/kubelet/fake-images.ts';
import { KubeletRig, silentLogger, testPod } from '../support/kubelet/kubelet-rig.ts';

export interface Scenario {
  readonly pod?: { readonly metadata?: Partial<Pod['metadata']>; readonly spec?: Partial<Pod['spec']> };
  readonly steps: readonly { readonly do: string; readonly trace?: string }[];
}

const podName = 'demo';
const image = 'registry.test/hello:v1';

/** The trace of each step. */
export async function playScenario(scenario: Scenario): Promise<readonly string[]> {
  const rig = await KubeletRig.create();
  const player = new ScenarioPlayer(rig, scenario);
  try {
    await rig.start();
    const traces: string[] = [];
    for (const step of scenario.steps) traces.push(await player.play(step.do));
    return traces;
  } finally {
    await rig.close();
  }
}

class ScenarioPlayer {
  readonly #rig: KubeletRig;
  readonly #scenario: Scenario;
  readonly #trace: string[] = [];
  #generation = 1;
  #uids = 0;

  constructor(rig: KubeletRig, scenario: Scenario) {
    this.#rig = rig;
    this.#scenario = scenario;
    const line = (text: string): unknown => this.#trace.push(text);
    rig.logger = { ...silentLogger, info: (keys, message) => 'actions' in keys && line(`${message}: ${JSON.stringify(keys.actions)}`), error: (keys, message) => line(`ERROR ${message} ${JSON.stringify(keys)}`) } satisfies Logger;
    listen(rig.engine.calls, (call) => line(`engine: ${call}`));
    listen(rig.api.events, (event) => line(`event: ${event}`));
    listen(rig.api.statuses, (status) => line(`status: ${describeStatus(status)}`));
    listen(rig.api.deletes, (name) => line(`api: deleted ${name}`));
    listen(rig.volumes.calls, (call) => call.startsWith('tear') && line('volumes: torn down'));
  }

  async play(command: string): Promise<string> {
    const [word = '', ...rest] = command.split(' ');
    await this.#run(word, rest);
    await this.#rig.settle();
    return this.#trace.splice(0).map((text) => `${text}\n`).join('') || '-\n';
  }

  async #run(word: string, [first = '', ...rest]: readonly string[]): Promise<void> {
    const { engine, api, images } = this.#rig;
    const text = rest.join(' ');
    const newest = (): string => engine.newest(podName, first);
    switch (word) {
      case 'apply-pod':
      case 'recreate': {
        this.#uids += 1;
        const { metadata = {}, spec = {} } = this.#scenario.pod ?? {};
        return api.apply(testPod(podName, spec, { uid: `uid-${this.#uids}`, generation: this.#generation, ...metadata }));
      }
      case 'tick':
        return this.#rig.advance(seconds(first) * 1000);
      case 'exit':
        return engine.end(newest(), { code: Number(text), reason: text === '0' ? 'Completed' : 'Error' });
      case 'trap':
        return engine.end(newest(), { code: 134, reason: 'Error', message: text });
      case 'oom':
        return engine.end(newest(), { code: 137, reason: 'OOMKilled' });
      case 'start-error':
        return engine.end(newest(), { code: 128, reason: 'StartError', message: text });
      case 'begin':
        return engine.begin(newest());
      case 'annotate': {
        const [name = '', value = ''] = first.split('=');
        return this.#change((pod) => ({ ...pod, metadata: { ...pod.metadata, annotations: { ...pod.metadata.annotations, [`wasmlet.dev/${name}`]: value } } }));
      }
      case 'image': {
        const rename = (container: Pod['spec']['containers'][number]) => (container.name === first ? { ...container, image: text } : container);
        return this.#change((pod) => ({ ...pod, spec: { ...pod.spec, containers: pod.spec.containers.map(rename) } }));
      }
      case 'delete':
        return api.delete(podName, first === '' ? undefined : seconds(first));
      case 'force-delete':
        return api.delete(podName, 0);
      case 'vanish':
        return api.remove(podName);
      case 'api':
        api.up = first === 'up';
        if (api.up) api.sync();
        return;
      case 'pull':
        images.hanging.clear();
        images.failures.clear();
        images.store.clear();
        if (first === 'hang') images.hanging.add(image);
        if (first === 'fail') images.failures.set(image, new WasmletError('IMAGE_NOT_FOUND', text));
        return;
      case 'pulls-component':
        images.inspections.set(image, cliComponent);
        return;
      case 'guests':
        engine.autoStart = first !== 'slow';
        engine.obedient = first !== 'deaf';
        return;
      case 'kill-node':
        return this.#rig.crash();
      case 'start-node':
        return this.#rig.start();
      default:
        throw new Error(`unknown command: ${word}`);
    }
  }

  #change(change: (pod: Pod) => Pod): void {
    const pod = this.#rig.api.pod(podName);
    if (pod === undefined) throw new Error('there is no pod to change');
    this.#generation += 1;
    const changed = change(pod);
    this.#rig.api.apply({ ...changed, metadata: { ...changed.metadata, generation: this.#generation } });
  }
}

function seconds(text: string): number {
  const match = /^(\d+)(s|m)$/.exec(text);
  if (match === null) throw new Error(`not a time: ${text}`);
  return Number(match[1]) * (match[2] === 'm' ? 60 : 1);
}

/** Calls back with whatever is pushed. */
function listen<T>(list: T[], callback: (item: T) => unknown): void {
  const push = list.push.bind(list);
  list.push = (...items: T[]) => {
    for (const item of items) callback(item);
    return push(...items);
  };
}

/** `Running Ready=True main=running#0` */
function describeStatus(status: PodStatus): string {
  const containers = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? []), ...(status.ephemeralContainerStatuses ?? [])];
  const condition = (type: string) => `${type}=${status.conditions?.find((known) => known.type === type)?.status ?? '-'}`;
  const pod = [status.phase, status.reason, status.message && `"${status.message}"`].filter(Boolean).join(' ');
  return [pod, condition('Ready'), ...containers.map(describeContainer)].join(' ');
}

function describeContainer({ name, state, lastState, restartCount }: ContainerStatus): string {
  const last = lastState && Object.keys(lastState).length > 0 ? ` after ${describeState(lastState)}` : '';
  return `${name}#${restartCount}=${describeState(state)}${last}`;
}

function describeState(state: ContainerStatus['state']): string {
  if (state?.running) return 'running';
  if (state?.waiting) return `waiting(${[state.waiting.reason, state.waiting.message].filter(Boolean).join(': ')})`;
  if (state?.terminated) return `terminated(${[state.terminated.exitCode, state.terminated.reason, state.terminated.message].filter((part) => part !== undefined).join(' ')})`;
  return '-';
}
