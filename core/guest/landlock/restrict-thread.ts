import { closeSync, openSync, statSync } from 'node:fs';
import { pathOnly } from '../files/open-flags.ts';
import { withoutWarnings } from '../without-warnings.ts';
import { access, handledRights } from './landlock-rules.ts';
import type { LandlockRule } from './landlock-rules.ts';

/** Numbers that every architecture of Linux shares (asm-generic/unistd.h). */
const [createRuleset, addRule, restrictSelf] = [444n, 445n, 446n];
const askVersion = 1n;
const pathBeneath = 1n;
const noNewPrivileges = 38;
/** Rights that a rule for a file may name. */
const fileRights = access.execute | access.writeFile | access.readFile | access.truncate | access.ioctlDevice;

interface Kernel {
  /** A negative number is a refusal. */
  call(number: bigint, a: bigint, b: bigint, c: bigint, d: bigint): number;
  /** Of bytes that live as long as the call. */
  address(bytes: Buffer): bigint;
  prctl(option: number, value: bigint): number;
  /** Node warns of a descriptor that it did not open itself. */
  close(fd: number): void;
}

let loaded: Kernel | undefined | 'unknown' = 'unknown';

/** The version of Landlock's ABI that the kernel has, 0 where there is none or this Node cannot ask. */
export function landlockVersion(): number {
  const kernel = load();
  return kernel === undefined ? 0 : Math.max(0, kernel.call(createRuleset, 0n, 0n, askVersion, 0n));
}

/**
 * Bounds what the calling thread, and every thread that it makes, can open from now on; nothing lifts it. Threads made
 * before, libuv's pool among them, are not bound: synchronous calls are. What is open stays open, and a descriptor that only
 * names a path (O_PATH) can be had of anything: Landlock judges what is read and written, by its real place.
 * @param rules by `landlockRules` for `landlockVersion()`, which is not 0
 * @throws Error when the kernel refuses: then the thread must not run a guest
 */
export function restrictThread(rules: readonly LandlockRule[]): void {
  const kernel = load();
  if (kernel === undefined) throw new Error('this Node cannot ask for Landlock');
  const handled = Buffer.alloc(8);
  handled.writeBigUInt64LE(handledRights(landlockVersion()));
  const ruleset = kernel.call(createRuleset, kernel.address(handled), BigInt(handled.length), 0n, 0n);
  if (ruleset < 0) throw new Error('Landlock made no ruleset');
  try {
    for (const rule of rules) add(kernel, ruleset, rule);
    if (kernel.prctl(noNewPrivileges, 1n) !== 0 || kernel.call(restrictSelf, BigInt(ruleset), 0n, 0n, 0n) !== 0) throw new Error('Landlock did not restrict the thread');
  } finally {
    kernel.close(ruleset);
  }
}

function add(kernel: Kernel, ruleset: number, { path, rights, optional }: LandlockRule): void {
  let fd: number;
  try {
    fd = openSync(path, pathOnly);
  } catch (error) {
    if (optional && (error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  try {
    const rule = Buffer.alloc(12);
    rule.writeBigUInt64LE(statSync(`/proc/self/fd/${fd}`).isDirectory() ? rights : rights & fileRights);
    rule.writeInt32LE(fd, 8);
    if (kernel.call(addRule, BigInt(ruleset), pathBeneath, kernel.address(rule), 0n) !== 0) throw new Error(`Landlock took no rule for ${path}`);
  } finally {
    closeSync(fd);
  }
}

function load(): Kernel | undefined {
  if (loaded === 'unknown') loaded = loadKernel();
  return loaded;
}

function loadKernel(): Kernel | undefined {
  try {
    const ffi = withoutWarnings(() => process.getBuiltinModule('node:ffi'));
    const { functions } = ffi.dlopen(null, {
      syscall: { arguments: ['i64', 'i64', 'i64', 'i64', 'i64'], return: 'i64' },
      prctl: { arguments: ['i32', 'i64', 'i64', 'i64', 'i64'], return: 'i32' },
      close: { arguments: ['i32'], return: 'i32' },
    });
    const { syscall, prctl, close } = functions as unknown as {
      readonly syscall: (...args: bigint[]) => bigint;
      readonly prctl: (option: number, ...args: bigint[]) => number;
      readonly close: (fd: number) => number;
    };
    return {
      call: (...args) => Number(syscall(...args)),
      address: (bytes) => ffi.getRawPointer(bytes),
      prctl: (option, value) => prctl(option, value, 0n, 0n, 0n),
      close: (fd) => void close(fd),
    };
  } catch {
    // A Node without it: feature-detection's answer is 0.
    return undefined;
  }
}
