/** The four conditions of a kubelet, with upstream's reasons and texts (kubelet: pkg/kubelet/nodestatus/setters.go). Pure. */
import type { NodeCondition } from '../../api/kubernetes.ts';
import { apiTime } from '../../pod/status/api-time.ts';

export interface Pressure {
  readonly memory: boolean;
  readonly disk: boolean;
  readonly pid: boolean;
}

export interface ConditionEvent {
  readonly reason: string;
  readonly message: string;
}

interface Wording {
  readonly reason: string;
  readonly message: string;
  readonly event: string;
}

const pressures: readonly { readonly type: string; readonly of: keyof Pressure; readonly true: Wording; readonly false: Wording }[] = [
  {
    type: 'MemoryPressure',
    of: 'memory',
    true: { reason: 'KubeletHasInsufficientMemory', message: 'kubelet has insufficient memory available', event: 'NodeHasInsufficientMemory' },
    false: { reason: 'KubeletHasSufficientMemory', message: 'kubelet has sufficient memory available', event: 'NodeHasSufficientMemory' },
  },
  {
    type: 'DiskPressure',
    of: 'disk',
    true: { reason: 'KubeletHasDiskPressure', message: 'kubelet has disk pressure', event: 'NodeHasDiskPressure' },
    false: { reason: 'KubeletHasNoDiskPressure', message: 'kubelet has no disk pressure', event: 'NodeHasNoDiskPressure' },
  },
  {
    type: 'PIDPressure',
    of: 'pid',
    true: { reason: 'KubeletHasInsufficientPID', message: 'kubelet has insufficient PID available', event: 'NodeHasInsufficientPID' },
    false: { reason: 'KubeletHasSufficientPID', message: 'kubelet has sufficient PID available', event: 'NodeHasSufficientPID' },
  },
];

const readyEvents = { True: 'NodeReady', False: 'NodeNotReady' } as const;

/** `previous`: as the API server has them. A transition time moves only with the status, a heartbeat with every call. `now` in ms since the epoch. */
export function nodeConditions(state: { readonly pressure: Pressure; readonly notReady: readonly string[] }, previous: readonly NodeCondition[], now: number): NodeCondition[] {
  const time = apiTime(now);
  const stamp = (type: string, status: 'True' | 'False', reason: string, message: string): NodeCondition => {
    const before = previous.find((condition) => condition.type === type);
    return { type, status, lastHeartbeatTime: time, lastTransitionTime: before?.status === status ? (before.lastTransitionTime ?? time) : time, reason, message };
  };
  const owned = pressures.map(({ type, of, ...words }) => {
    const present = state.pressure[of];
    const { reason, message } = present ? words.true : words.false;
    return stamp(type, present ? 'True' : 'False', reason, message);
  });
  const ready = state.notReady.length === 0 ? stamp('Ready', 'True', 'KubeletReady', 'kubelet is posting ready status') : stamp('Ready', 'False', 'KubeletNotReady', state.notReady.join(', '));
  return [...owned, ready];
}

/** One event for each condition whose status is new. */
export function conditionEvents(nodeName: string, previous: readonly NodeCondition[], current: readonly NodeCondition[]): ConditionEvent[] {
  return current
    .filter(({ type, status }) => previous.find((condition) => condition.type === type)?.status !== status)
    .map(({ type, status }) => {
      const words = pressures.find((pressure) => pressure.type === type);
      return nodeStatusEvent(nodeName, words === undefined ? readyEvents[status as 'True' | 'False'] : words[status === 'True' ? 'true' : 'false'].event);
    });
}

export function nodeStatusEvent(nodeName: string, reason: string): ConditionEvent {
  return { reason, message: `Node ${nodeName} status is now: ${reason}` };
}
