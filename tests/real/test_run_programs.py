# SPDX-License-Identifier: MIT
"""shale run on real programs, under every allocator that is installed or unpacked here."""
import os
import re
import signal
import socket
import subprocess

import pytest

from programs import SHALE, allocators, installed, process_state, shale, wait_until

NAMES = ["system", "mimalloc", "jemalloc", "tcmalloc"]
# What ./x peers unpacked, if it was run: NAME@VERSION
NAMES += sorted({f"{item['name']}@{item['version']}" for item in allocators()
                 if item["from"] == "peers" and item["loadable"] and item["version"]})


def run(name, *command, **options):
    result = shale("run", "--allocator", name, "--", *command, **options)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize("name", NAMES)
def test_sqlite_builds_an_index(name):
    script = """
        create table t(a, b);
        with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000)
        insert into t select i, hex(randomblob(i % 200)) from n;
        create index i on t(b);
        select count(*), sum(a) from t indexed by i where b is not null;
    """
    assert run(name, "sqlite3", ":memory:", script) == "20000|200010000\n"


@pytest.mark.parametrize("name", NAMES)
def test_python_with_every_object_from_malloc(name):
    code = "d = {str(i): [i] * 10 for i in range(20000)}; print(sum(v[0] for v in d.values()))"
    assert run(name, "python3", "-c", code, env={"PYTHONMALLOC": "malloc"}) == "199990000\n"


@pytest.mark.parametrize("name", NAMES)
def test_gcc_and_its_children_compile(name, tmp_path):
    source = tmp_path / "hello.c"
    source.write_text('#include <stdio.h>\nint main(void) { puts("hello"); }\n')
    run(name, "gcc", "-O2", "-o", tmp_path / "hello", source)
    assert subprocess.run([tmp_path / "hello"], capture_output=True).stdout == b"hello\n"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def redis(port, *words):
    return subprocess.run(["redis-cli", "-p", str(port), *words], capture_output=True, text=True,
                          timeout=20).stdout.strip()


@pytest.mark.parametrize("name", NAMES)
def test_redis_serves_and_stops_by_the_signal_to_shale(name, tmp_path):
    port = free_port()
    process = subprocess.Popen(
        [SHALE, "run", "--allocator", name, "--", "redis-server", "--port", str(port), "--save", "",
         "--dir", str(tmp_path), "--daemonize", "no"], stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: redis(port, "ping") == "PONG", 20)
        pid = int(re.search(r"process_id:(\d+)", redis(port, "info", "server"))[1])
        assert redis(port, "set", "key", "x" * 100000) == "OK"
        assert len(redis(port, "get", "key")) == 100000
        verified = shale("verify", "--expect", name, str(pid))
        assert verified.returncode == 0, verified.stdout
        assert process_state(pid) is not None
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert process_state(pid) is None
    finally:
        process.kill()
        process.wait()


def test_allocator_reaches_the_children_of_a_shell():
    path = installed("jemalloc")
    output = run("jemalloc", "bash", "-c", "cat /proc/self/maps; true")
    assert path in output


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
def test_run_works_without_privileges(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain")
    for parent in [folder, folder.parent, folder.parent.parent]:
        parent.chmod(0o755)
    copy = folder / "shale"
    copy.write_bytes(open(SHALE, "rb").read())
    copy.chmod(0o755)
    result = subprocess.run([copy, "run", "-a", "mimalloc", "--", "sh", "-c", "id -u; exit 4"],
                            user=65534, group=65534, extra_groups=[], capture_output=True,
                            text=True, timeout=30, env={**os.environ, "HOME": "/nonexistent"})
    assert (result.returncode, result.stdout, result.stderr) == (4, "65534\n", "")
