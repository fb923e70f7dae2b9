#!/bin/sh
# SPDX-License-Identifier: MIT
# redis.sh [OPTION OF shale compare...]: redis-server under redis-benchmark's set, get and lpush, RSS
# when loaded and after FLUSHALL. mimalloc 3.6.0 comes from `./x peers`; without it give another
# candidate: CANDIDATES='jemalloc mimalloc' redis.sh.
#
#   SHALE (shale), PORT (7379), REQUESTS (100000 of each kind), CANDIDATES (jemalloc mimalloc@3.6.0)
set -eu
port=${PORT-7379}
requests=${REQUESTS-100000}
for candidate in ${CANDIDATES-jemalloc mimalloc@3.6.0}; do
    set -- --candidate "$candidate" "$@"
done
exec "${SHALE-shale}" compare --baseline system "$@" \
    --ready "TCP:$port" \
    --load "redis-benchmark -q -p $port -t set,get,lpush -n $requests -r $requests -d 100" \
    --then "flushed=redis-cli -p $port flushall" \
    --metric 'set_rps=SET: ([0-9.]+) requests per second' \
    -- redis-server --port "$port" --save '' --appendonly no
