/** Servers as Go's and Rust's own libraries make them, on the container's listener. Built here, where there is a compiler. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Artifact } from '../../../core/api/artifact.ts';
import { everythingFrom, SocketBed, socketFixtures } from '../../support/socket-bed.ts';
import { artifactOf } from '../../support/wat.ts';

interface Language {
  /** Undefined: it can be built here. */
  readonly missing: string | undefined;
  build(output: string): void;
}

function answerOf(command: string, args: readonly string[]): string | undefined {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined;
  }
}

/** Distributions name the target by its old name, and their compiler may stand behind another one. */
function findRust(): { readonly compiler: string; readonly target: string } | undefined {
  for (const compiler of ['rustc', '/usr/bin/rustc']) {
    for (const target of ['wasm32-wasip1', 'wasm32-wasi']) {
      const libraries = answerOf(compiler, ['--print', 'target-libdir', '--target', target]);
      if (libraries !== undefined && existsSync(libraries)) return { compiler, target };
    }
  }
  return undefined;
}

const rust = findRust();

const languages: Readonly<Record<string, Language>> = {
  Go: {
    missing: answerOf('go', ['version']) === undefined ? 'there is no go on this machine' : undefined,
    build: (output) => void execFileSync('go', ['build', '-C', path.join(socketFixtures, 'go'), '-o', output, '.'], { env: { ...process.env, GOOS: 'wasip1', GOARCH: 'wasm', GOFLAGS: '-buildvcs=false' } }),
  },
  Rust: {
    missing: rust === undefined ? 'there is no rustc with a WASI target on this machine' : undefined,
    build: (output) => void execFileSync(rust!.compiler, ['--target', rust!.target, '-C', 'opt-level=s', '-o', output, path.join(socketFixtures, 'rust/main.rs')]),
  },
};

for (const [language, { missing, build }] of Object.entries(languages)) {
  describe(`a server written in ${language}`, { skip: missing ?? false }, () => {
    let directory: string;
    let artifact: Artifact;
    before(async () => {
      directory = await mkdtemp(path.join(os.tmpdir(), 'wasmlet-languages-'));
      const output = path.join(directory, 'echo.wasm');
      build(output);
      artifact = await artifactOf(directory, 'echo.wasm', await readFile(output));
    });
    after(() => rm(directory, { recursive: true, force: true }));

    for (const runtime of ['wasi', 'node-wasi', 'wasmer']) {
      it(`serves on the runtime ${runtime}`, async () => {
        const sockets = await SocketBed.create(runtime);
        try {
          const { id, port } = await sockets.serve(artifact, ['5']);
          const texts = ['one', 'two', 'three', 'four', 'x'.repeat(1_000_000)];
          const answers = texts.map(async (text) => {
            const client = await sockets.connect(port);
            client.end(text);
            return String(await everythingFrom(client));
          });
          assert.deepEqual(await Promise.all(answers), texts);
          assert.deepEqual((await sockets.bed.ended(id)).exit, { code: 0, reason: 'Completed' });
        } finally {
          await sockets.close();
        }
      });
    }
  });
}
