import type { Artifact, ArtifactInspection, ComponentInspection, ModuleInspection } from '../../../core/api/artifact.ts';
import type { Image, ImageConfig, ImageService, PulledImage, PullRequest } from '../../../core/api/image.ts';

export const wasiModule: ModuleInspection = {
  kind: 'module',
  imports: [{ module: 'wasi_snapshot_preview1', name: 'fd_write', kind: 'func' }],
  exports: [{ name: '_start', kind: 'func' }],
  memories: [],
  start: false,
  gc: false,
};

export const cliComponent: ComponentInspection = {
  kind: 'component',
  imports: ['wasi:cli/stdout@0.2.6'],
  exports: ['wasi:cli/run@0.2.6'],
  world: 'wasi:cli/command@0.2.6',
  coreModules: [],
};

export function fakeImage(reference: string, inspection: ArtifactInspection = wasiModule, config: ImageConfig = {}): Image {
  const digest = `sha256:${'0'.repeat(64)}`;
  const artifact: Artifact = { kind: inspection.kind, digest, path: '/images/hello.wasm', name: 'hello.wasm', sizeBytes: 100, inspection };
  return { reference, id: `${reference.replace(/:[^/]*$/, '')}@${digest}`, config, artifact, sizeBytes: 1234 };
}

/** A registry and a store: every reference exists unless the test says otherwise. */
export class FakeImages implements ImageService {
  readonly store = new Map<string, Image>();
  readonly failures = new Map<string, Error>();
  readonly inspections = new Map<string, ArtifactInspection>();
  readonly configs = new Map<string, ImageConfig>();
  readonly hanging = new Set<string>();
  readonly pulls: PullRequest[] = [];

  async find(reference: string): Promise<Image | undefined> {
    return this.store.get(reference);
  }

  async pull(request: PullRequest, signal: AbortSignal): Promise<PulledImage> {
    const { reference } = request;
    this.pulls.push(request);
    if (this.hanging.has(reference)) await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    const failure = this.failures.get(reference);
    if (failure) throw failure;
    const image = fakeImage(reference, this.inspections.get(reference), this.configs.get(reference));
    this.store.set(reference, image);
    return { image, pullMilliseconds: 1500, totalMilliseconds: 2000 };
  }

  async list(): Promise<readonly Image[]> {
    return [...this.store.values()];
  }
}
