import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { describeTest } from './test-description.ts';
import type { Operation } from './test-description.ts';
import { TestServers } from './test-servers.ts';

export interface RunOptions {
  /** `wasmlet`'s command line up to the subcommand's options. */
  readonly command: readonly string[];
  readonly scratch: string;
  readonly timeoutMilliseconds: number;
}

/** Carries a test of the suite out. Undefined when it passes, else what was wrong; `timeout` when it hangs. */
export async function runOperations(program: string, options: RunOptions): Promise<string | undefined> {
  const { service, servers: descriptions, operations } = describeTest(program);
  const servers = await TestServers.start(descriptions);
  const run = new TestRun(program, { ...options, command: service ? [...options.command, '--addr', '127.0.0.1:0'] : options.command, env: servers.env });
  const timer = setTimeout(() => run.fail('timeout'), options.timeoutMilliseconds);
  try {
    for (const operation of operations) await run.carryOut(operation);
    return undefined;
  } catch (error) {
    return run.failure ?? (error as Error).message;
  } finally {
    clearTimeout(timer);
    await run.end();
    servers.close();
  }
}

class TestRun {
  failure: string | undefined;
  readonly #program: string;
  readonly #options: RunOptions & { readonly env: Readonly<Record<string, string>> };
  readonly #directory: string;
  readonly #sockets = new Map<string, { readonly socket: Socket; readonly reader: ByteReader }>();
  #child: ChildProcessWithoutNullStreams | undefined;
  #exited: Promise<number | null> | undefined;
  #stdout: ByteReader | undefined;
  #stderr: ByteReader | undefined;
  #url: URL | undefined;

  constructor(program: string, options: RunOptions & { readonly env: Readonly<Record<string, string>> }) {
    this.#program = program;
    this.#options = options;
    this.#directory = mkdtempSync(path.join(options.scratch, 'run-'));
  }

  /** Ends whatever the test waits for. */
  fail(failure: string): void {
    this.failure = failure;
    this.#child?.kill('SIGKILL');
    for (const { socket } of this.#sockets.values()) socket.destroy();
  }

  async end(): Promise<void> {
    this.#child?.kill('SIGKILL');
    await this.#exited;
    for (const { socket } of this.#sockets.values()) socket.destroy();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async carryOut(operation: Operation): Promise<void> {
    switch (operation.type) {
      case 'run':
        return this.#run(operation);
      case 'read':
        return this.#expect(operation.id ?? 'stdout', operation.payload ?? '', await (operation.id === 'stderr' ? this.#stderr! : this.#stdout!).read(Buffer.byteLength(operation.payload ?? '')));
      case 'write':
        this.#child!.stdin.write(operation.payload ?? '');
        return undefined;
      case 'connect':
        return this.#connect(operation.id);
      case 'send':
        this.#sockets.get(operation.id)!.socket.write(operation.payload ?? '');
        return undefined;
      case 'recv':
        return this.#expect('received', operation.payload ?? '', await this.#sockets.get(operation.id)!.reader.read(Buffer.byteLength(operation.payload ?? '')));
      case 'request':
        return this.#request(operation);
      case 'kill':
        this.#child!.kill(operation.signal ?? 'SIGTERM');
        return undefined;
      case 'wait':
        this.#child!.stdin.end();
        return this.#expect('exit code', operation.exit_code ?? 0, await this.#exited);
    }
  }

  #run({ args = [], env = {}, root }: Extract<Operation, { type: 'run' }>): void {
    const options = Object.entries({ ...env, ...this.#options.env }).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
    if (root !== undefined) {
      const copy = path.join(this.#directory, 'root');
      cpSync(path.join(path.dirname(this.#program), root), copy, { recursive: true, verbatimSymlinks: true });
      options.push('--dir', `${copy}::/`);
    }
    const [file = '', ...before] = this.#options.command;
    const child = spawn(file, [...before, ...options, this.#program, ...args], { stdio: 'pipe' });
    child.stdin.on('error', () => {}); // A guest may end without reading it.
    this.#child = child;
    this.#exited = new Promise((resolve) => child.on('close', resolve));
    [this.#stdout, this.#stderr] = [new ByteReader(child.stdout), new ByteReader(child.stderr)];
  }

  async #connect(id: string): Promise<void> {
    const address = /^(.*):(\d+)$/.exec(await this.#stdout!.line());
    if (address === null) throw new Error('no address on the first line of stdout');
    const socket = connect(Number(address[2]), address[1]);
    await once(socket, 'connect');
    this.#sockets.set(id, { socket, reader: new ByteReader(socket) });
  }

  async #request({ method = 'GET', path: target = '/', headers = {}, body = '', response: expected = {} }: Extract<Operation, { type: 'request' }>): Promise<void> {
    this.#url ??= new URL(/http:\S+/.exec(await this.#stderr!.line())?.[0] ?? '');
    const sending = request(new URL(this.#url), { method, path: target, headers: { ...headers, ...(body === '' ? {} : { 'Content-Length': Buffer.byteLength(body) }) }, agent: false });
    sending.end(body);
    const [message] = (await once(sending, 'response')) as [IncomingMessage];
    const received = Buffer.concat(await Array.fromAsync(message as AsyncIterable<Buffer>)).toString();
    this.#expect(`status of ${target}`, expected.status ?? 200, message.statusCode);
    for (const [name, value] of Object.entries(expected.headers ?? {})) this.#expect(name, value, message.headers[name.toLowerCase()]);
    this.#expect('body', expected.body ?? '', received);
  }

  #expect(what: string, expected: unknown, actual: unknown): void {
    if (actual !== expected) throw new Error(`${what}: ${JSON.stringify(actual)} in place of ${JSON.stringify(expected)}; ${this.#stderr?.seen.slice(0, 300) ?? ''}`);
  }
}

/** Reads exact numbers of bytes, and lines. */
class ByteReader {
  #bytes = Buffer.alloc(0);
  #all = '';
  #ended = false;
  #more = Promise.withResolvers<void>();

  constructor(stream: Readable) {
    const wake = (): void => {
      this.#more.resolve();
      this.#more = Promise.withResolvers();
    };
    stream.on('data', (bytes: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, bytes]);
      this.#all += bytes.toString();
      wake();
    });
    for (const event of ['end', 'error', 'close']) stream.on(event, () => {
      this.#ended = true;
      wake();
    });
  }

  get seen(): string {
    return this.#all;
  }

  async read(length: number): Promise<string> {
    while (this.#bytes.length < length && !this.#ended) await this.#more.promise;
    const taken = this.#bytes.subarray(0, length);
    this.#bytes = this.#bytes.subarray(length);
    return taken.toString();
  }

  async line(): Promise<string> {
    while (!this.#bytes.includes('\n') && !this.#ended) await this.#more.promise;
    return (await this.read(this.#bytes.indexOf('\n') + 1)).trim();
  }
}
