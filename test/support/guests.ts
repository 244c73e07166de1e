/** Guests of the `plain` test runtime, in text form. */
const head = `
  (import "plain" "write" (func $write (param i32 i32 i32) (result i32)))
  (import "plain" "read" (func $read (param i32 i32) (result i32)))
  (import "plain" "sleep" (func $sleep (param i32) (result i32)))
  (import "plain" "exit" (func $exit (param i32)))
  (memory (export "memory") 1)`;

export const guests = {
  /** Says "hello" on both streams and exits with 7. */
  hello: `(module ${head}
    (data (i32.const 0) "hello\\nworld")
    (func (export "_start")
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 11)))
      (drop (call $write (i32.const 2) (i32.const 0) (i32.const 6)))
      (call $exit (i32.const 7))))`,
  /** Makes one host call and ends. */
  brief: `(module ${head} (func (export "_start") (drop (call $sleep (i32.const 0)))))`,
  /** Never calls anything. */
  spin: '(module (func (export "_start") (loop $again (br $again))))',
  /** Never gets to its entry. */
  spinInStart: '(module (func $begin (loop $again (br $again))) (func (export "_start")) (start $begin))',
  /** Says "hi", then loops. */
  busy: `(module ${head}
    (data (i32.const 0) "hi\\n")
    (func (export "_start") (drop (call $write (i32.const 1) (i32.const 0) (i32.const 3))) (loop $again (br $again))))`,
  /** Says "hi", then sleeps an hour. */
  sleep: `(module ${head}
    (data (i32.const 0) "hi\\n")
    (func (export "_start") (drop (call $write (i32.const 1) (i32.const 0) (i32.const 3))) (drop (call $sleep (i32.const 3600000)))))`,
  /** Says "oh", then traps. */
  trap: `(module ${head}
    (data (i32.const 0) "oh\\n")
    (func $crash unreachable)
    (func (export "_start") (drop (call $write (i32.const 1) (i32.const 0) (i32.const 3))) (call $crash)))`,
  /** Copies stdin to stdout. */
  cat: `(module ${head}
    (func (export "_start") (local $n i32)
      (loop $again
        (local.set $n (call $read (i32.const 0) (i32.const 1000)))
        (if (local.get $n) (then (drop (call $write (i32.const 1) (i32.const 0) (local.get $n))) (br $again))))))`,
  /** Writes 1,000 lines of 999 characters "a" and ends. */
  flood: `(module ${head}
    (func (export "_start") (local $n i32)
      (memory.fill (i32.const 0) (i32.const 97) (i32.const 999))
      (i32.store8 (i32.const 999) (i32.const 10))
      (loop $again
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1000)))
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br_if $again (i32.lt_u (local.get $n) (i32.const 1000))))))`,
  /** Grows its memory until that fails, then traps. */
  grow: `(module ${head}
    (func $run (export "_start") (loop $again (br_if $again (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) unreachable))`,
  /** Calls itself for ever. */
  recurse: '(module (func $deep (export "_start") (call $deep)))',
  /** Makes the adapter throw what is not the guest's. */
  bug: '(module (import "plain" "bug" (func $bug)) (func (export "_start") (call $bug)))',
  /** Makes the adapter take JavaScript heap without end. */
  hog: '(module (import "plain" "hog" (func $hog)) (func (export "_start") (call $hog)))',
  unknownModule: '(module (import "strange" "call" (func)) (func (export "_start")))',
  unknownFunction: '(module (import "plain" "strange" (func)) (func (export "_start")))',
  noEntry: '(module (func (export "main")))',
  /** Asks for 64 MiB from the beginning. */
  large: '(module (memory (export "memory") 1024) (func (export "_start")))',
} as const;
