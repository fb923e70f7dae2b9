# SPDX-License-Identifier: MIT
"""The longer checks that real programs bring along, with libshale-malloc.so as their malloc."""
import os
import pathlib
import shutil
import subprocess

import pytest

from preloaded import PYTHON, assert_served, family_of, finish, needs, output, server
from programs import SOURCE, wait_until

PROGRAMS = pathlib.Path(__file__).parent / "programs"

# Python's own regression tests that lean on memory, threads, processes and C libraries.
MODULES = ["json", "re", "threading", "subprocess", "gc", "mmap", "ssl", "asyncio",
           "concurrent_futures", "decimal", "zlib", "ctypes", "xml_etree_c", "pickle", "unicode",
           "thread", "fork1", "mimetypes", "array", "bytes", "set", "dict", "list"]


@pytest.mark.parametrize("objects", ["default", "malloc"])
@pytest.mark.parametrize("module", MODULES)
def test_python_regression_tests(module, objects, tmp_path):
    done = finish(PYTHON, "-m", "test", f"test_{module}", env={"PYTHONMALLOC": objects}, cwd=tmp_path,
                  timeout=900)
    assert "Tests result: SUCCESS" in done.stdout and "1 test OK" in done.stdout, done.stdout


def test_java_threads_with_memory_outside_the_heap():
    assert output(needs("java"), PROGRAMS / "Threads.java", timeout=300) == "16000000\n"


def test_this_project_built_by_served_tools_passes_its_tests(tmp_path):
    """meson, ninja and the compiler below them. The tests themselves are of a process without it."""
    folder, no_cache = tmp_path / "build", {"CCACHE_DISABLE": "1"}
    finish(needs("meson"), "setup", folder, SOURCE, "-Dtests=enabled", timeout=300, env=no_cache)
    finish(needs("ninja"), "-C", folder, timeout=1500, env=no_cache)
    done = subprocess.run(["meson", "test", "-C", folder, "--no-rebuild", "--suite", "unit",
                           "--no-suite", "unwatched", "--timeout-multiplier", "5"],
                          capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout


def postgres_programs():
    """The folder of the server's programs: not on PATH in Debian."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    assert found, "postgresql is missing: ./x setup --long"
    return found[-1].parent


@pytest.fixture
def cluster_folder():
    """A folder that a user who is not root can have to itself: postgres refuses to be root."""
    folder = pathlib.Path(subprocess.run(["mktemp", "-d"], capture_output=True, text=True, check=True)
                          .stdout.strip())
    folder.chmod(0o755)
    (folder / "data").mkdir(mode=0o700)
    if os.geteuid() == 0:
        shutil.chown(folder / "data", 65534)
    yield folder
    shutil.rmtree(folder)


def test_postgres_under_pgbench(cluster_folder):
    programs, data = postgres_programs(), cluster_folder / "data"
    other = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}

    def run(name, *words):
        return output(programs / name, *words, cwd=data, **other)

    def connected(name, *words):
        return run(name, "-h", data, "-U", "test", *words, "postgres")

    def is_up():
        return subprocess.run([programs / "pg_isready", "-q", "-h", data], check=False).returncode == 0

    run("initdb", "-U", "test", "-A", "trust", "-N", "-D", data)
    with server(programs / "postgres", "-D", data, "-k", data, "-c", "listen_addresses=", ready=is_up,
                cwd=data, **other) as process:
        wait_until(lambda: len(family_of(process.pid)) > 5, 20)
        for pid in family_of(process.pid)[1:]:
            assert_served(pid)
        connected("pgbench", "-i", "-q", "-s", "2")
        assert "number of failed transactions: 0" in connected("pgbench", "-T", "5", "-c", "8", "-j", "2")
        sums = connected("psql", "-At", "-c", "select (select sum(bbalance) from pgbench_branches) = "
                         "(select sum(tbalance) from pgbench_tellers) and (select sum(abalance) from "
                         "pgbench_accounts) = (select sum(delta) from pgbench_history)", "-d")
        assert sums == "t\n"
        connected("psql", "-c", "create extension if not exists amcheck", "-d")
        connected("psql", "-c", "select bt_index_check(oid) from pg_class where relkind = 'i' and "
                  "relam = 403", "-d")
    assert "shut down" in run("pg_controldata", "-D", data)
