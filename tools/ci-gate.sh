#!/bin/sh
# SPDX-License-Identifier: MIT
# ci-gate.sh: the project's own gate in its quick form, its engine in the place of glibc's malloc.
# Run by .ci/run, from the root of the source tree, after the build.
#
#   tools/ci-gate.sh SHALE REPORTS      SHALE: the program; REPORTS: the folder for the reports
#
# Ends with 0 unless the gate says NO-GO or cannot be held: on a machine that does other work as well
# CONDITIONAL GO and INCONCLUSIVE are what can be said, and the reason is printed.
set -eu
shale=$1
reports=$2
mkdir -p "$reports"

status=0
# Memcheck would test sqlite3, not the engine: the phase leaks is left out.
"$shale" gate --plan examples/ci/gate.yaml --quick --skip leaks --soak 20s --no-history \
    --json "$reports/gate.json" --html "$reports/gate.html" --junit "$reports/gate.xml" || status=$?
case $status in
0) echo "The gate says GO." ;;
2) echo "The gate says CONDITIONAL GO: the conditions are above." ;;
3) echo "The gate is inconclusive: this machine was not steady." ;;
*)
    echo "The gate failed with status $status."
    exit 1
    ;;
esac
