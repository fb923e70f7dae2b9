#!/bin/sh
# SPDX-License-Identifier: MIT
# make-certificate.sh CERT KEY: a key and a certificate for 127.0.0.1, signed by itself. At build time:
# nobody's secret is in the tree.
set -eu
exec openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 \
    -subj /CN=localhost -addext 'subjectAltName=IP:127.0.0.1,DNS:localhost' \
    -out "$1" -keyout "$2" 2>/dev/null
