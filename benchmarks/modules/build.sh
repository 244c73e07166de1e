#!/bin/sh
# Rebuilds kernels.wasm beside its source. Needs clang with the wasm32 target and wasm-ld.
set -eu
cd "$(dirname "$0")"
clang --target=wasm32 -O2 -ffreestanding -nostdlib -Wall -Wextra -Wl,--no-entry -Wl,--strip-all -Wl,-z,stack-size=65536 -o kernels.wasm kernels.c
