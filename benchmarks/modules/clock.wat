;; Asks for the time, writes it to stdout as it got it, eight bytes, and sleeps an hour.
(module
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock_time_get (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    ;; The monotonic clock (id 1), to 208.
    (if (call $clock_time_get (i32.const 1) (i64.const 0) (i32.const 208)) (then unreachable))
    ;; One piece of output: eight bytes at 208.
    (i32.store (i32.const 192) (i32.const 208))
    (i32.store (i32.const 196) (i32.const 8))
    (if (call $fd_write (i32.const 1) (i32.const 192) (i32.const 1) (i32.const 128)) (then unreachable))
    ;; One subscription at 0: clock (tag 0), monotonic (id 1), timeout in nanoseconds, relative.
    (i32.store (i32.const 16) (i32.const 1))
    (i64.store (i32.const 24) (i64.const 3600000000000))
    ;; The event goes to 64, the number of events to 128.
    (if (call $poll_oneoff (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)) (then unreachable))))
