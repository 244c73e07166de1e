/** Programs and images that are made to hurt whoever reads, compiles or unpacks them. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import zlib from 'node:zlib';
import { BinaryWriter } from '../../core/wasm/binary/binary-writer.ts';
import { readLayer } from '../../plugins/image-oci/archive/read-layer.ts';
import type { ArchiveLayer } from '../../plugins/image-oci/format/find-wasm.ts';
import { tarOf } from '../support/registry-fake/tar.ts';
import { inSoak } from '../support/soak.ts';
import { harmless } from './support/guests.ts';
import { HostileNode } from './support/hostile-node.ts';
import { nameOf, runtimeClasses } from './support/runtime-classes.ts';

const preamble = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
const section = (id: number, body: BinaryWriter): Uint8Array => new BinaryWriter(body.written.length + 8).u8(id).sized(body.written).written;
const module = (...sections: Uint8Array[]): Uint8Array => Buffer.concat([preamble, ...sections]);
const startExport = (index: number): Uint8Array => section(7, new BinaryWriter().u32(2).name('_start').u8(0).u32(index).name('memory').u8(2).u32(0));
const oneMemory = section(5, new BinaryWriter().u32(1).u8(0).u32(1));
const plainType = section(1, new BinaryWriter().u32(1).u8(0x60, 0, 0));

/** So many functions with these bodies; the first is `_start`. */
function functions(count: number, body: (index: number) => Uint8Array): Uint8Array {
  const types = new BinaryWriter(count + 8).u32(count);
  const bodies = new BinaryWriter(count * 8).u32(count);
  for (let index = 0; index < count; index++) {
    types.u32(0);
    bodies.sized(body(index));
  }
  return module(plainType, section(3, types), oneMemory, startExport(0), section(10, bodies));
}

const straight = (instructions: number): Uint8Array => {
  // i32.const 1, drop.
  const body = new Uint8Array(2 + instructions * 3);
  for (let at = 1; at < body.length - 1; at += 3) body.set([0x41, 1, 0x1a], at);
  body[body.length - 1] = 0x0b;
  return body;
};
const nested = (depth: number): Uint8Array => Uint8Array.from([0, ...Array.from({ length: depth }, () => [0x02, 0x40]).flat(), ...Array.from({ length: depth }, () => 0x0b), 0x0b]);

/** What comes of it is a refusal that names the fault, or a run: `code` 0. */
const programs: readonly { readonly sentence: string; readonly bytes: () => Uint8Array; readonly refused?: RegExp }[] = [
  { sentence: '100,000 functions', bytes: () => functions(100_000, () => straight(3)) },
  { sentence: '100,000 functions that call the next one', bytes: () => functions(100_000, (index) => (index === 99_999 ? Uint8Array.of(0, 0x0b) : new BinaryWriter().u8(0, 0x10).u32(index + 1).u8(0x0b).written)), refused: /./ },
  { sentence: 'more functions than V8 takes', bytes: () => functions(1_100_000, () => Uint8Array.of(0, 0x0b)), refused: /./ },
  { sentence: 'one function of 7 MB', bytes: () => functions(1, () => straight(2_400_000)) },
  { sentence: 'one function of 10 MB, which is more than V8 takes', bytes: () => functions(1, () => straight(3_400_000)), refused: /./ },
  { sentence: 'blocks 100,000 deep', bytes: () => functions(1, () => nested(100_000)) },
  { sentence: '100,000 locals', bytes: () => functions(1, () => new BinaryWriter().u32(1).u32(100_000).u8(0x7f, 0x0b).written), refused: /./ },
  { sentence: '4 billion locals', bytes: () => functions(1, () => new BinaryWriter().u32(1).u32(0xffff_ffff).u8(0x7f, 0x0b).written), refused: /./ },
  { sentence: '100,000 imports', bytes: () => module(plainType, section(2, Array.from({ length: 100_000 }).reduce<BinaryWriter>((writer, _, index) => writer.name('wasi_snapshot_preview1').name(`f${index}`).u8(0, 0), new BinaryWriter(4_000_000).u32(100_000)))), refused: /./ },
  { sentence: 'a name of 5 MB', bytes: () => module(plainType, section(2, new BinaryWriter().u32(1).name('x'.repeat(5_000_000)).name('f').u8(0, 0))), refused: /./ },
  { sentence: 'a section that says it is 4 GB long', bytes: () => module(Uint8Array.of(1, 0xff, 0xff, 0xff, 0xff, 0x0f)), refused: /./ },
  { sentence: 'a number of functions that is not there', bytes: () => module(plainType, section(3, new BinaryWriter().u32(0xffff_ffff))), refused: /./ },
  { sentence: 'sections in the wrong order', bytes: () => module(section(10, new BinaryWriter().u32(0)), plainType), refused: /./ },
  { sentence: 'nothing behind its preamble', bytes: () => preamble, refused: /_start|imports nothing/ },
  { sentence: 'noise behind its preamble', bytes: () => Buffer.concat([preamble, randomBytes(100_000)]), refused: /./ },
  { sentence: 'half a module', bytes: () => harmless.subarray(0, harmless.length >> 1), refused: /./ },
  { sentence: 'a memory of 4 GB from the start', bytes: () => module(plainType, section(3, new BinaryWriter().u32(1).u32(0)), section(5, new BinaryWriter().u32(1).u8(0).u32(65_536)), startExport(0), section(10, new BinaryWriter().u32(1).sized(Uint8Array.of(0, 0x0b)))), refused: /memory/ },
  { sentence: 'a table of 4 billion elements', bytes: () => module(plainType, section(3, new BinaryWriter().u32(1).u32(0)), section(4, new BinaryWriter().u32(1).u8(0x70, 0).u32(0xffff_ffff)), oneMemory, startExport(0), section(10, new BinaryWriter().u32(1).sized(Uint8Array.of(0, 0x0b)))), refused: /./ },
];

describe('a program with', () => {
  let node: HostileNode;
  before(async () => {
    node = await HostileNode.start();
  });
  after(() => node.close());

  for (const target of runtimeClasses.filter(({ kind, strong }) => kind === 'module' && strong)) {
    for (const { sentence, bytes, refused } of programs) {
      it(`${sentence} (${nameOf(target)})`, async (t) => {
        const outcome = await node.unharmed(t, () => node.attack(target, { module: bytes(), memory: '256Mi' }));
        t.diagnostic(`${outcome.reason} ${outcome.code} ${outcome.message.slice(0, 200)}; peak ${(outcome.peakBytes / 1024 ** 2).toFixed(0)} MiB`);
        if (refused === undefined) assert.equal(outcome.code, 0, JSON.stringify(outcome));
        else {
          assert.notEqual(outcome.code, 0);
          assert.match(outcome.message, refused);
        }
      });
    }
  }
});

describe('an archive with', () => {
  const limits = { fileBytes: 64 * 1024 ** 2, layerBytes: 256 * 1024 ** 2, entries: 100_000 };
  let directory: string;
  before(async () => {
    directory = await mkdtemp(path.join(os.tmpdir(), 'wasmlet-archives-'));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  const layer = (compression: ArchiveLayer['compression']): ArchiveLayer => ({ mediaType: 'tar', digest: '', size: 0, annotations: {}, compression });
  const read = (file: string, compression: ArchiveLayer['compression'] = 'none') => readLayer(file, layer(compression), (name) => name.endsWith('.wasm'), limits, new AbortController().signal);

  it('names that lead out, links to write through, and devices writes nothing anywhere', async () => {
    const archive = path.join(directory, 'escape.tar');
    await writeFile(archive, await tarOf([
      { name: '../../escaped.wasm', content: 'x' },
      { name: `${directory}/absolute.wasm`, content: 'x' },
      { name: 'link', type: 'symlink', linkname: directory },
      { name: 'link/through.wasm', content: 'x' },
      { name: 'hard.wasm', type: 'link', linkname: '/etc/passwd' },
      { name: 'device.wasm', type: 'character-device' },
      { name: 'pipe.wasm', type: 'fifo' },
    ]));
    const before = (await readdir(directory)).sort();
    const { files, links } = await read(archive);
    // Paths inside the root of the image, whatever they say; nothing is resolved against the host.
    for (const name of [...files.keys(), ...links.values()]) assert.ok(!name.startsWith('/') && !name.includes('..'), name);
    assert.ok(![...files.values()].some((bytes) => Buffer.from(bytes).includes('root:')));
    assert.deepEqual((await readdir(directory)).sort(), before);
  });

  const gibibytes = inSoak(10, 1);
  it(`${gibibytes} GiB in a few MiB of gzip is refused before it has burst`, async () => {
    const archive = path.join(directory, 'bomb.tar.gz');
    const zeros = new Uint8Array(1024 ** 2);
    await pipeline(Readable.from((function* () { for (let n = 0; n < gibibytes * 1024; n++) yield zeros; })()), zlib.createGzip({ level: 1 }), createWriteStream(archive));
    const before = process.memoryUsage().rss;
    await assert.rejects(read(archive, 'gzip'), /unpacks to more than/);
    assert.ok(process.memoryUsage().rss - before < 256 * 1024 ** 2);
  });

  const entries = inSoak(1_000_000, 120_000);
  it(`${entries} entries is refused at its limit`, async () => {
    const archive = path.join(directory, 'entries.tar');
    const header = (await tarOf([{ name: 'entry', content: '' }])).subarray(0, 512);
    const block = Buffer.concat(Array.from({ length: 1000 }, () => header));
    await pipeline(Readable.from((function* () { for (let n = 0; n < entries / 1000; n++) yield block; })()), createWriteStream(archive));
    await assert.rejects(read(archive), /more than 100000 entries/);
  });
});
