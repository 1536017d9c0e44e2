#!/bin/sh
# Stands before the CUDA compiler (CMake's launcher) when a report is wanted: keeps what ptxas says of an object beside it,
# as OBJECT.ptxas, so that a build that compiles nothing anew can still be judged.
object=
previous=
for argument; do
  [ "$previous" = -o ] && object=$argument
  previous=$argument
done
[ -n "$object" ] || exec "$@"
"$@" 2>"$object.ptxas"
status=$?
grep -v -e '^ptxas info' -e '^    ' "$object.ptxas" >&2
exit $status
