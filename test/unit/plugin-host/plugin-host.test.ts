import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { PluginHost } from '../../../core/plugin-host/plugin-host.ts';
import { silentLogger } from '../../../core/telemetry/logger.ts';

let root: string;
let count = 0;
before(async () => {
  root = await mkdtemp(path.join(os.tmpdir(), 'wasmlet-plugins-'));
});
after(() => rm(root, { recursive: true, force: true }));

const runtime = (name: string) => ({ name, accepts: [{ kind: 'module', imports: [] }], isolation: ['dedicated'], thread: 'thread.js' });
const manifest = (id: string, rest: object = {}) => ({ apiVersion: 'wasmlet.dev/v1alpha1', id, wasmlet: '*', contributes: {}, ...rest });
const registers = (code: string) => `export const plugin = { activate(context) { ${code} } };`;

async function directoryOf(content: object | string, code?: string): Promise<string> {
  const directory = path.join(root, String(count++));
  await mkdir(directory);
  await writeFile(path.join(directory, 'plugin.json'), typeof content === 'string' ? content : JSON.stringify(content));
  if (code !== undefined) await writeFile(path.join(directory, 'main.mjs'), code);
  return directory;
}

async function start(directories: string[], options: { configuration?: Record<string, Record<string, unknown>>; disabled?: string[]; allowed?: string[] } = {}) {
  const host = new PluginHost({
    directories,
    version: '1.2.3',
    configuration: options.configuration ?? {},
    disabled: options.disabled ?? [],
    runtimes: { order: ['second', 'first'], allowed: options.allowed ?? ['*'] },
    dataDirectory: path.join(root, 'data'),
    logger: silentLogger,
  });
  await host.start();
  return host;
}

async function failure(content: object | string, code?: string, configuration?: Record<string, Record<string, unknown>>): Promise<string> {
  const host = await start([await directoryOf(content, code)], { configuration });
  const [outcome] = host.outcomes;
  assert.equal(outcome?.outcome, 'failed');
  return `${outcome.code}: ${outcome.reason}`;
}

describe('PluginHost', () => {
  it('orders runtimes as configured and tells the allowed ones', async () => {
    const host = await start([await directoryOf(manifest('a', { contributes: { runtimes: [runtime('first'), runtime('other')] } })), await directoryOf(manifest('b', { contributes: { runtimes: [runtime('second')] } }))], { allowed: ['first'] });
    assert.deepEqual(host.runtimes.list().map(({ manifest: { name }, allowed }) => [name, allowed]), [['second', false], ['first', true], ['other', false]]);
    assert.match(host.runtimes.get('first')!.threadUrl, /^file:.*thread\.js$/);
  });
  it('activates requirements first and hands over the validated configuration', async () => {
    const code = (name: string) => registers(`context.registerVolume({ type: '${name}', greeting: context.config.greeting, async setUp() {}, async tearDown() {} });`);
    const late = await directoryOf(manifest('late', { main: 'main.mjs', requires: ['early'], contributes: { volumes: [{ type: 'late', payload: 'none' }] } }), code('late'));
    const early = await directoryOf(manifest('early', { main: 'main.mjs', contributes: { volumes: [{ type: 'early', payload: 'files' }] }, configSchema: { type: 'object', properties: { greeting: { type: 'string', default: 'hello' } } } }), code('early'));
    const host = await start([late, early]);
    assert.deepEqual(host.outcomes.map(({ id, outcome }) => [id, outcome]), [['early', 'active'], ['late', 'active']]);
    assert.equal(host.volume('early')?.payload, 'files');
    assert.equal((host.volume('early')?.plugin as unknown as { greeting: string }).greeting, 'hello');
  });
  it('leaves out what the configuration disables', async () => {
    const host = await start([await directoryOf(manifest('a'))], { disabled: ['a'] });
    assert.equal(host.outcomes[0]?.outcome, 'skipped');
  });
  it('fails one plugin without the others', async () => {
    const host = await start([await directoryOf('{'), await directoryOf(manifest('good'))]);
    assert.deepEqual(host.outcomes.map(({ outcome }) => outcome), ['failed', 'active']);
  });
  it('says what is wrong with a manifest', async () => {
    assert.match(await failure('[]'), /PLUGIN_MANIFEST_INVALID/);
    assert.match(await failure(manifest('Bad Name')), /id: must match pattern/);
    assert.match(await failure({ ...manifest('a'), extra: 1 }), /extra: unknown field/);
    assert.match(await failure(manifest('a', { main: '../../etc/x.js' })), /main/);
    assert.match(await failure(manifest('a', { wasmlet: '^9' })), /PLUGIN_INCOMPATIBLE: a works with wasmlet \^9; this is 1\.2\.3/);
    assert.match(await failure(manifest('a', { requires: ['b'] })), /PLUGIN_REQUIREMENT_MISSING/);
    assert.match(await failure(manifest('a'), undefined, { a: { unknown: 1 } }), /PLUGIN_CONFIG_INVALID/);
  });
  it('holds plugins to what they declare', async () => {
    const declared = { main: 'main.mjs', contributes: { volumes: [{ type: 'x', payload: 'none' }] } };
    assert.match(await failure(manifest('a', declared), registers('')), /PLUGIN_CONTRIBUTION_MISMATCH: a declares the volume x/);
    assert.match(await failure(manifest('a', declared), registers("for (const type of ['x', 'y']) context.registerVolume({ type });")), /registered the volume y/);
    assert.match(await failure(manifest('a', declared), "throw new Error('boom')"), /PLUGIN_ACTIVATION_FAILED: boom/);
    assert.match(await failure(manifest('a', declared), 'export const other = 1'), /exports no `plugin`/);
  });
  it('keeps a failed plugin\'s runtime known, as inactive with the reason', async () => {
    const host = await start([await directoryOf(manifest('a', { main: 'main.mjs', contributes: { runtimes: [runtime('first')] } }), "throw new Error('boom')")]);
    assert.equal(host.runtimes.get('first')?.state, 'inactive');
    assert.equal(host.runtimes.get('first')?.reason, 'boom');
  });
  it('finds a cycle', async () => {
    const host = await start([await directoryOf(manifest('a', { requires: ['b'] })), await directoryOf(manifest('b', { requires: ['a'] }))]);
    assert.deepEqual(host.outcomes.map(({ outcome }) => outcome), ['failed', 'failed']);
    assert.match((host.outcomes[0] as { reason: string }).reason, /cycle|cannot start/);
  });
});
