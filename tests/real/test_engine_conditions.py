# SPDX-License-Identifier: MIT
"""libshale-malloc.so where things are scarce, forbidden or unusual: what a program gets is what it
would get without it, or an error that it can handle."""
import os
import pathlib
import shutil
import subprocess

import pytest

from preloaded import LIBRARY, PYTHON, environment, finish, needs, output, served

PROGRAMS = pathlib.Path(__file__).parent / "programs"
MIB = 1 << 20


def cc(*arguments):
    subprocess.run(["cc", *map(str, arguments)], check=True)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("conditions")
    for name in ("deny", "deepbind", "tls"):
        cc(PROGRAMS / f"{name}.c", "-o", folder / name)
    cc(PROGRAMS / "misuse.c", "-g", "-o", folder / "misuse")
    cc("-shared", "-fPIC", "-DPLUGIN", PROGRAMS / "deepbind.c", "-o", folder / "plugin.so")
    return folder


def limited(option, kibibytes):
    return ["sh", "-c", f'ulimit {option} {kibibytes}; exec "$@"', "sh"]


# ---- limits ---------------------------------------------------------------------------------------

FILL = """
import sys
held, size = [], int(sys.argv[1])
try:
    while True:
        held.append(bytes(size))
except MemoryError:
    count = len(held)
    held = None
again = [bytes(size) for _ in range(count * 3 // 4)]
print(count * size)
"""


def filled(size, kibibytes, option, under=served):
    """How many bytes python gets in blocks of a size before it is refused."""
    command = [*limited(option, kibibytes), *under(PYTHON, "-c", FILL, size)]
    done = subprocess.run(command, env=environment({"PYTHONMALLOC": "malloc"}), capture_output=True,
                          text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.parametrize("option", ["-v", "-d"])
@pytest.mark.parametrize("size", [1000, 120_000, 1_000_000, 20_000_000])
def test_a_limit_leaves_nearly_what_the_c_library_gets_from_it(option, size):
    plain = filled(size, 400_000, option, under=lambda *command: map(str, command))
    assert plain > 250 * MIB
    assert filled(size, 400_000, option) >= 0.8 * plain  # sizes are rounded up to a class or to units


@pytest.mark.parametrize("kibibytes", [60_000, 100_000, 1_000_000, 100_000_000])
def test_python_starts_and_makes_threads_in_a_small_address_space(kibibytes):
    code = ("import threading; t = [threading.Thread(target=lambda: bytearray(100000)) for _ in range(3)]; "
            "threading.stack_size(1 << 20); [x.start() for x in t]; [x.join() for x in t]; "
            "print(len([0] * 1000000))")
    assert output(PYTHON, "-c", code, wrapper=limited("-v", kibibytes)) == "1000000\n"


# ---- what is forbidden ----------------------------------------------------------------------------

# x86-64, arm64: the numbers of the calls that the engine can do without.
NUMBERS = {"membarrier": {"x86_64": 324, "aarch64": 283}, "madvise": {"x86_64": 28, "aarch64": 233},
           "mremap": {"x86_64": 25, "aarch64": 216}}
THREADS = """
import os, threading
def work():
    for i in range(3000):
        bytearray(i * 10)
for _ in range(10):
    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads: t.start()
    pid = os.fork()
    if pid == 0:
        [bytearray(k) for k in range(1000)]
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    for t in threads: t.join()
data = bytearray(1000)
while len(data) < 30000000:
    data.extend(bytes(len(data)))
print("well")
"""


@pytest.mark.parametrize("names", [["membarrier"], ["madvise"], ["mremap"], list(NUMBERS)],
                         ids="-".join)
def test_system_calls_denied(built, names):
    numbers = [str(NUMBERS[name][os.uname().machine]) for name in names]
    done = finish(PYTHON, "-c", THREADS, env={"PYTHONMALLOC": "malloc"},
                  wrapper=[built / "deny", *numbers, "--"])
    assert done.stdout == "well\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
def test_setuid_program_runs_without_it(tmp_path_factory):
    """Its linker drops the variable: as ever, and without a word."""
    folder = tmp_path_factory.mktemp("setuid")
    for parent in [folder, *list(folder.parents)[:2]]:
        parent.chmod(0o755)
    shutil.copy(LIBRARY, folder / "libshale-malloc.so.0")
    shutil.copy(needs("cat"), folder / "cat")
    os.chmod(folder / "cat", 0o4755)
    done = subprocess.run(["sh", "-c", f"cat /proc/self/maps; echo; {folder}/cat /proc/self/maps"],
                          env={**os.environ, "LD_PRELOAD": str(folder / "libshale-malloc.so.0")},
                          user=65534, group=65534, extra_groups=[], capture_output=True, text=True,
                          check=True)
    mine, its = done.stdout.split("\n\n")
    assert "libshale-malloc" in mine and "libshale-malloc" not in its and done.stderr == ""


def test_namespaces_of_their_own():
    words = ["unshare", "-r", "-U", "-m", "-p", "-n", "--fork", "--mount-proc"]
    if subprocess.run([*words, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine allows no namespaces")
    assert output(*words, "sh", "-c", "echo $$; ls /proc | grep -c '^[0-9]'") == "1\n3\n"
    assert output(PYTHON, "-c", THREADS, wrapper=words) == "well\n"


# ---- what is unusual ------------------------------------------------------------------------------

def test_plugin_that_binds_to_the_c_library_first(built):
    assert output(built / "deepbind", built / "plugin.so") == "well\n"


def test_static_tls_is_left_to_the_plugins(built):
    libraries = []
    for number in range(25):
        libraries.append(built / f"tls{number}.so")
        cc("-shared", "-fPIC", f"-DBYTES={120 + number % 4}", PROGRAMS / "tls.c", "-o", libraries[-1])
    alone = subprocess.run([built / "tls", *libraries], capture_output=True, text=True, check=True)
    assert 1 < int(alone.stdout) < 25
    assert int(output(built / "tls", *libraries)) >= int(alone.stdout) - 1


def test_two_copies_in_one_process(tmp_path):
    """The first serves; the second is there and does nothing."""
    copy = shutil.copy(LIBRARY, tmp_path / "libshale-malloc-copy.so")
    assert output(PYTHON, "-c", THREADS, env={"LD_PRELOAD": str(copy)}) == "well\n"


def test_without_standard_streams(tmp_path):
    text = " ".join(f"'{word}'" for word in served(PYTHON, "-c", f'open("{tmp_path}/a", "w").write("well")'))
    subprocess.run(["sh", "-c", text + " <&- >&- 2>&-"], env=environment(), check=True, timeout=60)
    assert (tmp_path / "a").read_text() == "well"


def memcheck(program, *options):
    command = ["valgrind", "--leak-check=full", "--error-exitcode=9", *options, program]
    return subprocess.run([needs(command[0]), *command[1:]], capture_output=True, text=True, timeout=120,
                          env={**os.environ, "LD_PRELOAD": LIBRARY}, check=False)


def test_memcheck_puts_its_own_malloc_before_it_and_finds_what_it_finds(built):
    done = memcheck(built / "misuse")
    assert done.returncode == 9
    assert done.stderr.count("Invalid write of size 1") == 2, done.stderr
    assert "definitely lost: 300,040 bytes in 2 blocks" in done.stderr, done.stderr


def test_memcheck_runs_a_program_that_the_engine_serves(built):
    """With its interception off, valgrind's threads and signals are the engine's own affair."""
    done = subprocess.run([needs("valgrind"), "-q", "--error-exitcode=9",
                           "--soname-synonyms=somalloc=nouserintercepts", PYTHON, "-c",
                           "import threading; t = threading.Thread(target=bytes, args=(10,)); t.start(); "
                           "t.join(); print(len({str(i): i for i in range(20000)}))"],
                          env={**os.environ, "LD_PRELOAD": LIBRARY}, capture_output=True, text=True,
                          timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "20000\n"), done.stderr
