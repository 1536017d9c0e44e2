#!/bin/sh
# Unpacks what `npm run gpu:pack` packed beside this file, builds with CMake and nvcc, and runs tools/gpu/verify.mjs with the
# Node that came along; `bench` runs bench/gpu instead. Everything stays under this folder.
set -e
cd "$(dirname "$0")"
if [ ! -x run/node ]; then
  mkdir -p run
  tar -C run -xzf files.tar.gz
  gzip -dc node.gz > run/node
  chmod +x run/node
fi
cd run
PATH="$PWD:$PATH:/usr/local/cuda/bin"
export PATH
if [ "$1" = bench ]; then
  shift
  node tools/build-native.mjs
  case "$*" in *cuda-emu*) node tools/build-native.mjs --emu ;; *) node tools/build-native.mjs --cuda ;; esac
  exec node .test/bench/gpu/run.js "$@"
fi
exec node tools/gpu/verify.mjs "$@"
