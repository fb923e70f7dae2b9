# SPDX-License-Identifier: MIT
"""Real programs with libshale-malloc.so as their malloc: their own results, and no complaint."""
import os
import shutil
import subprocess
import sys

import pytest

LIBRARY = os.environ["SHALE_MALLOC_LIB"]


def run(command, folder=None, stdin=None):
    environment = dict(os.environ, LD_PRELOAD=LIBRARY, PYTHONMALLOC="malloc")
    done = subprocess.run(command, env=environment, cwd=folder, input=stdin, capture_output=True,
                          text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
    assert "LD_PRELOAD" not in done.stderr, done.stderr
    return done.stdout


def needs(program):
    assert shutil.which(program), f"{program} is missing: ./x setup --test"
    return program


PYTHON = r"""
import json, os, subprocess, threading
data = {str(i): [i] * 10 for i in range(20000)}
assert json.loads(json.dumps(data)) == data
def work():
    for i in range(3000):
        bytearray(i)
threads = [threading.Thread(target=work) for _ in range(8)]
for t in threads: t.start()
for i in range(20):
    pid = os.fork()
    if pid == 0:
        [bytearray(k) for k in range(1000)]
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
for t in threads: t.join()
assert subprocess.run(["true"]).returncode == 0
print("well")
"""


def test_python_threads_and_forks():
    assert run([sys.executable, "-c", PYTHON]) == "well\n"


def test_compiler_and_its_program(tmp_path):
    source = tmp_path / "hello.c"
    source.write_text("#include <stdio.h>\n#include <stdlib.h>\n"
                      'int main(void) { puts(malloc(10) ? "well" : "ill"); return 0; }\n')
    run([needs("gcc"), "-O2", "-o", str(tmp_path / "hello"), str(source)])
    assert run([str(tmp_path / "hello")]) == "well\n"


def test_git_clone_and_check(tmp_path):
    git = [needs("git"), "-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=m"]
    origin = tmp_path / "origin"
    run([*git, "init", "-q", str(origin)])
    for i in range(5):
        (origin / f"file{i}").write_text(f"{i}\n" * 5000)
        run([*git, "add", "."], origin)
        run([*git, "commit", "-q", "-m", f"file {i}"], origin)
    run([*git, "clone", "-q", str(origin), str(tmp_path / "clone")])
    run([*git, "gc", "-q"], tmp_path / "clone")
    run([*git, "fsck", "--strict"], tmp_path / "clone")
    assert run([*git, "log", "--oneline"], tmp_path / "clone").count("\n") == 5


def test_sqlite_integrity():
    statements = ("create table t(a, b);"
                  "with recursive c(x) as (select 1 union all select x + 1 from c where x < 50000)"
                  " insert into t select x, hex(randomblob(20)) from c;"
                  "create index i on t(b); delete from t where a % 3 = 0; vacuum;"
                  "select count(*) from t; pragma integrity_check;")
    assert run([needs("sqlite3"), ":memory:", statements]) == "33334\nok\n"


def test_perl_hash():
    script = 'my %h; $h{$_} = "x" x ($_ % 100) for 1 .. 100000; print scalar(keys %h), "\\n"'
    assert run([needs("perl"), "-e", script]) == "100000\n"


def test_xz_round_trip():
    text = "".join(f"line {i * i}\n" for i in range(20000))
    packed = subprocess.run([needs("xz"), "-c"], input=text.encode(), capture_output=True,
                            env=dict(os.environ, LD_PRELOAD=LIBRARY), check=True).stdout
    plain = subprocess.run(["xz", "-dc"], input=packed, capture_output=True,
                           env=dict(os.environ, LD_PRELOAD=LIBRARY), check=True).stdout
    assert plain.decode() == text


def test_limited_address_space():
    command = "ulimit -v 1000000; exec " + sys.executable + " -c 'print(len([0] * 1000000))'"
    assert run(["sh", "-c", command]) == "1000000\n"


def test_proven_by_verify():
    environment = dict(os.environ, SHALE_ALLOCATOR_PATH=os.path.dirname(LIBRARY))
    done = subprocess.run([os.environ["SHALE"], "run", "--allocator", "shale", "--", "sqlite3",
                           ":memory:", "select 6 * 7"], env=environment, capture_output=True,
                          text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "42\n"), done.stderr
    environment["LD_PRELOAD"] = LIBRARY
    report = subprocess.run([os.environ["SHALE"], "verify"], env=environment, capture_output=True,
                            text=True, timeout=60, check=False)
    assert report.returncode == 0 and report.stdout.startswith("ACTIVE: shale"), report.stdout


def test_start_without_a_program_of_much():
    assert run(["true"]) == ""
