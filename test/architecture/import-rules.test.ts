import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';

const root = path.dirname(path.dirname(import.meta.dirname));

function cruise(cwd: string): { code: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(root, 'node_modules/.bin/depcruise'), '--config', '.dependency-cruiser.cjs', 'bin', 'core', 'runtimes', 'plugins'], { cwd, encoding: 'utf8' });
  return { code: status, output: stdout + stderr };
}

describe('import rules', () => {
  let copy: string;
  before(() => {
    copy = mkdtempSync(path.join(os.tmpdir(), 'wasmlet-rules-'));
    for (const part of ['bin', 'core', 'runtimes', 'plugins', '.dependency-cruiser.cjs', 'tsconfig.json', 'package.json']) cpSync(path.join(root, part), path.join(copy, part), { recursive: true });
    symlinkSync(path.join(root, 'node_modules'), path.join(copy, 'node_modules'));
  });
  after(() => rmSync(copy, { recursive: true, force: true }));

  it('hold in this house', () => {
    const { code, output } = cruise(root);
    assert.equal(code, 0, output);
  });
  it('find planted breaches', () => {
    const breaches: Record<string, string> = {
      'core/pod/planted.ts': "import { readFileSync } from 'node:fs';\nexport const planted = readFileSync;\n",
      'core/api/planted.ts': "import { KubeConfig } from '@kubernetes/client-node';\nexport const planted = KubeConfig;\n",
      'core/image/planted.ts': "import { Subject } from 'rxjs';\nexport const planted = Subject;\n",
      'core/server/planted.ts': "import { Piscina } from 'piscina';\nexport const planted = Piscina;\n",
      'runtimes/wasi/planted.ts': "import { init } from '@wasmer/wasi';\nexport const planted = init;\n",
    };
    for (const [file, text] of Object.entries(breaches)) {
      mkdirSync(path.dirname(path.join(copy, file)), { recursive: true });
      writeFileSync(path.join(copy, file), text);
    }
    const { code, output } = cruise(copy);
    assert.notEqual(code, 0);
    for (const rule of ['pure-pod', 'api-client-node-type-only', 'rxjs-on-the-spine-only', 'piscina-in-threads', 'wasmer-in-its-runtime']) assert.match(output, new RegExp(rule), `${rule} did not fire`);
  });
});
