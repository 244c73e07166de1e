import { existsSync, readFileSync } from 'node:fs';

/** A server that a test of `wasi:http/client` talks to. `closed`: nobody listens there. */
export interface ServerDescription {
  readonly name: string;
  readonly kind?: 'closed';
  readonly endpoints?: readonly {
    readonly method?: string;
    readonly path?: string;
    readonly mode?: 'echo-body' | 'echo-headers';
    readonly response?: {
      readonly status?: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
      readonly chunks?: readonly string[];
      readonly trailers?: Readonly<Record<string, string>>;
    };
  }[];
}

/** One step of a test, in the suite's words (doc/specification.md of WebAssembly/wasi-testsuite). */
export type Operation =
  | { readonly type: 'run'; readonly args?: readonly string[]; readonly env?: Readonly<Record<string, string>>; readonly root?: string }
  | { readonly type: 'read'; readonly id?: 'stdout' | 'stderr'; readonly payload?: string }
  | { readonly type: 'write'; readonly id?: 'stdin'; readonly payload?: string }
  /** To the address that is the first line of stdout. */
  | { readonly type: 'connect'; readonly id: string; readonly protocol_type?: 'tcp' }
  | { readonly type: 'send'; readonly id: string; readonly payload?: string }
  | { readonly type: 'recv'; readonly id: string; readonly payload?: string }
  | {
      readonly type: 'request';
      readonly method?: string;
      readonly path?: string;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
      readonly response?: { readonly status?: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string };
    }
  | { readonly type: 'kill'; readonly signal?: NodeJS.Signals }
  | { readonly type: 'wait'; readonly exit_code?: number };

export interface TestDescription {
  /** True: it is served, not run. */
  readonly service: boolean;
  readonly servers: readonly ServerDescription[];
  readonly operations: readonly Operation[];
}

/** The older form: what goes in and what must come out. */
interface Expectation {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Directory beside the module that the guest sees as `/`. */
  readonly root?: string;
  readonly stdout?: string;
  readonly stderr?: string;
  readonly exit_code?: number;
}

/** What stands in the JSON file beside a test's program; without one it must run and end with 0. */
export function describeTest(program: string): TestDescription {
  const file = program.replace(/\.wasm$/, '.json');
  const described = (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}) as Expectation & Partial<TestDescription> & { readonly world?: string };
  const { servers = [], operations } = described;
  const service = described.world === 'wasi:http/service';
  if (operations !== undefined) return { service, servers, operations };
  const { args = [], env = {}, root, stdout, stderr, exit_code = 0 } = described;
  const reads = [['stdout', stdout] as const, ['stderr', stderr] as const].flatMap(([id, payload]): Operation[] => (payload === undefined ? [] : [{ type: 'read', id, payload }]));
  return { service, servers, operations: [{ type: 'run', args, env, ...(root === undefined ? {} : { root }) }, ...reads, { type: 'wait', exit_code }] };
}
