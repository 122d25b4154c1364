#!/usr/bin/env bash
# Builds what the scripts here compare, stripped, into a folder:  tests/peers/build.sh BIN
#
# `kindling`, `epoch_times`, `pruners` and `parity` (the flagship objective's tests), on the libtorch of the Python environment that is active.
set -euo pipefail
mkdir -p "$1"
bin="$(realpath "$1")"
cd "$(dirname "$0")/../.."
export LIBTORCH_USE_PYTORCH=1
flags=(--release --locked --workspace --features tch)
cargo build "${flags[@]}" --bins --examples
# The line of each test program ends with its path in brackets.
parity="$(cargo test "${flags[@]}" --lib --no-run 2>&1 | tee /dev/stderr | sed -n 's/.*(\(.*kindling_mnist_cnn-[0-9a-f]*\))$/\1/p')"
target="$(dirname "$(dirname "$parity")")"
for program in "$target/kindling" "$target/examples/epoch_times" "$target/examples/pruners"; do
    strip -o "$bin/$(basename "$program")" "$program"
done
strip -o "$bin/parity" "$parity"
ls -l "$bin"
