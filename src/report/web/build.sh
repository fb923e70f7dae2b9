#!/bin/sh
# SPDX-License-Identifier: MIT
# build.sh OUTPUT FOLDER required|wanted|off: the dashboard as one HTML file. FOLDER is for npm.
# Where it is only wanted and cannot be built, the file is empty and the program says why.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
output=$PWD/$1 folder=$2 need=$3

give_up() {
    [ "$need" != required ] || exit 1
    [ "$need" = off ] || echo "The HTML dashboard is left out: $1." >&2
    : >"$output"
    exit 0
}

[ "$need" != off ] || give_up "no npm"
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
if ! cmp -s "$here/package-lock.json" "$folder/installed"; then
    rm -f "$folder/installed"
    cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$folder"
    (cd "$folder" && npm ci --ignore-scripts --loglevel=error >&2) || give_up "npm ci failed"
    cp "$here/package-lock.json" "$folder/installed"
fi
node "$here/build.mjs" "$folder" "$output" || give_up "esbuild failed"
