/** Where `wasmlet bootstrap` may write, and that it asks the cluster for nothing when it may not. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { wasmlet } from '../support/wasmlet-process.ts';

describe('wasmlet bootstrap', { timeout: 60_000 }, () => {
  let directory: string;
  let kubeconfig: string;
  before(() => {
    directory = mkdtempSync(path.join(os.tmpdir(), 'wasmlet-bootstrap-'));
    kubeconfig = path.join(directory, 'admin');
    // Nobody listens there: whoever asks is told so.
    const user = { name: 'a', cluster: { server: 'https://127.0.0.1:1' }, user: {}, context: { cluster: 'a', user: 'a' } };
    writeFileSync(kubeconfig, JSON.stringify({ clusters: [user], users: [user], contexts: [user], 'current-context': 'a' }));
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  const bootstrap = (out: string) => wasmlet(['bootstrap', '--kubeconfig', kubeconfig, '--out', out]);

  it('says at once that its file cannot be written', async () => {
    for (const [out, message] of [['/proc/nothing/here', /ENOENT/], ['/proc/here', /ENOENT/], [directory, /is there already, and no regular file/]] as const) {
      const { code, stderr } = await bootstrap(out);
      assert.equal(code, 1);
      assert.match(stderr, /^wasmlet: the bootstrap kubeconfig cannot be written: [^\n]+\n$/);
      assert.match(stderr, message);
    }
  });

  it('takes the place of no device', async () => {
    const link = path.join(directory, 'link');
    symlinkSync('/dev/null', link);
    assert.match((await bootstrap(link)).stderr, /no regular file/);
    assert.ok(statSync(link).isCharacterDevice());
    rmSync(link);
  });

  it('leaves no file without a token behind', async () => {
    const { code, stderr } = await bootstrap(path.join(directory, 'out'));
    assert.equal(code, 1);
    assert.match(stderr, /the API server https:\/\/127\.0\.0\.1:1 cannot be reached/);
    assert.deepEqual(readdirSync(directory), ['admin']);
  });
});
