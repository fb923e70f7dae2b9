# SPDX-License-Identifier: MIT
"""What the tests of libshale-malloc.so under real programs share.

Every program is started by `shale run --allocator shale`, which proves that the engine serves it
before its main begins and refuses to run it otherwise; processes that stay are asked again.
"""
import contextlib
import os
import shutil
import socket
import subprocess

from programs import SHALE, wait_until

LIBRARY = os.environ["SHALE_MALLOC_LIB"]
PYTHON = "/usr/bin/python3"
# The engine of this build, before any other of that name.
FOUND_FIRST = {"SHALE_ALLOCATOR_PATH": os.path.dirname(LIBRARY)}
# What the dynamic linker, the engine or shale would say if something were wrong.
COMPLAINTS = ("LD_PRELOAD", "shale:", "shale run:")


def needs(program):
    """The program's path; that it is there is up to ./x setup."""
    path = shutil.which(program)
    assert path, f"{program} is missing: ./x setup --test (heavy ones: ./x test --long)"
    return path


def served(*command):
    return [SHALE, "run", "--allocator", "shale", "--", *map(str, command)]


def environment(more=None):
    return {**os.environ, **FOUND_FIRST, **(more or {})}


def finish(*command, status=0, env=None, wrapper=(), **options):
    """Runs a program under the engine to its end; `wrapper` goes before shale."""
    options = {"capture_output": True, "text": True, "timeout": 120} | options
    done = subprocess.run([*wrapper, *served(*command)], env=environment(env), check=False, **options)
    assert done.returncode == status, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
    for text in COMPLAINTS:
        assert text not in done.stderr, done.stderr
    return done


def output(*command, **options):
    return finish(*command, **options).stdout


def assert_served(pid):
    done = subprocess.run([SHALE, "verify", "--expect", "shale", str(pid)], env=environment(),
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0 and done.stdout.startswith("ACTIVE: shale"), done.stdout + done.stderr


def family_of(pid):
    """The process, its children and theirs."""
    found = [pid]
    for parent in found:
        done = subprocess.run(["pgrep", "-P", str(parent)], capture_output=True, text=True, check=False)
        found += [int(word) for word in done.stdout.split()]
    return found


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@contextlib.contextmanager
def server(*command, ready, env=None, wrapper=(), **options):
    """A server under the engine from when ready() holds; yields its shale's process."""
    process = subprocess.Popen([*wrapper, *served(*command)], env=environment(env), text=True,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **options)
    try:
        wait_until(lambda: process.poll() is not None or ready(), 30)
        assert process.poll() is None, process.stderr.read()
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        finally:
            process.kill()
            process.wait()
            process.stderr.close()
