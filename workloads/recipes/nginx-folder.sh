#!/bin/sh
# SPDX-License-Identifier: MIT
# nginx-folder.sh PORT FOLDER: what nginx needs to be a proxy of itself, on PORT and the next, that
# compresses what it passes on. FOLDER/conf is its configuration. FOLDER is made, or used again.
set -eu
port=$1
mkdir -p "$2/www"
cd "$2"
seq 3000 >www/text
cat >conf <<END
user $(id -un); worker_processes 1; daemon off; pid $PWD/pid; error_log $PWD/log;
events { worker_connections 256; }
http {
    access_log off; default_type text/plain; gzip on; gzip_http_version 1.0; gzip_types text/plain; root $PWD/www;
    client_body_temp_path $PWD/body; proxy_temp_path $PWD/proxy;
    fastcgi_temp_path $PWD/fastcgi; uwsgi_temp_path $PWD/uwsgi; scgi_temp_path $PWD/scgi;
    server { listen 127.0.0.1:$((port + 1)); }
    server { listen 127.0.0.1:$port; location / { proxy_pass http://127.0.0.1:$((port + 1)); } }
}
END
