import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Engine } from '../../../core/api/engine.ts';
import { EngineBed } from '../../support/engine-bed.ts';
import { guests } from '../../support/guests.ts';

/** The engine behind a border: every argument and every answer is cloned, as if it had crossed a socket. Streams pass. */
function acrossBorder(engine: Engine): Engine {
  const streams = new Set<PropertyKey>(['attach', 'exec', 'events']);
  return new Proxy(engine, {
    get(target, name) {
      const method = Reflect.get(target, name) as (...args: unknown[]) => unknown;
      return (...args: unknown[]): unknown => {
        const answer = method.apply(target, structuredClone(args));
        if (streams.has(name)) return answer;
        return answer instanceof Promise ? answer.then((value: unknown) => structuredClone(value)) : structuredClone(answer);
      };
    },
  });
}

describe('the engine\'s API', () => {
  it('is plain data: it works with every argument and answer cloned', async () => {
    const bed = await EngineBed.create();
    try {
      const engine = acrossBorder(bed.engine);
      await engine.runPodSandbox({ uid: 'a', name: 'p', namespace: 'n', directory: `${bed.podsDirectory}/a` });
      const id = await engine.createContainer(await bed.config(await bed.module(guests.cat), { stdin: true }));
      const { stdin, stdout, stderr } = await engine.attach(id);
      await stderr.cancel();
      await engine.startContainer(id);
      await bed.running(id);
      assert.equal(engine.containerStats().length, 1);
      const writer = stdin.getWriter();
      await writer.write(Buffer.from('over the border'));
      await writer.close();
      assert.equal(Buffer.concat(await Array.fromAsync(stdout)).toString(), 'over the border');
      await bed.told(id, 'container-exited');
      assert.deepEqual(structuredClone(bed.events), bed.events);
      assert.deepEqual(engine.podSandbox('a')?.containers[0]?.exit, { code: 0, reason: 'Completed' });
      assert.equal(engine.listPodSandboxes().length, 1);
      await engine.stopContainer(id, 0);
      await engine.removeContainer(id);
      await engine.stopPodSandbox('a');
      await engine.removePodSandbox('a');
    } finally {
      await bed.close();
    }
  });
});
