/** Guests in text form that the suite's files share. Those that attack stand in the files that run them. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { wat } from '../../support/wat.ts';

/** `fixtures/attacker.c`: does to the file system what its arguments say. */
export const attacker: Uint8Array = readFileSync(path.join(import.meta.dirname, '../fixtures/attacker.wasm'));

/** Imports and helpers: `$write` to stdout of length bytes, `$sleep` in nanoseconds, `$exit`. Memory below 1024 is the helpers'. */
export const head = (memory = '1'): string => `
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") ${memory})
  (data (i32.const 512) "ready\\n")
  (func $write (param $fd i32) (param $at i32) (param $length i32)
    (i32.store (i32.const 0) (local.get $at)) (i32.store (i32.const 4) (local.get $length))
    (drop (call $fd_write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func $ready (call $write (i32.const 1) (i32.const 512) (i32.const 6)))
  (func $sleep (param $nanoseconds i64)
    (i32.store (i32.const 144) (i32.const 1)) (i64.store (i32.const 152) (local.get $nanoseconds))
    (drop (call $poll (i32.const 128) (i32.const 256) (i32.const 1) (i32.const 16))))`;

/** A module with `head` whose `_start` says "ready" and goes on with the body. */
export function guest(body: string, { locals = '', functions = '', memory = '1' } = {}): Uint8Array {
  return wat(`(module ${head(memory)} ${functions} (func (export "_start") (local $n i32) ${locals} (call $ready) ${body}))`);
}

/** Writes the monotonic clock, 8 bytes, to the volume's file "ticks" every 10 ms. */
export const victim: Uint8Array = wat(`(module ${head()}
  (data (i32.const 520) "ticks")
  (func (export "_start") (local $fd i32)
    (if (call $open (i32.const 3) (i32.const 0) (i32.const 520) (i32.const 5) (i32.const 1) (i64.const 64) (i64.const 0) (i32.const 1) (i32.const 20)) (then unreachable))
    (local.set $fd (i32.load (i32.const 20)))
    (call $ready)
    (loop $again
      (drop (call $clock (i32.const 1) (i64.const 0) (i32.const 32)))
      (call $write (local.get $fd) (i32.const 32) (i32.const 8))
      (call $sleep (i64.const 10000000))
      (br $again))))`);

/** Says "ready" and ends. */
export const harmless: Uint8Array = guest('');
