#!/bin/sh
# Makes hello.wasm (WASI preview 1, a core module) and hello.component.wasm (WASI 0.2, a component) from hello.c.
# Both are committed, so nobody needs these tools to use them. Made with Debian 12's clang 14, lld 14, wasi-libc and
# libclang-rt-14-dev-wasm32 (apt install clang lld wasi-libc libclang-rt-dev-wasm32), and with the adapter
# lib/wasi_snapshot_preview1.command.wasm of the npm package @bytecodealliance/jco 1.35.0.
# usage: build.sh [ADAPTER]
set -eu
cd "$(dirname "$0")"

compile() {
  clang --target=wasm32-wasi --sysroot=/usr -Os -Wall -Wextra -Werror -Wl,--strip-all "$@"
}

compile -o hello.wasm hello.c

if [ $# -eq 1 ]; then
  module=$(mktemp)
  trap 'rm -f "$module"' EXIT
  compile -o "$module" hello.c component-realloc.c
  ../../node_modules/.bin/node componentize.js "$module" "$1" hello.component.wasm
else
  echo 'no adapter given: hello.component.wasm is left as it is' >&2
fi
chmod 644 -- *.wasm
ls -l -- *.wasm
