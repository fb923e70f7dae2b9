# SPDX-License-Identifier: MIT
"""What the tests of `shale verify` share: programs to look at, and looking at them."""
import contextlib
import json
import os
import pathlib
import subprocess
import tempfile

import jsonschema
import pytest

SHALE = os.environ["SHALE"]
SOURCE = pathlib.Path(os.environ["SHALE_SOURCE"])
PROGRAMS = SOURCE / "tests/real/programs"
SCHEMA = json.loads((SOURCE / "share/schema/verify.schema.json").read_text())
PYTHON = "/usr/bin/python3"
NOBODY = 65534

ACTIVE, ABSENT, PARTIAL, UNKNOWN = 0, 1, 2, 3
USAGE, DATA, UNAVAILABLE, IO, NOT_EXECUTABLE, NOT_FOUND = 64, 65, 69, 74, 126, 127

LIBRARIES = {
    "mimalloc": "libmimalloc.so.2",
    "jemalloc": "libjemalloc.so.2",
    "tcmalloc": "libtcmalloc_minimal.so.4",
}


def cc(*arguments, compiler="cc"):
    done = subprocess.run([compiler, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def built():
    """The programs, built once, where every user may read them: not below pytest's own folder,
    which each of its sessions closes to others again."""
    with tempfile.TemporaryDirectory(prefix="shale-verify-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        build_programs(folder)
        yield folder


def build_programs(folder):
    waiter, plugin = PROGRAMS / "waiter.c", PROGRAMS / "plugin.c"
    cc(waiter, "-o", folder / "waiter")
    cc("-static", waiter, "-o", folder / "static", "-w")
    cc("-static-pie", waiter, "-o", folder / "static-pie", "-w")
    cc("-no-pie", "-Wl,-z,lazy", waiter, "-o", folder / "lazy")
    cc("-shared", "-fPIC", plugin, "-o", folder / "plugin.so")


@contextlib.contextmanager
def running(*command, preload=None, env=None, ready=b"ready", **options):
    """A program that said it is ready; its standard input ends it."""
    environment = {**os.environ, **(env or {})}
    if preload:
        environment["LD_PRELOAD"] = str(preload)
    process = subprocess.Popen(
        [str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env=environment, **options)
    try:
        while ready and ready not in (line := process.stdout.readline()):
            assert line, process.stderr.read()
        yield process
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            stream.close()


def verify(*arguments, preload=None, env=None, **options):
    environment = {**os.environ, **(env or {})}
    if preload:
        environment["LD_PRELOAD"] = str(preload)
    return subprocess.run(
        [SHALE, "verify", *map(str, arguments)], capture_output=True, text=True, timeout=60,
        env=environment, stdin=subprocess.DEVNULL, **options)


def report(*arguments, **options):
    """The validated JSON of one verdict, with the exit status under "status"."""
    done = verify("--json", *arguments, **options)
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    jsonschema.validate(found, SCHEMA)
    expected = {"ACTIVE": 0, "ABSENT": 1, "MAPPED_BUT_INERT": 1, "PARTIAL": 2, "UNKNOWN": 3}
    assert done.returncode == expected[found["verdict"]]
    return found


def serves(found, name):
    return (found["verdict"], found["allocator"]["name"]) == ("ACTIVE", name)
