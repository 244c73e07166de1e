/** Guests of WASI preview 1, in text form, for whole nodes. Volumes, where they want one, are their first preopened directory (fd 3). */
import { wat } from './wat.ts';

const head = `
  (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "ready\\n")
  (data (i32.const 8) "ticks")
  (data (i32.const 16) ".")
  ;; vectors: "ready" at 24, "." at 32
  (data (i32.const 24) "\\00\\00\\00\\00\\06\\00\\00\\00")
  (data (i32.const 32) "\\10\\00\\00\\00\\01\\00\\00\\00")
  (func $ready (drop (call $write (i32.const 1) (i32.const 24) (i32.const 1) (i32.const 64))))
  ;; A relative subscription to the monotonic clock.
  (func $sleep (param $nanoseconds i64)
    (i32.store (i32.const 144) (i32.const 1))
    (i64.store (i32.const 152) (local.get $nanoseconds))
    (drop (call $poll (i32.const 128) (i32.const 256) (i32.const 1) (i32.const 64))))
  ;; Opens a file of the volume for appending, making it (O_CREAT, FDFLAGS_APPEND, the right to write); 99 when it cannot.
  (func $append (param $name i32) (param $length i32) (result i32)
    (if (call $open (i32.const 3) (i32.const 0) (local.get $name) (local.get $length) (i32.const 1) (i64.const 64) (i64.const 0) (i32.const 1) (i32.const 72))
      (then (call $exit (i32.const 99))))
    (i32.load (i32.const 72)))`;

const main = (body: string): string => `(module ${head} (func $crash unreachable) (func (export "_start") (local $n i32) (local $fd i32) (call $ready) ${body}))`;

const text = {
  /** Says "ready" and ends. */
  brief: main(''),
  /** Says "ready" and sleeps an hour. */
  sleep: main('(call $sleep (i64.const 3600000000000))'),
  /** Says "ready" and loops for ever. */
  spin: main('(loop $again (br $again))'),
  /** Says "ready" and traps. */
  trap: main('(call $crash)'),
  /** Appends a dot to the volume's file "ticks" every 20 ms. */
  tick: main(`(local.set $fd (call $append (i32.const 8) (i32.const 5)))
    (loop $again
      (drop (call $write (local.get $fd) (i32.const 32) (i32.const 1) (i32.const 64)))
      (call $sleep (i64.const 20000000))
      (br $again))`),
  /** Appends its first argument, 36 characters (a UID), and a line feed to the volume's file "ticks"; lives 300 ms longer. */
  sign: main(`(drop (call $args (i32.const 1024) (i32.const 2048)))
    (local.set $fd (call $append (i32.const 8) (i32.const 5)))
    (local.set $n (i32.load (i32.const 1028)))
    (i32.store8 (i32.add (local.get $n) (i32.const 36)) (i32.const 10))
    (i32.store (i32.const 512) (local.get $n)) (i32.store (i32.const 516) (i32.const 37))
    (drop (call $write (local.get $fd) (i32.const 512) (i32.const 1) (i32.const 64)))
    (call $sleep (i64.const 300000000))`),
  /** Grows its memory until that fails, then traps. */
  grow: main('(loop $again (br_if $again (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) (call $crash)'),
  /** Asks for 64 MiB from the beginning. */
  large: '(module (memory (export "memory") 1024) (func (export "_start")))',
  'unknown-import': '(module (import "wasi_snapshot_preview1" "not_there" (func)) (memory (export "memory") 1) (func (export "_start")))',
  'no-entry': '(module (memory (export "memory") 1) (func (export "main")))',
} as const;

/** The names of the guests. */
export type Preview1Guest = keyof typeof text;
export const preview1Guests = Object.keys(text) as readonly Preview1Guest[];

export function preview1Guest(name: Preview1Guest): Uint8Array {
  return wat(text[name]);
}
