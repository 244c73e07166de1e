import assert from 'node:assert/strict';
import { appendFile, readdir, readlink, rename, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { setImmediate } from 'node:timers/promises';
import { after, before, describe, it } from 'node:test';
import { LocalClient } from '../../../core/server/local-client.ts';
import type { KeyPair } from '../../cluster/certificates.ts';
import { eventually, ServedNode } from './served-node.ts';

const stamp = (second: number) => `2020-11-24T15:00:${String(second).padStart(2, '0')}.123456789Z`;
const line = (second: number, content: string, tag = 'F', stream = 'stdout') => `${stamp(second)} ${stream} ${tag} ${content}\n`;

describe('GET /containerLogs', () => {
  let node: ServedNode;
  let client: KeyPair;
  before(async () => {
    node = await ServedNode.start();
    client = await node.client('admin');
    node.rights.add('admin get proxy');
  });
  after(() => node.stop());

  const ask = (pod: string, query = '') => node.ask(`/containerLogs/default/${pod}/main${query}`, { client });
  const follow = (pod: string, query = '') => node.open(`/containerLogs/default/${pod}/main?follow=true${query}`, { client });
  /** Collects what arrives, to look at in between. */
  const collect = (response: IncomingMessage) => {
    const seen = { text: '', ended: false };
    response.setEncoding('utf8').on('data', (piece: string) => (seen.text += piece)).on('end', () => (seen.ended = true));
    return seen;
  };

  it('gives the text of both streams, joined parts, and skips what is no record', async () => {
    await node.addContainer('plain', {}, {}, line(1, 'one') + line(2, 'tw', 'P') + line(2, 'o', 'F', 'stdout') + 'garbage\n' + line(3, 'three', 'F', 'stderr') + line(4, '') + '2020-11-24T15:00:05Z stdo');
    const { status, body, headers } = await ask('plain');
    assert.deepEqual([status, body], [200, 'one\ntwo\nthree\n\n']);
    assert.equal(headers['content-type'], 'text/plain');
    assert.equal(headers['transfer-encoding'], 'chunked');
    assert.equal((await ask('plain', '?timestamps=true&tailLines=4')).body, `${stamp(3)} three\n${stamp(4)} \n`);
    assert.equal((await ask('plain', '?tailLines=0')).body, '');
    assert.equal((await ask('plain', '?limitBytes=5')).body, 'one\nt');
    assert.equal((await ask('plain', `?sinceTime=${encodeURIComponent('2020-11-24T16:00:03+01:00')}`)).body, 'three\n\n');
    assert.equal((await ask('plain', '?sinceSeconds=1')).body, '', 'the records are older');
  });

  it('passes bytes that are no UTF-8', async () => {
    const path = await node.addContainer('bytes', {}, {}, '');
    await writeFile(path, Buffer.concat([Buffer.from(`${stamp(1)} stdout F `), Buffer.from([0xff, 0x00, 0xfe]), Buffer.from('\n')]));
    const response = await node.open('/containerLogs/default/bytes/main', { client });
    assert.deepEqual(Buffer.concat(await response.toArray()), Buffer.from([0xff, 0x00, 0xfe, 0x0a]));
  });

  it('finds the last lines of a large file without reading it all', async () => {
    const many = Array.from({ length: 60_000 }, (_, index) => line(1, `line ${index}`)).join('');
    await node.addContainer('large', {}, {}, many);
    assert.equal((await ask('large', '?tailLines=2')).body, 'line 59998\nline 59999\n');
    assert.equal((await ask('large', '?tailLines=59999')).body.split('\n').length, 60_000);
    assert.equal((await ask('large', '?tailLines=9999999')).body.split('\n').length, 60_001);
  });

  it('answers for a container that wrote nothing', async () => {
    await node.addContainer('silent', {}, {});
    assert.deepEqual([(await ask('silent')).status, (await ask('silent')).body], [200, '']);
  });

  it('says in upstream\'s words why there is no log', async () => {
    await node.addContainer('pulling', {}, { state: { waiting: { reason: 'ImagePullBackOff' } } });
    assert.deepEqual(await ask('pulling').then(({ status, body }) => [status, body]), [400, 'container "main" in pod "pulling" is waiting to start: trying and failing to pull image']);
    assert.deepEqual(await ask('pulling', '?previous=true').then(({ status, body }) => [status, body]), [400, 'previous terminated container "main" in pod "pulling" not found']);
    assert.deepEqual(await ask('none').then(({ status, body }) => [status, body]), [404, 'pod "none" does not exist\n']);
    assert.deepEqual(await node.ask('/containerLogs/default/pulling/other', { client }).then(({ status, body }) => [status, body]), [404, 'container "other" not found in pod "pulling"\n']);
    assert.equal((await ask('pulling', '?tailLines=-1')).status, 422);
    assert.equal((await ask('pulling', '?tailLines=many')).status, 400);
    assert.equal((await ask('pulling', '?sinceSeconds=1&sinceTime=2020-11-24T15:00:00Z')).status, 422);
  });

  it('gives the last instance in CrashLoopBackOff, and with previous', async () => {
    const terminated = { containerID: `wasmlet://${'ab'.repeat(32)}`, exitCode: 1 };
    await node.addContainer('crashing', { phase: 'exited' }, { state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: { terminated } }, line(1, 'last words'));
    assert.equal((await ask('crashing')).body, 'last words\n');
    assert.equal((await ask('crashing', '?previous=true&follow=true')).body, 'last words\n');
  });

  it('follows from before the first line to the end of the container', async () => {
    const path = await node.addContainer('followed', {}, {});
    const response = await follow('followed');
    assert.equal(response.statusCode, 200, 'the head comes before any line');
    const seen = collect(response);
    await appendFile(path, line(1, 'first'));
    await eventually(() => assert.equal(seen.text, 'first\n'));
    await appendFile(path, line(2, 'half', 'P'));
    await eventually(() => assert.equal(seen.text, 'first\nhalf'));
    assert.equal(seen.ended, false);
    await appendFile(path, line(2, ' done') + line(3, 'last'));
    node.setPhase('followed', 'exited');
    await eventually(() => assert.equal(seen.ended, true));
    assert.equal(seen.text, 'first\nhalf done\nlast\n');
  });

  it('follows through rotations without losing or doubling a line', async () => {
    const path = await node.addContainer('rotated', {}, {}, line(1, '0'));
    const seen = collect(await follow('rotated'));
    const expected = ['0'];
    for (let round = 1; round <= 5; round++) {
      await eventually(() => assert.equal(seen.text.trimEnd().split('\n').at(-1), expected.at(-1)));
      // The last lines of the old file, its rename, and the first line of the new one in one go.
      await appendFile(path, line(round, `${round} old`));
      await rename(path, `${path}.20261124-15000${round}`);
      await appendFile(path, line(round, `${round} new`));
      expected.push(`${round} old`, `${round} new`);
    }
    node.setPhase('rotated', 'exited');
    await eventually(() => assert.equal(seen.ended, true));
    assert.deepEqual(seen.text.trimEnd().split('\n'), expected);
  });

  it('follows from the tail, and stops at the limit', async () => {
    const path = await node.addContainer('tailed', {}, {}, line(1, 'old') + line(2, 'newer'));
    const response = await follow('tailed', '&tailLines=1&limitBytes=9');
    const seen = collect(response);
    await eventually(() => assert.equal(seen.text, 'newer\n'));
    await appendFile(path, line(3, 'newest'));
    await eventually(() => assert.equal(seen.ended, true));
    assert.equal(seen.text, 'newer\nnew');
  });

  it('closes its files when the client goes', async () => {
    const path = await node.addContainer('left', {}, {}, line(1, 'x'));
    const open = async () => {
      const targets = await Promise.all((await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
      return targets.filter((target) => target === path).length;
    };
    const response = await follow('left');
    const seen = collect(response);
    await eventually(() => assert.equal(seen.text, 'x\n'));
    assert.equal(await open(), 1);
    response.destroy();
    await eventually(async () => assert.equal(await open(), 0));
  });

  it('gives a slow reader all of a large log', async () => {
    await node.addContainer('slow', { phase: 'exited' }, {}, Array.from({ length: 2000 }, () => line(1, 'y'.repeat(16_000))).join(''));
    const response = await follow('slow');
    await setImmediate();
    assert.equal((await text(response)).length, 2000 * 16_001);
  });

  it('reads with the local credential, which also carries the refusal', async () => {
    const pod = node.pods.find(({ metadata }) => metadata.name === 'plain')!;
    const local = await LocalClient.find(node.root);
    assert.equal(Buffer.concat(await Array.fromAsync(local.logs(pod, 'main', new URLSearchParams({ tailLines: '2' })))).toString(), '\n');
    await assert.rejects(Array.fromAsync(local.logs(node.pods.find(({ metadata }) => metadata.name === 'pulling')!, 'main', new URLSearchParams())), { code: 'NOT_FOUND', message: /is waiting to start/ });
    await assert.rejects(Array.fromAsync(local.logs(pod, 'main', new URLSearchParams({ tailLines: '-1' }))), { code: 'USAGE', message: /tailLines: must be/ });
  });

  it('ends followers when the server stops', async () => {
    const other = await ServedNode.start();
    try {
      other.rights.add('admin get proxy');
      await other.addContainer('p', {}, {}, line(1, 'x'));
      const response = await other.open('/containerLogs/default/p/main?follow=true', { client: await other.client('admin') });
      const seen = collect(response);
      await eventually(() => assert.equal(seen.text, 'x\n'));
      await other.server.stop();
      assert.equal(seen.ended || response.destroyed, true);
    } finally {
      await other.stop();
    }
  });
});

