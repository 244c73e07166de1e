import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ModuleInspection } from '../../../../core/api/artifact.ts';
import type { Accepts, RuntimeManifest } from '../../../../core/api/runtime.ts';
import { refuseUnknownImports } from '../../../../core/engine/prepare/unknown-imports.ts';

const importing = (...names: string[]): ModuleInspection => ({
  kind: 'module', exports: [], memories: [], start: false, gc: false,
  imports: names.map((name) => ({ module: name.split('.')[0]!, name: name.split('.')[1]!, kind: 'func' })),
});
const runtime = (...accepts: Accepts[]): RuntimeManifest => ({ name: 'r', accepts, isolation: ['dedicated'], thread: './thread.js' });

describe('imports that no thread needs to see', () => {
  it('pass when the runtime declares their modules', () => {
    refuseUnknownImports(importing('a.x', 'a.y'), runtime({ kind: 'module', imports: ['a'] }));
    refuseUnknownImports(importing(), runtime({ kind: 'module', imports: [] }));
  });

  it('are refused by name', () => {
    assert.throws(() => refuseUnknownImports(importing('a.x', 'b.y'), runtime({ kind: 'module', imports: ['a'] })), { code: 'IMPORT_UNKNOWN', message: /b\.y/ });
    assert.throws(() => refuseUnknownImports(importing('a.x'), runtime({ kind: 'module', imports: ['a'], except: ['a.x'] })), { code: 'IMPORT_UNKNOWN', message: /a\.x/ });
  });

  it('must be in one and the same set', () => {
    assert.throws(() => refuseUnknownImports(importing('a.x', 'b.y'), runtime({ kind: 'module', imports: ['a'] }, { kind: 'module', imports: ['b'] })), { code: 'IMPORT_UNKNOWN' });
  });
});
