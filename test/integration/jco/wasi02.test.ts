/**
 * WASI 0.2, interface by interface, through the engine: guests of test/fixtures/wasi02, each case on a thread of its own. What is expected
 * was recorded from wasmtime (wasmtime.json), or for sockets read from WIT (expected.json); where these hosts answer otherwise, wasi02-differences.ts says so and why.
 */
import assert from 'node:assert/strict';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import cases from '../../fixtures/wasi02/cases.json' with { type: 'json' };
import byWit from '../../fixtures/wasi02/expected.json' with { type: 'json' };
import recorded from '../../fixtures/wasi02/wasmtime.json' with { type: 'json' };
import { startEchoServer } from '../../fixtures/wasi02/echo-server.ts';
import { startHttpServer } from '../../fixtures/wasi02/http-server.ts';
import { JcoBed } from './jco-bed.ts';
import { differences } from './wasi02-differences.ts';

interface Case {
  readonly guest: string;
  readonly case: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly links?: Readonly<Record<string, string>>;
}

interface Recorded {
  readonly exit: number;
  readonly stdout?: string;
  readonly stderr?: string;
}

let bed: JcoBed;
let echo: Awaited<ReturnType<typeof startEchoServer>>;
let http: Awaited<ReturnType<typeof startHttpServer>>;
before(async () => {
  bed = await JcoBed.create({ network: { allow: ['127.0.0.1'] } });
  http = await startHttpServer();
  echo = await startEchoServer();
});
after(async () => {
  await bed.close();
  echo.close();
  http.server.closeAllConnections();
  http.server.close();
});

for (const entry of cases as readonly Case[]) {
  const name = `${entry.guest} ${entry.case}`;
  test(name, async () => {
    const directory = path.join(bed.directory, name.replaceAll(' ', '-'));
    const [data, ro] = [path.join(directory, 'data'), path.join(directory, 'ro')];
    await mkdir(data, { recursive: true });
    await mkdir(path.join(ro, 'directory'), { recursive: true });
    await writeFile(path.join(ro, 'given'), 'given');
    for (const [file, text] of Object.entries(entry.files ?? {})) await writeFile(path.join(data, file), text);
    for (const [link, target] of Object.entries(entry.links ?? {})) await symlink(target, path.join(data, link));

    const ended = await bed.run(entry.guest, {
      argv: ['guest', entry.case, ...(entry.args ?? []).map((arg) => arg.replace('$HTTP', `127.0.0.1:${http.port}`).replace('$ECHO', String(echo.port)))],
      env: Object.entries(entry.env ?? {}),
      mounts: [{ guestPath: '/data', hostPath: data, readOnly: false }, { guestPath: '/ro', hostPath: ro, readOnly: true }],
      ...(entry.stdin === undefined ? {} : { stdin: entry.stdin }),
    });
    const expected: Recorded = (({ ...recorded, ...byWit }) as Readonly<Record<string, Recorded>>)[name]!;
    const { exit = expected.exit, replace = {}, stdout } = differences[name] ?? {};
    const lines = stdout ?? (expected.stdout ?? '').split('\n').map((line) => replace[line] ?? line).join('\n');
    assert.deepEqual({ stdout: ended.stdout.split("\n"), stderr: ended.stderr, exit: ended.exit.code }, { stdout: lines.split("\n"), stderr: expected.stderr ?? '', exit });
  });
}
