import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { componentNew } from '@bytecodealliance/jco-transpile/wasm-tools';
import type { Artifact } from '../../core/api/artifact.ts';
import type { PluginManifest } from '../../core/api/plugin.ts';
import type { RegisteredRuntime } from '../../core/api/runtime.ts';
import { inspect } from '../../core/wasm/inspect.ts';
import { EngineBed, registryOf } from '../../test/support/engine-bed.ts';
import { wat } from '../../test/support/wat.ts';
import type { LocalBed } from '../harness/local-bed.ts';
import type { Measurement } from '../harness/results.ts';
import type { LocalSuite } from './suite.ts';

const warmUpRounds = 5;
/** Longer than the reserve's pause before it is filled up again. */
const pauseMilliseconds = 150;

interface Scene {
  readonly name: string;
  readonly bed: EngineBed;
  readonly runtime: string;
  /** The program is clock.wat: its first host call asks for the time, which it then writes. */
  readonly tellsTime: boolean;
  /** The program of each round. */
  artifact(round: number): Promise<Artifact>;
}

/** How long the engine takes from a program that is on this machine to the guest's first host call, without any cluster. */
export const engine: LocalSuite = {
  bed: 'local',
  description:
    "ms from the call that creates a container, and from the one that starts it, until the engine's event of the guest's first host call, and until that call itself, as the guest " +
    "reads the clock; the threads' side from the release bundle",
  defaults: { n: 100 },
  parameters: ({ n }) => ({ n }),
  async run(bed, { n }) {
    const runtimes = await Promise.all(['wasi', 'jco'].map((name) => registered(bed, name)));
    const options = { runtimes: registryOf(...runtimes), threadEntry: pathToFileURL(join(dist(bed), 'thread-entry.cjs')), compileCache: join(bed.directory, 'compile-cache') };
    const engines: EngineBed[] = [];
    const engineOf = async (name: string, warmThreads: number): Promise<EngineBed> => {
      const directory = join(bed.directory, name);
      await mkdir(directory);
      const made = await EngineBed.create({ ...options, directory, warmThreads });
      engines.push(made);
      return made;
    };
    try {
      const warm = await engineOf('warm', 2);
      const cold = await engineOf('cold', 0);
      const small = await stored(bed, 'clock', await clock(), 'module');
      const component = await stored(bed, 'clock-component', await componentOf(await clock()), 'component');
      const scenes: Scene[] = [
        { name: 'cached module, warm thread', bed: warm, runtime: 'wasi', tellsTime: true, artifact: async () => small },
        { name: 'cached module, cold thread', bed: cold, runtime: 'wasi', tellsTime: true, artifact: async () => small },
        { name: 'uncached 100 kB module, warm thread', bed: warm, runtime: 'wasi', tellsTime: false, artifact: async (round) => stored(bed, `large-${round}`, large(round), 'module') },
        { name: 'cached component', bed: warm, runtime: 'jco', tellsTime: false, artifact: async () => component },
      ];
      const samples = new Map(scenes.map((scene) => [scene, { created: [] as number[], started: [] as number[], called: [] as number[], gone: [] as number[] }]));
      for (let round = -warmUpRounds; round < n; round += 1) {
        if (round % 20 === 0) bed.progress(`engine: ${Math.max(round, 0)} of ${n} rounds done`);
        for (const scene of round % 2 === 0 ? scenes : scenes.toReversed()) {
          const measured = await once(scene, round);
          if (round < 0) continue;
          const { created, started, called, gone } = samples.get(scene)!;
          created.push(measured.created);
          started.push(measured.started);
          if (measured.called !== undefined) called.push(measured.called);
          gone.push(measured.gone);
        }
      }
      return scenes.flatMap((scene) => {
        const { created, started, called, gone } = samples.get(scene)!;
        const row = (metric: string, values: readonly number[]): Measurement => ({ metric, unit: 'ms', subject: 'engine', variant: scene.name, samples: values });
        return [row('created to first host call', created), row('… from its start', started), ...(called.length === 0 ? [] : [row('from its start to the call itself', called)]), row('stopped to its thread gone', gone)];
      });
    } finally {
      for (const made of engines) await made.close();
    }
  },
};

interface Times {
  readonly created: number;
  readonly started: number;
  /** Absent: the program's first host call is another than asking for the time. */
  readonly called?: number;
  readonly gone: number;
}

async function once({ bed, runtime, artifact, tellsTime }: Scene, round: number): Promise<Times> {
  const config = await bed.config(await artifact(round), { runtime, podUid: `pod-${round}`, resources: { descriptors: 256, memoryBytes: 64 * 2 ** 20 } });
  await new Promise((done) => setTimeout(done, pauseMilliseconds));
  const createdAt = now();
  const id = await bed.engine.createContainer(config);
  const creating = now() - createdAt;
  const output = tellsTime ? (await bed.engine.attach(id)).stdout.getReader() : undefined;
  const startedAt = now();
  await bed.engine.startContainer(id);
  await bed.running(id);
  const runningAt = now();
  if (bed.observe(id).phase !== 'running') throw new Error(`the guest ended: ${JSON.stringify(bed.observe(id).exit)}`);
  const calledAt = output === undefined ? undefined : await toldTime(output);
  const stoppedAt = now();
  await bed.engine.stopContainer(id, 0);
  const gone = now() - stoppedAt;
  await bed.engine.removePodSandbox(config.podUid);
  const started = runningAt - startedAt;
  return { created: creating + started, started, gone, ...(calledAt === undefined ? {} : { called: calledAt - startedAt }) };
}

/** Milliseconds of the clock that guests see as their monotonic one. */
function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** What clock.wat writes. */
async function toldTime(output: ReadableStreamDefaultReader<Uint8Array>): Promise<number> {
  const { value } = await output.read();
  if (value?.length !== 8) throw new Error('the guest did not tell the time');
  return Number(new DataView(value.buffer, value.byteOffset).getBigUint64(0, true)) / 1e6;
}

function dist({ release }: LocalBed): string {
  return join(dirname(dirname(release.executable)), 'dist');
}

async function registered(bed: LocalBed, name: string): Promise<RegisteredRuntime> {
  const home = join(dist(bed), 'plugins', `runtime-${name}`);
  const { contributes, id } = JSON.parse(await readFile(join(home, 'plugin.json'), 'utf8')) as PluginManifest;
  const manifest = contributes.runtimes!.find((runtime) => runtime.name === name)!;
  return { manifest, pluginId: id, threadUrl: pathToFileURL(resolve(home, manifest.thread)).href, version: bed.release.version, state: 'active', allowed: true };
}

async function stored(bed: LocalBed, name: string, bytes: Uint8Array, kind: Artifact['kind']): Promise<Artifact> {
  const path = join(bed.directory, `${name}.wasm`);
  await writeFile(path, bytes);
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  return { kind, digest, path, name: `${name}.wasm`, sizeBytes: bytes.length, inspection: inspect(bytes) };
}

async function clock(): Promise<Uint8Array> {
  return wat(await readFile(join(import.meta.dirname, '..', 'modules', 'clock.wat'), 'utf8'));
}

/** As the Bytecode Alliance's adapter makes it. */
async function componentOf(module: Uint8Array): Promise<Uint8Array> {
  const adapter = await readFile(join(import.meta.dirname, '../../test/fixtures/jco/wasi_snapshot_preview1.command.wasm'));
  return componentNew(module, [['wasi_snapshot_preview1', adapter]]);
}

/** Sleeps as `sleep` does, with 100 kB of code, another one each time: nothing of it is in a cache. */
function large(round: number): Uint8Array {
  const functions = Array.from({ length: 400 }, (_, index) => `(func (export "f${index}") (param i32) (result i32) (local i32) ${operations((round + warmUpRounds) * 400 + index)})`);
  return wat(`(module
    (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    ${functions.join('\n')}
    (func (export "_start")
      (i32.store (i32.const 16) (i32.const 1))
      (i64.store (i32.const 24) (i64.const 3600000000000))
      (if (call $poll_oneoff (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)) (then unreachable))))`);
}

function operations(seed: number): string {
  const steps = Array.from({ length: 24 }, (_, step) => `(local.set 1 (i32.add (i32.mul (local.get 1) (i32.const ${(seed * 7919 + step * 104_729) % 1_000_003})) (local.get 0)))`);
  return `${steps.join('')}(local.get 1)`;
}
