# SPDX-License-Identifier: MIT
"""Real programs that end, with libshale-malloc.so as their malloc: their own results, and their own
checks of them. Each is proven to be served before it begins."""
import os
import pathlib
import subprocess

import pytest

from preloaded import LIBRARY, PYTHON, finish, needs, output
from programs import BUILD, SOURCE

PROGRAMS = pathlib.Path(__file__).parent / "programs"

PYTHON_THREADS = r"""
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

SQLITE = """
create table t(a, b);
with recursive c(x) as (select 1 union all select x + 1 from c where x < 50000)
  insert into t select x, hex(randomblob(20)) from c;
create index i on t(b);
delete from t where a % 3 = 0;
vacuum;
select count(*) from t;
pragma integrity_check;
"""

NODE = r"""
const { Worker } = require("worker_threads");
const crypto = require("crypto");
const work = `
const { parentPort } = require("worker_threads");
const zlib = require("zlib");
let sum = 0;
for (let i = 0; i < 100; i++)
    sum += zlib.gunzipSync(zlib.gzipSync(Buffer.alloc(20000, "abc" + i))).length;
parentPort.postMessage(sum);
`;
let sum = 0, left = 4;
for (let i = 0; i < 4; i++)
    new Worker(work, { eval: true }).on("message", (n) => {
        sum += n;
        if (--left == 0)
            console.log(sum, JSON.parse(JSON.stringify(new Array(1e5).fill({ a: 1 }))).length,
                crypto.createHash("sha256").update(Buffer.alloc(1e6)).digest("hex").slice(0, 8));
    });
"""

BASH_FORKS = "n=0; for i in $(seq 200); do x=$(echo $i | tr 1 2); n=$((n + ${#x})); done; echo $n"
BASH_TREE = 'f() { [ $1 = 0 ] || { f $(($1 - 1)) & f $(($1 - 1)); wait; }; }; f 6; echo well'

# name: command, what it prints
TABLE = {
    "true": (["true"], ""),
    "python-threads-forks": ([PYTHON, "-c", PYTHON_THREADS], "well\n"),
    "sqlite-integrity": (["sqlite3", ":memory:", SQLITE], "33334\nok\n"),
    "perl-hash": (["perl", "-e", 'my %h; $h{$_} = "x" x ($_ % 100) for 1 .. 100000; '
                   'print scalar(keys %h), "\\n"'], "100000\n"),
    "perl-fork-pipes": (["perl", "-e", 'for (1 .. 50) { open my $p, "-|", "echo $_" or die; '
                         '$s += <$p>; close $p or die } print "$s\\n"'], "1275\n"),
    "node-workers": (["node", "-e", NODE], "8000000 100000 d29751f2\n"),
    "bash-forks": (["bash", "-c", BASH_FORKS], "492\n"),
    "bash-tree-of-forks": (["bash", "-c", BASH_TREE], "well\n"),
    "no-new-privileges": (["setpriv", "--no-new-privs", "sh", "-c",
                           "grep -c NoNewPrivs:.1 /proc/self/status"], "1\n"),
}


@pytest.mark.parametrize("name", TABLE)
def test_program(name):
    command, expected = TABLE[name]
    needs(command[0])
    for setting in [{}, {"PYTHONMALLOC": "malloc"}] if command[0] == PYTHON else [{}]:
        assert output(*command, env=setting) == expected


@pytest.mark.parametrize("module", ["json", "re"])
@pytest.mark.parametrize("objects", ["default", "malloc"])
def test_python_regression_tests(module, objects, tmp_path):
    done = finish(PYTHON, "-m", "test", f"test_{module}", env={"PYTHONMALLOC": objects}, cwd=tmp_path)
    assert "Tests result: SUCCESS" in done.stdout and "1 test OK" in done.stdout, done.stdout


def test_java_starts():
    done = finish(needs("java"), "-XshowSettings:vm", "-version")
    assert "Runtime Environment" in done.stderr


def test_java_tools_make_and_read_keys(tmp_path):
    store = ["-storepass", "secret", "-keystore", tmp_path / "keys"]
    finish(needs("keytool"), "-genkeypair", "-keyalg", "EC", "-alias", "a", "-dname", "CN=a", *store)
    assert "PrivateKeyEntry" in output("keytool", "-list", *store)


def test_compiler_proper_and_its_program(tmp_path):
    """cc1 by itself, so that it too is proven; then the driver with all its children."""
    (tmp_path / "a.c").write_text("#include <stdio.h>\nint main(void) { puts(\"well\"); }\n")
    finish(needs("gcc"), "-E", "a.c", "-o", "a.i", cwd=tmp_path)
    compiler = output("gcc", "-print-prog-name=cc1").strip()
    finish(compiler, "-quiet", "-O2", "a.i", "-o", "a.s", cwd=tmp_path)
    finish("gcc", "a.s", "-o", "a", cwd=tmp_path)
    assert output(tmp_path / "a") == "well\n"


MAKEFILE = """
FLAGS = -O2 -g -std=gnu11 -fPIC -fdebug-prefix-map=$(CURDIR)=. -I{source}/src -I{source}/include \\
  -I{build}/include
all: {objects}
%.o: {source}/src/slab/%.c
\tgcc $(FLAGS) -c $< -o $@
"""


def test_gcc_by_make_compiles_the_engine_to_the_same_bytes(tmp_path):
    objects = sorted(path.stem + ".o" for path in (SOURCE / "src/slab").glob("*.c"))[::2]
    text = MAKEFILE.format(source=SOURCE, build=BUILD, objects=" ".join(objects))
    for folder in ("plain", "served"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "Makefile").write_text(text)
    no_cache = {"CCACHE_DISABLE": "1"}
    subprocess.run([needs("make"), "-s", "-j2"], cwd=tmp_path / "plain", check=True,
                   env={**os.environ, **no_cache})
    finish("make", "-s", "-j8", cwd=tmp_path / "served", env=no_cache)
    for name in objects:
        served = (tmp_path / "served" / name).read_bytes()
        assert len(served) > 1000 and served == (tmp_path / "plain" / name).read_bytes(), name


def test_cxx_exceptions_and_arrays(tmp_path):
    finish(needs("g++"), "-std=c++17", "-O1", "-pthread", PROGRAMS / "exceptions.cpp", "-o",
           tmp_path / "exceptions")
    assert output(tmp_path / "exceptions") == "well\n"


def own_repository(folder):
    """The project's own repository, or, in a tree without one, a repository made of its files."""
    if (SOURCE / ".git").exists():
        return SOURCE
    subprocess.run(["cp", "-r", SOURCE / "src", folder / "tree"], check=True)
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "all"]):
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *words],
                       cwd=folder / "tree", check=True)
    return folder / "tree"


def test_git_clones_packs_and_checks_the_own_repository(tmp_path):
    needs("git")
    origin, clone = own_repository(tmp_path), tmp_path / "clone"
    safe = ["-c", "safe.directory=*"]
    head = subprocess.run(["git", *safe, "rev-parse", "HEAD"], cwd=origin, capture_output=True, text=True,
                          check=True).stdout
    finish("git", *safe, "clone", "-q", "--no-local", origin, clone)
    finish("git", "gc", "-q", "--aggressive", "--prune=now", cwd=clone)
    finish("git", "fsck", "--strict", "--full", cwd=clone)
    assert output("git", "rev-parse", "HEAD", cwd=clone) == head
    assert output("git", "status", "--porcelain", cwd=clone) == ""
    assert len(output("git", "log", "--stat", cwd=clone)) > 100


def test_xz_round_trip(tmp_path):
    plain = tmp_path / "plain"
    plain.write_text("".join(f"line {i * i}\n" for i in range(200000)))
    finish(needs("xz"), "-k", "-T2", "--block-size=300KiB", plain)
    assert output("xz", "-dc", "-T2", f"{plain}.xz") == plain.read_text()


def test_make_runs_many_jobs(tmp_path):
    (tmp_path / "Makefile").write_text(
        f"all: {' '.join(f'o{i}' for i in range(150))}\no%:\n\t@echo $* | md5sum >$@\n")
    finish(needs("make"), "-s", "-j8", cwd=tmp_path)
    assert len({path.read_text() for path in tmp_path.glob("o*")}) == 150


def test_gdb_stops_and_looks_at_a_served_program(tmp_path):
    source = tmp_path / "a.c"
    source.write_text("#include <stdlib.h>\n#include <stdio.h>\nstatic int *block;\n"
                      "int main(void) { block = malloc(40); block[3] = 42;\nputs(\"well\"); free(block); }\n")
    subprocess.run(["gcc", "-g", source, "-o", tmp_path / "a"], check=True)
    # Both gdb itself and, by its environment, the program are served.
    text = output(needs("gdb"), "-q", "-nx", "-batch", "-ex", "break 5", "-ex", "run", "-ex",
                  "print block[3]", "-ex", "info symbol malloc", "-ex", "info sharedlibrary", "-ex",
                  "python print('py', sum(range(10)))", "-ex", "continue", tmp_path / "a")
    assert "$1 = 42" in text and "py 45" in text and "\nwell\n" in text, text
    assert os.path.basename(LIBRARY) in text.split("info")[-1], text
    assert "exited normally" in text, text
