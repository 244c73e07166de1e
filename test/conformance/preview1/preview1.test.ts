/**
 * Every function of preview 1: what it does and its errnos, for every runtime that takes core modules and in each isolation
 * class. Where a runtime answers otherwise, `differences.ts` says what and why; nothing is skipped in silence.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createFixture } from './case.ts';
import type { Case } from './case.ts';
import { withCaller } from './caller.ts';
import type { Errno } from './caller.ts';
import { preview1Cases as cases } from './cases/preview1-cases.ts';
import { differences, matches } from './differences.ts';
import { signatures } from './signatures.ts';
import { provides, subjects } from './subjects.ts';

const keyOf = ({ function: name, when }: Case): string => `${name}: ${when}`;

/** Functions without a case of success here, each with the test that has it. */
const elsewhere: Readonly<Record<string, string>> = {
  proc_raise: 'it never succeeds: a guest has no signals',
  proc_exit: 'below: it does not come back',
};

let root: string;
before(() => {
  root = mkdtempSync(path.join(os.tmpdir(), 'preview1-'));
});
after(() => rmSync(root, { recursive: true, force: true }));

test('every function has a success and an errno, and no case is there twice', () => {
  const keys = cases.map(keyOf);
  assert.deepEqual(keys.filter((key, index) => keys.indexOf(key) !== index), []);
  for (const name of Object.keys(signatures)) {
    const answers = new Set(cases.filter((each) => each.function === name).map((each) => each.answers));
    if (elsewhere[name] === undefined && !name.startsWith('sock_')) assert.ok(answers.has('SUCCESS'), `${name} has no success`);
    if (name !== 'sched_yield' && name !== 'proc_exit') assert.ok([...answers].some((answer) => answer !== 'SUCCESS'), `${name} has no errno`);
  }
  for (const [runtime, own] of Object.entries(differences)) for (const each of own) assert.ok(cases.some((one) => matches(each, one)), `${runtime} differs in no case: ${JSON.stringify(each)}`);
});

for (const { runtime, isolation, manifest, thread } of subjects) {
  describe(`preview 1 on ${runtime}, ${isolation}`, () => {
    for (const each of cases) {
      const difference = differences[runtime]?.find((one) => matches(one, each));
      const skip = reasonToSkip(each);
      const expected = difference?.instead ?? each.answers;
      const title = `${each.function}: ${expected === 'SUCCESS' ? '' : `${expected}: `}${each.when}${difference === undefined ? '' : ` (${difference.why})`}`;
      test(title, { skip: skip ?? false }, async () => {
        const { directory, mounts } = createFixture(root);
        let answer: Errno | undefined;
        const { exit, host } = await withCaller(thread, { ...each.options, isolation, mounts }, async (guest) => {
          answer = await each.run(guest, directory);
        });
        assert.deepEqual(exit, { kind: 'exit', code: 0 });
        assert.equal(answer, expected);
        assert.equal(host.descriptors, 0, 'all descriptors are closed');
      });

      function reasonToSkip({ function: name, needs }: Case): string | undefined {
        if (!provides(manifest, 'wasi_snapshot_preview1', name)) return 'the manifest says that it does not provide it';
        if (needs === 'writable volumes' && manifest.features?.volumes !== 'live') return 'the manifest says that volumes are copies';
        return difference !== undefined && difference.instead === undefined ? difference.why : undefined;
      }
    }

    test('proc_exit: ends the guest with its code', async () => {
      for (const code of [0, 1, 42, 255]) {
        const { exit } = await withCaller(thread, { isolation }, async (guest) => void (await guest.call('proc_exit', code)));
        assert.deepEqual(exit, { kind: 'exit', code });
      }
    });
  });
}
