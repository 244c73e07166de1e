/** A thread that runs `attacker.wasm` or plain file calls behind the walls that it is told to put up. */
import { linkSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, symlinkSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { parentPort, Worker, workerData } from 'node:worker_threads';
import path from 'node:path';
import { landlockRules } from '../../../core/guest/landlock/landlock-rules.ts';
import { landlockVersion, restrictThread } from '../../../core/guest/landlock/restrict-thread.ts';
import type { GuestMount } from '../../../core/guest/host.ts';

export interface WallsTask {
  readonly mounts: readonly GuestMount[];
  readonly landlock: boolean;
  readonly root: string;
}

const { mounts, landlock, root } = workerData as WallsTask;
if (landlock) restrictThread(landlockRules(mounts, [path.resolve(import.meta.dirname, '../../..')], landlockVersion()));

/** As a runtime without any checks of its own would do it: the host's paths, as they are. */
const calls: Readonly<Record<string, () => unknown>> = {
  'read inside': () => readFileSync(path.join(root, 'data/own')),
  'list inside': () => readdirSync(path.join(root, 'data')),
  'write inside': () => writeFileSync(path.join(root, 'data/made'), 'x'),
  'make a directory inside': () => mkdirSync(path.join(root, 'data/directory')),
  'link inside': () => symlinkSync('own', path.join(root, 'data/link-inside')),
  'rename inside': () => renameSync(path.join(root, 'data/made'), path.join(root, 'data/directory/moved')),
  'through a descriptor inside': () => readFileSync(`/proc/self/fd/${openSync(path.join(root, 'data'), 0o10000000)}/own`),
  'read read-only': () => readFileSync(path.join(root, 'readonly/file')),
  'read outside': () => readFileSync(path.join(root, 'secret.txt')),
  'read a sibling': () => readFileSync(path.join(root, 'data-other/secret.txt')),
  'read through a link': () => readFileSync(path.join(root, 'data/up/secret.txt')),
  'read through a descriptor outside': () => readFileSync(`/proc/self/fd/${openSync(root, 0o10000000)}/secret.txt`),
  'list outside': () => readdirSync(root),
  'read the machine': () => readFileSync('/etc/passwd'),
  'read the process': () => readFileSync('/proc/self/environ'),
  'write outside': () => writeFileSync(path.join(root, 'made'), 'x'),
  'write over what is outside': () => writeFileSync(path.join(root, 'secret.txt'), 'x'),
  'remove outside': () => unlinkSync(path.join(root, 'data-other/secret.txt')),
  'take in': () => renameSync(path.join(root, 'secret.txt'), path.join(root, 'data/stolen')),
  'link in': () => linkSync(path.join(root, 'secret.txt'), path.join(root, 'data/linked')),
  'write read-only': () => writeFileSync(path.join(root, 'readonly/file'), 'x'),
  'shorten read-only': () => truncateSync(path.join(root, 'readonly/file'), 0),
  'make in read-only': () => writeFileSync(path.join(root, 'readonly/made'), 'x'),
  'remove from read-only': () => unlinkSync(path.join(root, 'readonly/file')),
};

const answers: Record<string, string> = {};
for (const [name, call] of Object.entries(calls)) {
  try {
    call();
    answers[name] = 'done';
  } catch (error) {
    answers[name] = (error as NodeJS.ErrnoException).code ?? String(error);
  }
}
// A thread of this thread is behind the same wall.
const child = new Worker(`require('node:worker_threads').parentPort.postMessage((() => { try { require('node:fs').readFileSync('/etc/passwd'); return 'done'; } catch (error) { return error.code; } })())`, { eval: true });
child.once('message', (answer: string) => parentPort!.postMessage({ ...answers, 'read the machine in a thread of its own': answer }));
