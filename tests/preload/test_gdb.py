# SPDX-License-Identifier: MIT
"""tools/gdb/shale.py on a process that runs, on its core file, and where there is no engine."""
import os
import pathlib
import re
import resource
import subprocess

import pytest

SCRIPT = pathlib.Path(os.environ["SHALE_SOURCE"]) / "tools/gdb/shale.py"
LIBRARY = os.environ["SHALE_MALLOC_LIB"]
PROGRAM = os.environ["STATS_MALLOC"]
LIVE, CLASS = 9000, 1536


def gdb(*arguments):
    done = subprocess.run(["gdb", "-q", "-batch", "-iex", "set debuginfod enabled off",
                           "-x", SCRIPT, *map(str, arguments)], capture_output=True, text=True,
                          timeout=60, stdin=subprocess.DEVNULL)
    return done.stdout + done.stderr


def small_range():
    """So that a core file is small too: the range is half of this."""
    resource.setrlimit(resource.RLIMIT_AS, (1 << 29, 1 << 29))


@pytest.fixture(scope="module")
def process():
    with subprocess.Popen([PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          preexec_fn=small_range, env={**os.environ, "LD_PRELOAD": LIBRARY}) as process:
        assert process.stdout.readline() == b"ready\n"
        yield process
        process.kill()


@pytest.fixture(scope="module")
def core(process, tmp_path_factory):
    file = tmp_path_factory.mktemp("core") / "core"
    gdb("-p", process.pid, "-ex", f"gcore {file}")
    return file


@pytest.fixture(params=["process", "core"])
def target(request, process):
    if request.param == "process":
        return ["-p", process.pid]
    return [PROGRAM, request.getfixturevalue("core")]


def ask(target, *commands):
    return gdb(*target, *(word for command in commands for word in ("-ex", command)))


def test_heap_counts_classes_and_large_blocks(target):
    text = ask(target, "shale heap")
    slabs, live, capacity = map(int, re.search(rf"^ +{CLASS} +(\d+) +(\d+) +(\d+)$", text, re.M).groups())
    assert slabs * 42 == capacity and LIVE <= live <= 10000  # messages on their way count as live
    assert "blocks of units: 1, 320.0 KiB" in text and "blocks of segments: 1, 4.0 MiB" in text


def test_slabs_are_listed_by_size(target):
    text = ask(target, f"shale slabs {CLASS}")
    rows = re.findall(rf"^ +\d+ +[0-9a-f]+ +{CLASS} +(\d+) +42 +2 (\w+)$", text, re.M)
    assert len(rows) == -(-10000 // 42)
    assert {where for _, where in rows} <= {"full", "partial", "current"}


def test_segments_and_threads_are_listed(target):
    text = ask(target, "shale segments", "shale threads", "shale epochs")
    states = re.findall(r"^ +\d+ +[0-9a-f]+ +(\w+) +\d+ +\d+$", text, re.M)
    assert states.count("large") == 2 and states.count("units") >= 7
    assert re.search(r"^ +2 +live +0 +24\d ", text, re.M), text
    assert re.search(r"^1 late +live ", text, re.M)
    assert re.search(r"^ +slot +id +state ", text, re.M)


def test_a_pointer_is_explained(target):
    text = ask(target, "shale block blocks[5000]+7", "shale block wide+19999", "shale block $_shale_hot(276).free",
               "shale block main", "shale block (char *)slab_range.base + 100")
    assert re.search(rf"block \d+ \+ 7 of {CLASS} bytes in slab \d+ of heap 2: live", text)
    assert "is not the engine's: foreign, or mapped directly" in text
    assert "which is free" in text
    assert re.search(r"block 0 \+ 19999 of 20480 bytes in slab \d+ of heap 2: live", text), text


def test_freed_blocks_are_told_from_live_ones(target):
    """The first block that the thread freed is in its slab's chain; the last one is live."""
    text = ask(target, "shale block blocks[0]", "shale block blocks[9999]")
    states = re.findall(r"of heap 2: (.*)", text)
    assert len(states) == 2 and states[1].startswith("live")
    assert states[0] == "free" or states[0].endswith("on its way")


def test_structures_have_printers(target):
    text = ask(target, "p slab_range", "p $_shale_hot(32)", "p slab_range.units[32]",
               "p slab_range.rems[33]", "p slab_range.segs[1]")
    assert re.search(r"\$1 = 1\.0 GiB at 0x[0-9a-f]+, \d+ segments", text), text
    assert re.search(rf"\$2 = slab 32: 42 blocks of {CLASS} bytes, 42 linked, 42 allocs, \d+ frees, ", text)
    assert re.search(r"\$3 = slab, generation 0, class \d+", text)
    assert re.search(r"\$4 = \d+ freed", text)
    assert re.search(r"\$5 = units, used 0xffffffff, clean 0x00000000", text)


HANDLES = """
#include <shale/handle.h>
#include <stdio.h>
shale_handle live, freed, reused;
int main(void)
{
    struct shale_epoch_options options = {.flags = SHALE_EPOCH_HANDLES};
    shale_epoch epoch;
    if (shale_epoch_open(&options, &epoch) != 0)
        return 1;
    live = shale_handle_alloc(epoch, 100, NULL);
    freed = shale_handle_alloc(epoch, 100, NULL);
    reused = shale_handle_alloc(epoch, 3000, NULL);
    shale_handle_free(freed);
    shale_handle_free(reused);
    reused = reused && shale_handle_alloc(epoch, 3000, NULL) ? reused : 0;
    puts("ready");
    fflush(stdout);
    return getchar() == 0;
}
"""


def test_handles_are_decoded(tmp_path):
    source = SCRIPT.parents[2]
    build = pathlib.Path(os.environ["SHALE_BUILD"])
    (tmp_path / "handles.c").write_text(HANDLES)
    subprocess.run(["cc", "-g", f"-I{source}/include", f"-I{build}/include", "-o",
                    tmp_path / "handles", tmp_path / "handles.c", f"-L{build}/src", "-lshale",
                    f"-Wl,-rpath,{build}/src"], check=True)
    with subprocess.Popen([tmp_path / "handles"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        text = ask(["-p", process.pid], "shale handle live", "shale handle freed",
                   "shale handle reused", "shale handle 0x2000000000000001", "p live",
                   "p (shale_handle)0")
        process.kill()
    states = re.findall(r"^handle of format \d: unit \d+, slot \d+, generation \d+, tag \d+: (.*)$",
                        text, re.M)
    assert re.fullmatch(r"valid, 112 bytes at 0x[0-9a-f]+", states[0]), text
    assert states[1:] == ["freed", "stale", "no handle"]
    assert re.search(r"^\$1 = handle of format 1: unit \d+, slot 0, generation \d+, tag 1$", text, re.M)
    assert "$2 = null handle" in text


def test_program_without_the_engine_is_told_so():
    text = gdb("-ex", "shale heap", "/bin/true")
    assert "no engine of Shale here, or no debug information of it" in text


def test_engine_that_has_not_started_is_told_so():
    assert "the engine has not started" in gdb("-ex", "shale heap", LIBRARY)


def test_help_names_every_command():
    text = gdb("-ex", "help shale")
    for command in ("heap", "segments", "slabs", "threads", "epochs", "block", "handle"):
        assert f"shale {command}" in text
