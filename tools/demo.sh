#!/bin/sh
# SPDX-License-Identifier: MIT
# demo.sh: what allocators do to two real programs, sqlite3 building an index and python3 making
# objects. Run by `./x demo`, from the root of the source tree, after the build.
#
#   tools/demo.sh SHALE REPORTS      SHALE: the program; REPORTS: the folder for the reports
#
# Each program gets DEMO_PAIRS (8) interleaved pairs, in at most DEMO_BUDGET (60s).
set -eu
shale=$1
reports=$2
budget=${DEMO_BUDGET-60s}

python=/usr/bin/python3
[ -x "$python" ] || python=$(command -v python3)
mkdir -p "$reports"

# compare NAME ARGUMENT... : prints the table, writes NAME.md and NAME.json
compare() {
    name=$1
    shift
    printf '\n=== %s ===\n' "$name"
    "$shale" compare --baseline system --candidate jemalloc --candidate mimalloc \
        --candidate tcmalloc --pairs "${DEMO_PAIRS-8}" --budget "$budget" \
        --markdown "$reports/$name.md" --json "$reports/$name.json" "$@"
}

start=$(date +%s)
compare sqlite3 -- sqlite3 :memory: '.read workloads/recipes/sqlite-index.sql'
compare python3 --env PYTHONMALLOC=malloc -- "$python" workloads/recipes/python-objects.py
printf '\nMeasured in %d s. Reports: %s/{sqlite3,python3}.md, raw samples in .json beside them.\n' \
    $(($(date +%s) - start)) "$reports"
