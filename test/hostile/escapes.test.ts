/** Guests that want out of their mounts, on every runtime and class. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { errno } from '../../core/guest/preview1/errno.ts';
import { attacker } from './support/guests.ts';
import { HostileNode } from './support/hostile-node.ts';
import { hostTree } from './support/host-tree.ts';
import { nameOf, runtimeClasses } from './support/runtime-classes.ts';
import type { RuntimeClass } from './support/runtime-classes.ts';

/**
 * Where an attack is made: `data` is fd 3, `readonly` fd 4; everything else of `root` is what the guest must not reach.
 * `root/secret.txt` and `root/data-other/secret.txt` hold SECRET.
 */
interface Place {
  readonly root: string;
  readonly data: string;
  readonly readonly: string;
}

interface Attack {
  readonly sentence: string;
  readonly prepare?: (place: Place) => Promise<void>;
  /** Operations of fixtures/attacker.c, each with what it answers where that is asserted in detail. */
  readonly operations: (place: Place) => readonly (readonly [operation: string, answer: Answer])[];
}

/** `refused` is any errno. */
type Answer = keyof typeof errno | 'refused';

const refused = (...operations: string[]): [string, Answer][] => operations.map((operation) => [operation, 'refused']);

const attacks: readonly Attack[] = [
  {
    sentence: 'by two dots and absolute paths',
    operations: () => [
      ['open 3 1 ../secret.txt 0 r 0', 'ENOTCAPABLE'],
      ['open 3 1 sub/../../secret.txt 0 r 0', 'ENOTCAPABLE'],
      ['open 3 0 .. 2 r 0', 'ENOTCAPABLE'],
      ['open 3 0 sub/../.. 2 r 0', 'ENOTCAPABLE'],
      ['open 3 1 ../data-other/secret.txt 0 r 0', 'ENOTCAPABLE'],
      ['open 3 1 ../data/../secret.txt 0 r 0', 'ENOTCAPABLE'],
      ['open 3 1 -other/secret.txt 0 r 0', 'ENOENT'],
      ...refused('open 3 1 /etc/passwd 0 r 0', 'open 3 1 / 2 r 0', 'open 3 1 //etc/passwd 0 r 0', 'open 3 1 /proc/self/fd/0 0 r 0', 'open 3 0 /proc/self/fd 2 r 0'),
      ...refused(`open 3 1 ${'../'.repeat(12)}etc/passwd 0 r 0`, `open 3 1 ${'../'.repeat(12)}proc/self/fd/0 0 r 0`, `open 3 1 ${'../'.repeat(12)}proc/self/environ 0 r 0`),
      ...refused('status 3 1 ../secret.txt', 'touch 3 1 ../secret.txt', 'readlink 3 ../link', 'mkdir 3 ../made', 'rmdir 3 ../data-other', 'unlink 3 ../secret.txt', 'symlink own 3 ../made'),
      ...refused('rename 3 own 3 ../stolen', 'rename 3 ../secret.txt 3 stolen', 'link 3 0 ../secret.txt 3 stolen', 'link 3 0 own 3 ../stolen', 'open 3 0 ../made 1 rw 0'),
      // A directory that was opened has no way up either.
      ['open 3 0 sub 2 r 0', 'SUCCESS'],
      ['open @ 1 .. 2 r 0', 'refused'],
      ['open 3 0 sub 2 r 0', 'SUCCESS'],
      ['open @ 1 ../../secret.txt 0 r 0', 'refused'],
    ],
  },
  {
    sentence: 'through links that the host has made',
    async prepare({ root, data }) {
      for (const [name, contents] of Object.entries({
        absolute: path.join(root, 'secret.txt'), relative: '../secret.txt', 'absolute-directory': root, up: '..', 'sub/up': '../..', slash: '/', proc: '/proc/self/root', descriptors: '/proc/self/fd',
        loop: 'loop', first: 'second', second: 'relative', sibling: '../data-other', prefix: `${data}-other/secret.txt`, dangling: '../made',
      })) await symlink(contents, path.join(data, name));
    },
    operations: () => [
      ['open 3 1 loop 0 r 0', 'ELOOP'],
      ['open 3 1 relative 0 r 0', 'ENOTCAPABLE'],
      ['open 3 1 up/secret.txt 0 r 0', 'ENOTCAPABLE'],
      ['open 3 0 relative 0 r 0', 'ELOOP'],
      ...refused('open 3 1 absolute 0 r 0', 'open 3 1 absolute-directory/secret.txt 0 r 0', 'open 3 1 sub/up/secret.txt 0 r 0', 'open 3 1 first 0 r 0', 'open 3 1 sibling/secret.txt 0 r 0', 'open 3 1 prefix 0 r 0'),
      ...refused('open 3 1 slash/etc/passwd 0 r 0', 'open 3 1 proc/etc/passwd 0 r 0', 'open 3 1 descriptors/0 0 r 0', 'open 3 1 descriptors 2 r 0', 'open 3 1 up 2 r 0', 'open 3 1 up/ 2 r 0'),
      ...refused('open 3 1 dangling 1 rw 0', 'open 3 0 up/made 1 rw 0', 'open 3 1 relative 8 rw 0', 'open 3 0 up/secret.txt 8 rw 0', 'mkdir 3 up/made', 'rmdir 3 up/data-other', 'unlink 3 up/secret.txt'),
      ...refused('rename 3 own 3 up/own', 'rename 3 up/secret.txt 3 stolen', 'link 3 0 up/secret.txt 3 stolen', 'link 3 1 relative 3 stolen', 'symlink x 3 up/made', 'status 3 1 relative', 'touch 3 1 relative', 'readlink 3 up/link'),
    ],
  },
  {
    sentence: 'through links that the guest makes',
    operations: () => [
      // What may be made may not be followed out; on the weaker runtimes no link is made at all.
      ['symlink ../secret.txt 3 g-file', 'SUCCESS'], ['open 3 1 g-file 0 r 0', 'ENOTCAPABLE'],
      ['symlink .. 3 g-up', 'SUCCESS'], ['open 3 1 g-up/secret.txt 0 r 0', 'ENOTCAPABLE'],
      ['symlink ../../../../../../../../etc 3 g-etc', 'SUCCESS'], ['open 3 1 g-etc/passwd 0 r 0', 'ENOTCAPABLE'],
      ['symlink ../data-other 3 g-sibling', 'SUCCESS'], ['open 3 1 g-sibling/secret.txt 0 r 0', 'ENOTCAPABLE'], ['open 3 0 g-sibling/made 1 rw 0', 'ENOTCAPABLE'], ['unlink 3 g-sibling/secret.txt', 'ENOTCAPABLE'],
      ['symlink ../.. 3 sub/g-out', 'SUCCESS'], ['open 3 1 sub/g-out/secret.txt 0 r 0', 'ENOTCAPABLE'],
      ['symlink .. 3 sub/g-in', 'SUCCESS'], ['open 3 1 sub/g-in/own 0 r 0', 'SUCCESS'], ['open 3 1 sub/g-in/../secret.txt 0 r 0', 'ENOTCAPABLE'],
      ...refused('symlink /etc/passwd 3 g-absolute', 'open 3 1 g-absolute 0 r 0', 'symlink /proc/self/fd 3 g-descriptors', 'open 3 1 g-descriptors/0 0 r 0'),
      // A link made harmless and moved to where it leads out.
      ['symlink ../own 3 sub/g-moved', 'SUCCESS'], ['rename 3 sub/g-moved 3 g-moved', 'SUCCESS'], ['open 3 1 g-moved 0 r 0', 'ENOTCAPABLE'],
      // A hard link to a link is the link.
      ['link 3 0 g-file 3 g-hard', 'SUCCESS'], ['open 3 1 g-hard 0 r 0', 'ENOTCAPABLE'], ['link 3 1 g-file 3 g-followed', 'refused'],
    ],
  },
  {
    sentence: 'by names and links that cross mounts',
    operations: () => [
      ...refused('rename 4 file 3 stolen', 'rename 3 own 4 own', 'rename 3 own 4 file', 'rename 3 sub 4 sub', 'rename 4 directory 3 stolen', 'link 4 0 file 3 stolen', 'link 3 0 own 4 own', 'link 4 0 file 4 again'),
      ['open 3 0 stolen 0 rw 0', 'ENOENT'],
    ],
  },
  {
    sentence: 'by NUL bytes, long names and broken UTF-8',
    operations: () => [
      ['open 3 1 own%00../secret.txt 0 r 0', 'EINVAL'], ['open 3 1 %00 0 r 0', 'EINVAL'], ['open 3 1 ..%00/own 0 r 0', 'refused'],
      ['open 3 1 %*5000a 0 r 0', 'ENAMETOOLONG'], ['open 3 1 %*300a 0 r 0', 'ENAMETOOLONG'], ['open 3 1 %ff%fe 0 r 0', 'EILSEQ'],
      ...refused(`open 3 1 ${'../'.repeat(1300)}etc/passwd 0 r 0`, `open 3 1 ${'sub/../'.repeat(580)}../secret.txt 0 r 0`, `open 3 1 ${'./'.repeat(2000)}../secret.txt 0 r 0`, 'open 3 0 %*5000/ 2 r 0'),
      ...refused('mkdir 3 made%00', 'mkdir 3 %*5000a', 'symlink x%00y 3 made', 'symlink %*5000x 3 made', 'symlink x 3 made%00', 'unlink 3 own%00', 'unlink 3 %*5000a', 'rmdir 3 sub%00'),
      ...refused('rename 3 own%00 3 stolen', 'rename 3 own 3 stolen%00', 'rename 3 %*5000a 3 stolen', 'link 3 0 own%00 3 stolen', 'link 3 0 own 3 %*5000a', 'status 3 1 own%00', 'touch 3 1 own%00', 'readlink 3 %*5000a'),
    ],
  },
  {
    sentence: 'by every call that writes, against a read-only mount',
    async prepare({ readonly }) {
      await symlink('file', path.join(readonly, 'link'));
    },
    operations: () => [
      ...refused('open 4 0 made 1 rw 0', 'open 4 0 made 5 rw 0', 'open 4 0 file 0 w 0', 'open 4 0 file 0 rw 0', 'open 4 0 file 0 rw 1', 'open 4 0 file 8 r 0', 'open 4 1 link 0 w 0', 'open 4 1 link 8 r 0', 'open 4 0 directory/made 1 rw 0'),
      ...refused('mkdir 4 made', 'mkdir 4 directory/made', 'rmdir 4 directory', 'unlink 4 file', 'unlink 4 link', 'symlink file 4 made', 'rename 4 file 4 moved', 'link 4 0 file 4 again', 'touch 4 0 file', 'touch 4 1 link', 'touch 4 0 link'),
      ...['write @ x', 'pwrite @ x', 'size @ 0', 'size @ 100', 'allocate @ 100', 'times @'].flatMap((operation): [string, Answer][] => [['open 4 0 file 0 r 0', 'SUCCESS'], [operation, 'refused']]),
      ['open 4 0 directory 2 r 0', 'SUCCESS'], ['open @ 0 made 1 rw 0', 'refused'],
      ['open 4 0 directory 2 r 0', 'SUCCESS'], ['times @', 'refused'],
      ['times 4', 'refused'],
    ],
  },
  {
    sentence: 'through pipes, devices and sockets, which would hold them',
    async prepare({ data }) {
      execFileSync('mkfifo', [path.join(data, 'pipe')]);
      const server = net.createServer().listen(path.join(data, 'socket'));
      server.unref();
      await symlink('pipe', path.join(data, 'to-pipe'));
      if (process.getuid!() !== 0) return;
      execFileSync('mknod', [path.join(data, 'zero'), 'c', '1', '5']);
      // Of no driver: whatever opened it would get an error, not a disk.
      execFileSync('mknod', [path.join(data, 'disk'), 'b', '240', '0']);
    },
    operations: () => [
      ...['pipe', 'socket', 'to-pipe', ...(process.getuid!() === 0 ? ['zero', 'disk'] : [])].flatMap((name) =>
        refused(`open 3 1 ${name} 0 r 0`, `open 3 1 ${name} 0 w 0`, `open 3 1 ${name} 0 rw 4`, `open 3 1 ${name} 8 rw 0`, `open 3 1 ${name} 1 rw 0`, `open 3 1 ${name} 2 r 0`)),
      ['status 3 0 pipe', 'SUCCESS'],
    ],
  },
];

describe('a guest that wants out of its mounts', () => {
  let node: HostileNode;
  let places = 0;
  before(async () => {
    node = await HostileNode.start();
  });
  after(() => node.close());

  async function place(): Promise<Place> {
    const root = await node.hostDirectory(`escape-${places++}`);
    const made = { root, data: path.join(root, 'data'), readonly: path.join(root, 'readonly') };
    for (const directory of ['data/sub', 'data-other', 'readonly/directory']) await mkdir(path.join(root, directory), { recursive: true });
    for (const secret of ['secret.txt', 'data-other/secret.txt']) await writeFile(path.join(root, secret), 'SECRET\n');
    for (const file of ['data/own', 'readonly/file']) await writeFile(path.join(root, file), 'own\n');
    await symlink('secret.txt', path.join(root, 'link'));
    return made;
  }

  for (const target of runtimeClasses) {
    for (const { sentence, prepare, operations } of attacks) {
      it(`${sentence} gets nowhere (${nameOf(target)})`, async (t) => {
        const at = await place();
        await prepare?.(at);
        const outside = () => hostTree(at.root).filter((line) => !/^data[ /]/.test(line));
        const untouched = outside();
        const steps = operations(at);
        // Whatever is opened is read, so that a way out shows.
        const args = steps.flatMap(([operation]) => [...operation.split(' '), ...(/^open .* r 0$/.test(operation) ? ['read', '@'] : [])]);
        const outcome = await node.unharmed(t, () => node.attack(target, { module: attacker, args, mounts: [{ mountPath: '/data', hostPath: at.data }, { mountPath: '/readonly', hostPath: at.readonly, readOnly: true }] }));
        assert.deepEqual(outside(), untouched);
        const text = outcome.lines.join('\n');
        assert.doesNotMatch(text, /SECRET|root:/);
        if (!target.strong) return;
        assert.deepEqual([outcome.code, outcome.lines.at(-1)], [0, 'done'], JSON.stringify(outcome));
        const answers = outcome.lines.filter((line) => !line.startsWith('read '));
        assert.deepEqual(mismatches(target, steps, answers), [], text);
      });
    }
  }
});

/** A component has no ENOTCAPABLE, and its paths are text. */
const ofComponents: Partial<Record<Answer, Answer>> = { ENOTCAPABLE: 'refused', EILSEQ: 'refused', EINVAL: 'refused' };

function mismatches({ kind }: RuntimeClass, steps: readonly (readonly [string, Answer])[], answers: readonly string[]): string[] {
  return steps.flatMap(([operation, wanted], index) => {
    const expected = kind === 'component' ? (ofComponents[wanted] ?? wanted) : wanted;
    const got = Number(answers[index]?.split(' ')[1]);
    const right = expected === 'refused' ? got > 0 : got === errno[expected];
    return right ? [] : [`${operation.slice(0, 80)}: ${answers[index]}, not ${expected}`];
  });
}
