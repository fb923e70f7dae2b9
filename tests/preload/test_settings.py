# SPDX-License-Identifier: MIT
"""What the environment can choose of libshale-malloc.so: the purge thread, huge pages."""
import os
import subprocess
import sys

LIBRARY = os.environ["SHALE_MALLOC_LIB"]

PURGE = r"""
import os, time
MIB = 1 << 20
def rss():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / MIB
def threads():
    return len(os.listdir("/proc/self/task"))
def fill():
    return [bytearray(b"z" * 1000) for _ in range(100000)]
idle = rss()
data = fill()
assert rss() > idle + 80, rss()
del data
for _ in range(100):
    if rss() < idle + 3:
        break
    time.sleep(0.1)
print(threads(), rss() < idle + 3, flush=True)
if os.fork() == 0:
    data = fill()
    print(threads(), len(data), flush=True)
    del data
    os._exit(0)
assert os.wait()[1] == 0
data = fill()
print(threads(), len(data))
"""

HUGE = r"""
data = [bytearray(b"z" * 1000) for _ in range(160000)]
with open("/proc/self/smaps") as file:
    huge = sum(int(line.split()[1]) for line in file if line.startswith("AnonHugePages:"))
print(huge > 32 << 10)
"""


def run(code, **settings):
    environment = dict(os.environ, LD_PRELOAD=LIBRARY, PYTHONMALLOC="malloc", **settings)
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True,
                          text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_purge_thread_gives_all_back_and_survives_fork():
    assert run(PURGE, SHALE_PURGE_THREAD="1") == "2 True\n1 100000\n2 100000\n"


def test_no_purge_thread_unless_asked_for():
    assert run("import os; print(len(os.listdir('/proc/self/task')))") == "1\n"


def huge_pages_possible():
    with open("/sys/kernel/mm/transparent_hugepage/enabled", encoding="ascii") as file:
        return "[never]" not in file.read()


def test_huge_pages_when_asked_for():
    assert run(HUGE) == "False\n"
    expected = "True\n" if huge_pages_possible() else "False\n"
    assert run(HUGE, SHALE_HUGE_PAGES="1") == expected
