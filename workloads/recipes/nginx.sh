#!/bin/sh
# SPDX-License-Identifier: MIT
# nginx.sh [OPTION OF shale compare...]: nginx as a proxy of itself that compresses what it passes on,
# under ab's requests. Needs nginx-light and apache2-utils. mimalloc 3.6.0 comes from `./x peers`;
# without it give another candidate: CANDIDATES='jemalloc mimalloc' nginx.sh.
#
#   SHALE (shale), PORT (7380, and the next), REQUESTS (5000), CANDIDATES (jemalloc mimalloc@3.6.0),
#   BASELINE (system)
set -eu
port=${PORT-7380}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for candidate in ${CANDIDATES-jemalloc mimalloc@3.6.0}; do
    set -- --candidate "$candidate" "$@"
done
sh "$(dirname "$0")/nginx-folder.sh" "$port" "$folder"
"${SHALE-shale}" compare --baseline "${BASELINE-system}" "$@" \
    --ready "TCP:$port" \
    --load "ab -q -k -c 20 -n ${REQUESTS-5000} -H 'Accept-Encoding: gzip' http://127.0.0.1:$port/text" \
    --metric 'rps=Requests per second: +([0-9.]+)' \
    -- nginx -p "$folder" -c "$folder/conf"
