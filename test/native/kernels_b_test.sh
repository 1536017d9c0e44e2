#!/bin/sh
# Builds and runs kernels_b_test.cc: sh test/native/kernels_b_test.sh [rounds] [seed]; EXTRA="-g -O1 -fsanitize=address,undefined" etc.
set -e
cd "$(dirname "$0")/../.."
out=${OUT:-build/kernels_b_test}
mkdir -p "$out"
CXX=${CXX:-g++}
common="-std=c++20 -O3 -ffp-contract=fast -fno-math-errno -fno-trapping-math -Wall -Wextra $EXTRA"
objects=
build() { # name flags source
  $CXX $common $2 -c "$3" -o "$out/$1.o"
  objects="$objects $out/$1.o"
}
for f in matmul conv conv_weight pool2d; do
  build "$f.base" "-DWG_ISA=base -fno-exceptions -fno-rtti -Wconversion" native/cpu/$f.cc
  if [ "$(uname -m)" = x86_64 ]; then
    build "$f.avx2" "-DWG_ISA=avx2 -mavx2 -mfma -mf16c -mbmi2 -fno-exceptions -fno-rtti -Wconversion" native/cpu/$f.cc
    build "$f.avx512" "-DWG_ISA=avx512 -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx2 -mfma -mf16c -mbmi2 -mprefer-vector-width=512 -fno-exceptions -fno-rtti -Wconversion" native/cpu/$f.cc
  fi
done
build pool "-Wconversion" native/cpu/pool.cc
build threads "-Wconversion" native/cpu/threads.cc
build test "" test/native/kernels_b_test.cc
$CXX $EXTRA $objects -o "$out/run" -pthread
"$out/run" "$@"
