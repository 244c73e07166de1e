/** Nodes that are driven to the walls of their process (core/engine/capacity.ts), which are put up close to them. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { IsolationClass } from '../../core/api/runtime.ts';
import { eventually, wasmlet } from '../support/wasmlet-process.ts';
import { inSoak } from '../support/soak.ts';
import { guest } from './support/guests.ts';
import { HostileNode } from './support/hostile-node.ts';
import { runtimeClasses } from './support/runtime-classes.ts';

const surplus = 10;
const sleeper = guest('(call $sleep (i64.const 3600000000000))');
const classOf = (isolation: IsolationClass) => runtimeClasses.find((target) => target.runtime === 'wasi' && target.isolation === isolation)!;
const root = process.getuid?.() === 0;

/** A control group for threads, below ours: cgroup v1's pids controller, or v2 where ours may have children that have it. */
const group = ['/sys/fs/cgroup/pids', '/sys/fs/cgroup'].filter((directory) => existsSync(path.join(directory, 'cgroup.procs'))).map((directory) => path.join(directory, `wasmlet-full-${process.pid}`)).find(makeGroup);
function makeGroup(directory: string): boolean {
  try {
    mkdirSync(directory);
  } catch {
    return false; // Not root, or a read-only /sys.
  }
  if (existsSync(path.join(directory, 'pids.max'))) return true;
  rmdirSync(directory);
  return false;
}

/** What the kernel says of memory maps, as the node is to read it. */
const mapsLeft = inSoak(20_000, 12_000);
const mapsFile = path.join(os.tmpdir(), `wasmlet-max-map-count-${process.pid}`);
const mapsOfMachine = Number(readFileSync('/proc/sys/vm/max_map_count', 'utf8'));

after(() => {
  if (group !== undefined) rmdirSync(group);
  rmSync(mapsFile, { force: true });
});

const fewerMaps = (): readonly string[] => {
  writeFileSync(mapsFile, String(mapsLeft));
  return ['unshare', '--mount', 'sh', '-c', 'mount --bind "$0" /proc/sys/vm/max_map_count && exec env "$@"', mapsFile,
    `WASMLET_MAPS=${mapsOfMachine}`, `WASMLET_MAPS_LEFT=${mapsLeft}`, `NODE_OPTIONS=--import=${path.join(import.meta.dirname, 'support/take-maps.ts')}`];
};

interface Wall {
  readonly wall: string;
  readonly isolation: IsolationClass;
  /** The command that puts it up and becomes the node. */
  readonly within: () => readonly string[];
  /** Of containers of the class, the victim among them, which is a dedicated one. */
  readonly room: number;
  readonly skip?: string | false;
}

const walls: readonly Wall[] = [
  { wall: 'open files', isolation: 'dedicated', within: () => ['prlimit', '--nofile=496:496'], room: 30 },
  {
    wall: 'threads',
    isolation: 'dedicated',
    within() {
      writeFileSync(path.join(group!, 'pids.max'), '94');
      return ['sh', '-c', `echo $$ > ${group}/cgroup.procs && exec "$@"`, 'sh'];
    },
    room: 30,
    skip: group === undefined && 'no control group can be made here',
  },
  // A node fills with shared ones in many steps.
  ...inSoak<readonly IsolationClass[]>(['dedicated', 'shared'], ['dedicated']).map((isolation): Wall => ({
    wall: 'memory maps',
    isolation,
    within: fewerMaps,
    room: isolation === 'dedicated' ? Math.floor((mapsLeft * 0.9 - 4000) / 42) : 1 + Math.floor((mapsLeft * 0.9 - 4000 - 42) / 6),
    skip: !root && 'only root can say something else in place of the kernel',
  })),
];

for (const { wall, isolation, within, room, skip = false } of walls) {
  describe(`a node at its wall of ${wall}, ${isolation}`, { skip }, () => {
    let node: HostileNode;
    before(async () => {
      node = await HostileNode.start({ raiseMachineLimits: false, maxPods: 100_000, shutdownGracePeriod: '2s' }, within());
    });
    after(() => node.close());

    const phase = (name: string) => node.pod(name)?.status?.phase;
    const begun = async (count: number): Promise<readonly string[]> => {
      const names = await Promise.all(Array.from({ length: count }, () => node.create(classOf(isolation), { module: sleeper })));
      await eventually('all run or are refused', () => names.every((name) => phase(name) === 'Running' || phase(name) === 'Failed'), 120);
      return names;
    };
    const remove = async (names: readonly string[]): Promise<void> => {
      for (const name of names) node.fake.delete('pods', 'default', name);
      await eventually('they are gone', () => names.every((name) => node.pod(name) === undefined), 60);
    };
    const maps = (): number => readFileSync(`/proc/${node.pid}/maps`, 'utf8').split('\n').length - 1 - (wall === 'memory maps' ? mapsOfMachine - mapsLeft : 0);
    /** As a scheduler does it: what is offered, until nothing is. The victim is here from the start. */
    const fill = async (): Promise<readonly string[]> => {
      const names: string[] = [];
      for (;;) {
        const offered = await eventually('an offer', () => node.offered() > names.length + 1 && node.offered(), 3).catch(() => 0);
        if (offered === 0) return names;
        names.push(...await begun(offered - names.length - 1));
      }
    };

    it('refuses what is too much, and nothing else', async (t) => {
      const running = await fill();
      t.diagnostic(`${running.length} pods; ${maps()} maps`);
      assert.ok(running.every((name) => phase(name) === 'Running'));
      // What is offered is room for dedicated ones.
      assert.ok(running.length < room && running.length >= room - (isolation === 'dedicated' ? 1 : 8), `${running.length} of ${room}`);

      const refused = await begun(surplus);
      for (const name of refused) {
        const { phase: found, reason, message } = node.pod(name)!.status!;
        assert.deepEqual([found, reason], ['Failed', 'OutOfpods']);
        assert.match(message!, /^Pod was rejected: Node didn't have enough resource: pods, requested: 1, used: \d+, capacity: \d+$/);
      }

      const logs = await wasmlet(['logs', running.at(-1)!, '--root-dir', node.rootDirectory]);
      assert.deepEqual([logs.code, logs.stdout], [0, 'ready\n'], logs.stderr);
      const top = await wasmlet(['top', '-o', 'json', '--root-dir', node.rootDirectory]);
      assert.equal(top.code, 0, top.stderr);
      assert.ok(running.every((name) => top.stdout.includes(`"${name}"`)), top.stdout);

      await remove([...refused, ...running.slice(0, 10)]);
      await eventually('places are offered again', () => node.offered() >= running.length - 10 + (isolation === 'dedicated' ? 10 : 1));
      const more = await begun(isolation === 'dedicated' ? 10 : 1);
      for (const name of [...more, ...running.slice(10)]) assert.equal(phase(name), 'Running');
      await node.unharmed(t, () => remove([...more, ...running.slice(10)]));
    });
  });
}

/** Opens the volume's file as often as it may, and keeps it open. */
const hog = guest(`(i32.store8 (i32.const 700) (i32.const 102))
  (loop $again
    (local.set $errno (call $open (i32.const 3) (i32.const 0) (i32.const 700) (i32.const 1) (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 20)))
    (br_if $again (i32.eqz (local.get $errno))))
  (i32.store8 (i32.const 700) (i32.add (i32.const 48) (i32.div_u (local.get $errno) (i32.const 10))))
  (i32.store8 (i32.const 701) (i32.add (i32.const 48) (i32.rem_u (local.get $errno) (i32.const 10))))
  (i32.store8 (i32.const 702) (i32.const 10))
  (call $write (i32.const 1) (i32.const 700) (i32.const 3))
  (call $sleep (i64.const 3600000000000))`, { locals: '(local $errno i32)' });
/** ENFILE and EMFILE of preview 1; WASI 0.2 has one word for both, which the adapter makes ENOMEM. */
const [systemFull, guestFull, full] = ['41', '33', '48'];

describe('guests that open all files that they may', () => {
  let node: HostileNode;
  before(async () => {
    node = await HostileNode.start({ raiseMachineLimits: false, maxPods: 1000, shutdownGracePeriod: '2s' }, ['prlimit', '--nofile=800:800']);
  });
  after(() => node.close());

  // uvwasi's descriptors are not Node's to close when a guest is stopped.
  for (const target of runtimeClasses.filter(({ strong }) => strong)) {
    it(`leave the node its own (${target.runtime}, ${target.isolation})`, async (t) => {
      const hostPath = await node.hostDirectory('hog');
      writeFileSync(path.join(hostPath, 'f'), 'f');
      await node.unharmed(t, async () => {
        const hogs = await Promise.all(Array.from({ length: 20 }, () => node.create(target, { module: hog, mounts: [{ mountPath: '/data', hostPath }] })));
        const lines = await Promise.all(hogs.map((name) => eventually(`${name} has what it can get`, async () => (await node.log(name))[1], 60)));
        t.diagnostic(`${lines.filter((line) => line === guestFull).length} at their own limit, ${lines.filter((line) => line === systemFull).length} at the node's`);
        assert.ok(lines.includes(target.kind === 'component' ? full : systemFull), lines.join());

        const quiet = await node.attack(classOf('dedicated'), { module: guest('') });
        assert.equal(quiet.code, 0, JSON.stringify(quiet));
        const logs = await wasmlet(['logs', hogs[0]!, '--root-dir', node.rootDirectory]);
        assert.equal(logs.code, 0, logs.stderr);
        for (const name of hogs) node.fake.delete('pods', 'default', name);
        await eventually('they are gone', () => hogs.every((name) => node.pod(name) === undefined));
      });
      const next = await node.attack(target, { module: hog, stopAfter: 100, mounts: [{ mountPath: '/data', hostPath }] });
      assert.equal(next.reason, 'Deleted');
    });
  }
});
