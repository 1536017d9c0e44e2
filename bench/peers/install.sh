#!/bin/sh
# Installs what `npm run bench:peers` compares with (Debian and Ubuntu; elsewhere any Python with PyTorch and NumPy, named by $PYTHON,
# and the libraries of oneDNN 2 and OpenBLAS where the linker finds them).
set -e
cd "$(dirname "$0")"
if command -v apt-get > /dev/null; then
  sudo=$([ "$(id -u)" = 0 ] || echo sudo)
  $sudo apt-get install -y --no-install-recommends python3-torch python3-numpy libdnnl2 libopenblas0-pthread
else
  "${PYTHON:-python3}" -m pip install torch numpy
fi
npm install --ignore-scripts --no-package-lock # of package.json here: TensorFlow.js, jax-js, ONNX Runtime
