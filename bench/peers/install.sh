#!/bin/sh
# Installs what `npm run bench:peers` compares with (Debian and Ubuntu; elsewhere any Python with PyTorch, named by $PYTHON).
set -e
if command -v apt-get > /dev/null; then
  sudo=$([ "$(id -u)" = 0 ] || echo sudo)
  $sudo apt-get install -y --no-install-recommends python3-torch python3-numpy
else
  "${PYTHON:-python3}" -m pip install torch numpy
fi
