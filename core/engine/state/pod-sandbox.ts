import type { PodSandboxConfig, PodSandboxObservation } from '../../api/engine.ts';
import type { Container } from './container.ts';
import type { Journal } from './journal.ts';

/** A pod's sandbox: its journal and the attempts that are still remembered, oldest first. */
export class PodSandbox {
  readonly config: Omit<PodSandboxConfig, 'directory'>;
  readonly createdAt: number;
  readonly journal: Journal;
  readonly containers = new Map<string, Container>();
  /** No container may be created in a sandbox that is being stopped. */
  stopped = false;
  /** Resolves when the sandbox is on disk. */
  readonly ready: Promise<void>;

  constructor(config: Omit<PodSandboxConfig, 'directory'>, createdAt: number, journal: Journal, ready: Promise<void> = Promise.resolve()) {
    this.config = config;
    this.createdAt = createdAt;
    this.journal = journal;
    this.ready = ready;
  }

  observe(): PodSandboxObservation {
    const { uid, name, namespace } = this.config;
    return { uid, name, namespace, createdAt: this.createdAt, containers: [...this.containers.values()].map((container) => container.observe()) };
  }
}
