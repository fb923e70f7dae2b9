#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes the static library: all layers as one relocatable object in which only the symbols of the
# map are global, so that no internal name can clash with a user's.
#
#   merge-static.sh OUTPUT MAP ARCHIVE...        CC, AR and OBJCOPY from the environment
set -eu
output=$1
map=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
sed -n 's/^ *\(shale_[a-z0-9_]*\);.*/\1/p' "$map" >"$work/symbols"
# Words of CC are separate arguments: "ccache gcc". gcc must turn LTO code into machine code here.
# shellcheck disable=SC2086
case $($CC --version) in
*clang*) lto= ;;
*) lto=-flinker-output=nolto-rel ;;
esac
# shellcheck disable=SC2086
$CC -r -nostdlib $lto -o "$work/shale.o" -Wl,--whole-archive "$@"
$OBJCOPY --keep-global-symbols="$work/symbols" "$work/shale.o"
rm -f "$output"
$AR rcs "$output" "$work/shale.o"
