import type { PodSpine } from '../kubelet/kubelet.ts';
import { podEvents } from './pod-events.ts';
import { podPipeline } from './pod-pipeline.ts';

/** From all reasons to look at a pod to one sync per pod at a time. */
export const podSpine: PodSpine = (sources, options) => podPipeline(podEvents(sources), options);
