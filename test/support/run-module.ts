/**
 * `run-module.ts --runtime NAME [--env K=V]… [--dir HOST::GUEST[:ro]]… FILE ARGS…`: runs one core module on a runtime in this
 * process, without an engine. Standard streams and the exit code pass through; a trap is 134.
 */
import { readFileSync, readSync, writeSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { RuntimeThread } from '../../core/api/runtime.ts';
import type { GuestStdio } from '../../core/guest/host.ts';
import { TestGuestHost } from './guest-host.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runtime: { type: 'string', default: 'wasi' },
    env: { type: 'string', multiple: true, default: [] },
    dir: { type: 'string', multiple: true, default: [] },
  },
  args: optionsFirst(process.argv.slice(2)),
});
const [file, ...rest] = positionals;
if (file === undefined) throw new Error('no module named');

const mounts = values.dir.map((text) => {
  const [hostPath = '', guest = ''] = text.split('::');
  const readOnly = guest.endsWith(':ro');
  return { hostPath, guestPath: readOnly ? guest.slice(0, -3) : guest, readOnly };
});
const host = new TestGuestHost({
  mounts,
  descriptors: 256,
  onOutput(stream, bytes) {
    for (let done = 0; done < bytes.length; ) done += writeSync(stream, bytes, done);
  },
});
Object.assign(host.stdio, { read: (target) => readSync(0, target), readable: () => 1 } satisfies Partial<GuestStdio>);

const runtime = (await import(`../../runtimes/${values.runtime}/thread.ts`)) as RuntimeThread;
const exit = await runtime.start(
  {
    containerId: 'test',
    argv: [file, ...rest],
    env: values.env.map((text): [string, string] => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)]),
    cwd: '/',
    isolation: 'dedicated',
    tty: false,
    modules: { main: new WebAssembly.Module(readFileSync(file)) },
  },
  host,
);
if (exit.kind === 'exit') process.exitCode = exit.code;
else {
  process.stderr.write(`${exit.kind}: ${exit.message}\n`);
  process.exitCode = exit.kind === 'start-error' ? 128 : 134;
}

/** Everything after the module's name is the guest's. */
function optionsFirst(args: readonly string[]): string[] {
  let index = 0;
  while (args[index]?.startsWith('--') === true) index += 2;
  return [...args.slice(0, index), '--', ...args.slice(index)];
}
