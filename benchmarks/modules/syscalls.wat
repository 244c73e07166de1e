;; Each export makes one host call of preview 1 so many times. Descriptor 3 is a directory with a file "file".
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_seek" (func $fd_seek (param i32 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock_time_get (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (memory (export "memory") 1)
  ;; 0: an iovec of 80 bytes at 128. 16: results. 256: a subscription to the monotonic clock, due at once. 512: "file". 1024: events.
  (data (i32.const 0) "\80\00\00\00\50\00\00\00")
  (data (i32.const 128) "0123456789012345678901234567890123456789012345678901234567890123456789012345678\n")
  (data (i32.const 272) "\01\00\00\00")
  (data (i32.const 512) "file")
  (func $check (param i32)
    (if (local.get 0) (then unreachable)))
  (func (export "_start"))
  (func (export "fd_write") (param $n i32)
    (loop $again
      (call $check (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  (func (export "clock_time_get monotonic") (param $n i32)
    (loop $again
      (call $check (call $clock_time_get (i32.const 1) (i64.const 0) (i32.const 16)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  (func (export "clock_time_get realtime") (param $n i32)
    (loop $again
      (call $check (call $clock_time_get (i32.const 0) (i64.const 0) (i32.const 16)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  (func (export "random_get") (param $n i32)
    (loop $again
      (call $check (call $random_get (i32.const 2048) (i32.const 16)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  (func (export "poll_oneoff") (param $n i32)
    (loop $again
      (call $check (call $poll_oneoff (i32.const 256) (i32.const 1024) (i32.const 1) (i32.const 16)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  (func (export "path_open") (param $n i32)
    (loop $again
      (call $check (call $path_open (i32.const 3) (i32.const 0) (i32.const 512) (i32.const 4) (i32.const 0) (i64.const 6) (i64.const 0) (i32.const 0) (i32.const 16)))
      (call $check (call $fd_close (i32.load (i32.const 16))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  ;; Reading 80 bytes from the file's beginning: a seek and a read.
  (func (export "fd_seek, fd_read") (param $n i32)
    (local $file i32)
    (call $check (call $path_open (i32.const 3) (i32.const 0) (i32.const 512) (i32.const 4) (i32.const 0) (i64.const 6) (i64.const 0) (i32.const 0) (i32.const 16)))
    (local.set $file (i32.load (i32.const 16)))
    (loop $again
      (call $check (call $fd_seek (local.get $file) (i64.const 0) (i32.const 0) (i32.const 16)))
      (call $check (call $fd_read (local.get $file) (i32.const 0) (i32.const 1) (i32.const 16)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (call $check (call $fd_close (local.get $file)))))
