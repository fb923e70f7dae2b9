#!/bin/sh
# SPDX-License-Identifier: MIT
# modules.sh STAMP FOLDER FILE...: installs what package.json names into FOLDER/node_modules.
set -eu
stamp=$1 folder=$2
shift 2
mkdir -p "$folder"
cp "$@" "$folder"
(cd "$folder" && npm ci --ignore-scripts --loglevel=error >&2)
: >"$stamp"
