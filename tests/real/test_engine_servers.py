# SPDX-License-Identifier: MIT
"""Real servers with libshale-malloc.so as their malloc, under load: every process proven, and what
they answer compared with what was given to them."""
import getpass
import gzip
import os
import pathlib
import subprocess
import urllib.request

import pytest

from preloaded import assert_served, family_of, finish, free_port, needs, output, server
from programs import wait_until

# A limit on the address space, in KiB, before shale; None: unlimited.
LIMITS = {"unlimited": None, "address-space-limited": 600000}

FILL = """
for i = 1, 20000 do
    redis.call('set', 's' .. i, string.rep(tostring(i), i % 300))
    redis.call('hset', 'h' .. i % 100, i, i * i)
    redis.call('zadd', 'z', i % 777, i)
    redis.call('rpush', 'l' .. i % 10, i)
end
return redis.call('dbsize')
"""


class Redis:
    def __init__(self, folder, limit):
        self.port, self.folder, self.limit = free_port(), folder, limit

    def cli(self, *words, **options):
        return output(needs("redis-cli"), "-p", self.port, *words, **options).strip()

    def is_up(self):
        done = subprocess.run(["redis-cli", "-p", str(self.port), "ping"], capture_output=True, text=True)
        return done.stdout == "PONG\n"

    def serving(self):
        wrapper = ["sh", "-c", f'ulimit -v {self.limit}; exec "$@"', "sh"] if self.limit else []
        return server(needs("redis-server"), "--port", self.port, "--dir", self.folder, "--save", "",
                      "--enable-debug-command", "yes", ready=self.is_up,
                      wrapper=wrapper)


@pytest.mark.parametrize("limit", LIMITS)
def test_redis_keeps_its_data_under_load_forks_and_a_restart(limit, tmp_path):
    redis = Redis(tmp_path, LIMITS[limit])
    with redis.serving() as process:
        for pid in family_of(process.pid)[1:]:
            assert_served(pid)
        assert redis.cli("eval", FILL, "0") == "20111"
        digest = redis.cli("debug", "digest")
        # The child of a snapshot writes while the parent serves; then the load goes again.
        assert redis.cli("bgsave") == "Background saving started"
        text = output(needs("redis-benchmark"), "-q", "-p", redis.port, "-t", "set,get,lpush,hset,spop,mset",
                      "-n", "2000", "-r", "2000", "-d", "200", "-c", "10", "--dbnum", "1")
        assert text.count("requests per second") == 6, text
        wait_until(lambda: "rdb_bgsave_in_progress:0" in redis.cli("info", "persistence"), 30)
        assert "rdb_last_bgsave_status:ok" in redis.cli("info", "persistence")
        assert redis.cli("debug", "reload") == "OK"
        redis.cli("-n", "1", "flushdb")
        # The benchmark has one data base of its own; what was there before is as it was.
        assert redis.cli("-n", "0", "debug", "digest") == digest
        assert redis.cli("save") == "OK"
    with redis.serving():
        assert redis.cli("debug", "digest") == digest
        assert redis.cli("dbsize") == "20111"


NGINX = """
user {user}; worker_processes 2; daemon off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log off; default_type text/plain; gzip on; gzip_min_length 1; gzip_types text/plain;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{ listen 127.0.0.1:{port}; root {folder}/www; }}
    server {{ listen 127.0.0.1:{front}; location / {{ proxy_pass http://127.0.0.1:{port}; }} }}
}}
"""


def fetch(port, packed):
    request = urllib.request.Request(f"http://127.0.0.1:{port}/text",
                                     headers={"Accept-Encoding": "gzip"} if packed else {})
    with urllib.request.urlopen(request, timeout=20) as answer:
        data = answer.read()
    return gzip.decompress(data) if packed else data


def test_nginx_serves_wrk_and_reloads(tmp_path):
    port, front = free_port(), free_port()
    while front == port:
        front = free_port()
    text = "".join(f"line {i} of a text\n" for i in range(3000)).encode()
    (tmp_path / "www").mkdir()
    (tmp_path / "www/text").write_bytes(text)
    configuration = tmp_path / "nginx.conf"
    configuration.write_text(NGINX.format(
        folder=tmp_path, port=port, front=front, user=getpass.getuser()))

    def answers():
        try:
            return fetch(front, True) == text
        except OSError:
            return False

    master_of = lambda: int((tmp_path / "pid").read_text())
    with server(needs("nginx"), "-p", tmp_path, "-c", configuration, ready=answers):
        before = family_of(master_of())
        assert len(before) == 3
        for pid in before:
            assert_served(pid)
        report = output(needs("wrk"), "-t2", "-c20", "-d2s", "-H", "Accept-Encoding: gzip",
                        f"http://127.0.0.1:{front}/text")
        assert "Non-2xx" not in report and "Socket errors" not in report, report
        assert float(report.split("Requests/sec:")[1].split()[0]) > 50
        os.kill(before[0], 1)  # SIGHUP: new workers with a new configuration
        wait_until(lambda: len(family_of(before[0])) == 3 and
                   not set(family_of(before[0])[1:]) & set(before), 20)
        for pid in family_of(before[0]):
            assert_served(pid)
        assert fetch(front, True) == fetch(front, False) == text
    log = (tmp_path / "error.log").read_text()
    assert "[alert]" not in log and "[crit]" not in log and "exited on signal" not in log, log


def postgres_folder():
    """Where the server's own programs are: not on PATH in Debian."""
    folders = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    assert folders, "postgresql is missing: ./x test --long"
    return folders[-1].parent
