#!/bin/sh
# SPDX-License-Identifier: MIT
# Starts a server on a socket of its own, fills it, reads it, empties it, and stops it.
set -eu
socket=$PWD/redis.$$.sock
redis-server --port 0 --unixsocket "$socket" --save '' --appendonly no --loglevel warning \
    --dir "$PWD" >/dev/null &
server=$!
trap 'kill "$server" 2>/dev/null || :' EXIT
tries=0
until redis-cli -s "$socket" ping >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ "$tries" -lt 100 ] || exit 1
    sleep 0.05
done
redis-benchmark -s "$socket" -q -P 16 -n 150000 -r 60000 -d 200 -t set,get,lpush,hset >/dev/null
redis-cli -s "$socket" debug populate 100000 key 64 >/dev/null
redis-cli -s "$socket" flushall >/dev/null
redis-cli -s "$socket" shutdown nosave >/dev/null 2>&1 || :
wait "$server"
trap - EXIT
