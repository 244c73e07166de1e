import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { PodStatus } from '../../../core/api/kubernetes.ts';
import { KubeletRig, testPod } from '../../support/kubelet/kubelet-rig.ts';

const names = ['never', 'on-failure', 'always'] as const;
const policies = { never: 'Never', 'on-failure': 'OnFailure', always: 'Always' } as const;

type Step =
  | { readonly do: 'exit'; readonly pod: (typeof names)[number]; readonly code: number }
  | { readonly do: 'crash' | 'api down' | 'api up' }
  | { readonly do: 'tick'; readonly seconds: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('exit' as const), pod: fc.constantFrom(...names), code: fc.constantFrom(0, 1, 134) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('crash' as const, 'api down' as const, 'api up' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('tick' as const), seconds: fc.constantFrom(1, 11, 61, 400) }) },
);

/** Statuses that the API has accepted, watched for what must never happen. */
class Watcher {
  readonly #last = new Map<string, PodStatus>();

  check(pod: string, status: PodStatus): void {
    const before = this.#last.get(pod);
    this.#last.set(pod, status);
    if (before?.phase === 'Succeeded' || before?.phase === 'Failed') assert.equal(status.phase, before.phase, 'a terminal phase reverted');
    for (const container of status.containerStatuses ?? []) {
      const earlier = before?.containerStatuses?.find(({ name }) => name === container.name);
      assert.ok(container.restartCount >= (earlier?.restartCount ?? 0), `restartCount fell from ${earlier?.restartCount} to ${container.restartCount}`);
    }
  }
}

test('whatever happens, nothing finished runs again, restartCount never falls, and no terminal phase reverts', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const rig = await KubeletRig.create();
      const watcher = new Watcher();
      const check = () => {
        for (const name of names) {
          const status = rig.api.pod(name)?.status;
          if (status) watcher.check(name, status);
        }
      };
      try {
        for (const name of names) rig.api.apply(testPod(name, { restartPolicy: policies[name] }));
        await rig.start();
        for (const next of steps) {
          await play(rig, next);
          check();
        }
        rig.api.up = true;
        rig.api.sync();
        await rig.advance(1_200_000);
        check();
        const attempts = [...rig.engine.configs.values()].filter(({ podUid }) => podUid === 'uid-never');
        assert.equal(attempts.length, 1, 'a pod that is not to be restarted ran twice');
        assert.deepEqual(rig.fatal, []);
      } finally {
        await rig.close();
      }
    }),
    { numRuns: 30 },
  );
});

async function play(rig: KubeletRig, next: Step): Promise<void> {
  switch (next.do) {
    case 'exit': {
      const running = rig.engine.listPodSandboxes().find(({ name }) => name === next.pod)?.containers.find(({ phase }) => phase === 'running');
      if (running) rig.engine.end(running.id, { code: next.code, reason: next.code === 0 ? 'Completed' : 'Error' });
      return rig.settle();
    }
    case 'tick':
      return rig.advance(next.seconds * 1000);
    case 'crash':
      rig.crash();
      rig.api.up = true;
      return rig.start();
    default:
      rig.api.up = next.do === 'api up';
      if (rig.api.up) rig.api.sync();
      return rig.settle();
  }
}
