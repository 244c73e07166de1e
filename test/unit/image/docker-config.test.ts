import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import { userCredentials } from '../../../core/image/docker-config.ts';
import { dockerConfigCredentials, pullSecretCredentials } from '../../../core/pod/pull-secret.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('the auths of a docker config', () => {
  it('are read in each of their forms', () => {
    assert.deepEqual(dockerConfigCredentials({
      'https://index.docker.io/v1/': { auth: base64('user:pass:word') },
      'ghcr.io/team': { username: 'u', password: 'p' },
      'quay.io': { auth: '', identitytoken: 'refresh' },
      'broken.io': 'text',
    }), [
      { registry: 'https://index.docker.io/v1/', username: 'user', password: 'pass:word' },
      { registry: 'ghcr.io/team', username: 'u', password: 'p' },
      { registry: 'quay.io', identityToken: 'refresh' },
    ]);
  });

  it('any content of a secret gives credentials or none', () => {
    const content = fc.oneof(fc.string(), fc.json(), fc.dictionary(fc.string(), fc.json()).map((auths) => JSON.stringify({ auths })), fc.string().map((auth) => JSON.stringify({ auths: { 'ghcr.io': { auth } } })));
    fc.assert(fc.property(content, fc.boolean(), (text, encoded) => {
      const value = encoded ? base64(text) : text;
      for (const key of ['.dockerconfigjson', '.dockercfg']) assert.ok(Array.isArray(pullSecretCredentials({ data: { [key]: value } })));
    }));
  });
});

describe("the user's docker config", () => {
  let directory: string;
  const warnings: string[] = [];
  const read = (registry: string) => userCredentials({ directory, registry, warn: (message) => warnings.push(message), signal: new AbortController().signal });
  const configure = (config: unknown): Promise<void> => writeFile(path.join(directory, 'config.json'), JSON.stringify(config));

  let searched: string | undefined;
  beforeEach(async () => {
    directory = await mkdtemp(path.join(os.tmpdir(), 'wasmlet-docker-'));
    warnings.length = 0;
    searched = process.env['PATH'];
    process.env['PATH'] = `${directory}:${searched ?? ''}`;
  });
  afterEach(async () => {
    process.env['PATH'] = searched;
    await rm(directory, { recursive: true, force: true });
  });

  const helper = async (name: string, script: string): Promise<void> => {
    await writeFile(path.join(directory, `docker-credential-${name}`), `#!/bin/sh\nread server\n${script}\n`, { mode: 0o755 });
  };

  it('may be absent', async () => assert.deepEqual(await read('ghcr.io'), []));

  it('must be readable when it is there', async () => {
    await writeFile(path.join(directory, 'config.json'), '{');
    await assert.rejects(read('ghcr.io'), { code: 'CONFIG_INVALID' });
  });

  it('is asked through the helper that it names for the registry, else through its store', async () => {
    await configure({ credHelpers: { 'ghcr.io': 'one' }, credsStore: 'two', auths: { 'x.io': { auth: base64('a:b') } } });
    await helper('one', `[ "$1" = get ] && echo '{"ServerURL":"'$server'","Username":"u","Secret":"s"}'`);
    await helper('two', `[ "$server" = https://index.docker.io/v1/ ] && echo '{"Username":"<token>","Secret":"refresh"}' && exit 0; echo 'credentials not found in native keychain'; exit 1`);
    assert.deepEqual(await read('ghcr.io'), [{ registry: 'ghcr.io', username: 'u', password: 's' }, { registry: 'x.io', username: 'a', password: 'b' }]);
    assert.deepEqual((await read('docker.io'))[0], { registry: 'docker.io', identityToken: 'refresh' });
    assert.deepEqual(await read('x.io'), [{ registry: 'x.io', username: 'a', password: 'b' }]);
    assert.deepEqual(warnings, []);
  });

  for (const [what, name, script] of [['is absent', 'absent', undefined], ['fails', 'bad', 'echo locked >&2; exit 3'], ['answers no JSON', 'odd', 'echo hello'], ['has no name', '../x', undefined]] as const) {
    it(`goes on with a warning when the helper ${what}`, async () => {
      await configure({ credsStore: name });
      if (script !== undefined) await helper(name, script);
      assert.deepEqual(await read('ghcr.io'), []);
      assert.equal(warnings.length, 1);
    });
  }
});
