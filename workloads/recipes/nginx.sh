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
mkdir "$folder/www"
seq 3000 >"$folder/www/text"
cat >"$folder/conf" <<EOF
user $(id -un); worker_processes 1; daemon off; pid $folder/pid; error_log $folder/log;
events { worker_connections 256; }
http {
    access_log off; default_type text/plain; gzip on; gzip_http_version 1.0; gzip_types text/plain; root $folder/www;
    client_body_temp_path $folder/body; proxy_temp_path $folder/proxy;
    fastcgi_temp_path $folder/fastcgi; uwsgi_temp_path $folder/uwsgi; scgi_temp_path $folder/scgi;
    server { listen 127.0.0.1:$((port + 1)); }
    server { listen 127.0.0.1:$port; location / { proxy_pass http://127.0.0.1:$((port + 1)); } }
}
EOF
"${SHALE-shale}" compare --baseline "${BASELINE-system}" "$@" \
    --ready "TCP:$port" \
    --load "ab -q -k -c 20 -n ${REQUESTS-5000} -H 'Accept-Encoding: gzip' http://127.0.0.1:$port/text" \
    --metric 'rps=Requests per second: +([0-9.]+)' \
    -- nginx -p "$folder" -c "$folder/conf"
