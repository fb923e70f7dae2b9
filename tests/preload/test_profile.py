# SPDX-License-Identifier: MIT
"""shale profile on programs: what it counts, how it ends, what it leaves behind."""
import os
import subprocess

import pytest
from programs import compile_c, shale

DUMP = os.environ["PROFILE_DUMP"]
EXITED, KILLED, DISK_FULL = 1, 2, 3
SQL = ("create table t(a,b); with recursive c(x) as (select 1 union all select x+1 from c where "
       "x<5000) insert into t select x, hex(x||'abcdefgh') from c; create index i on t(b); "
       "select count(*) from t;")

LEAKS = r"""
#include <stdlib.h>
#include <string.h>
void *volatile sink;
#define LEAK(name, size) \
    __attribute__((noinline)) static void name(void) { sink = malloc(size); sink = NULL; }
LEAK(leak_small, 24)
LEAK(leak_large, 100000)
__attribute__((noinline)) static void leak_grown(void)
{
    sink = realloc(malloc(10), 5000);
    sink = NULL;
}
__attribute__((noinline)) static void keep_nothing(void)
{
    void *block = calloc(3, 70);
    sink = block;
    free(block);
}
int main(void)
{
    for (int i = 0; i < 7; i++) {
        leak_small();
        keep_nothing();
    }
    leak_large();
    leak_grown();
    return 0;
}
"""

SHORT_OF_ROOM = r"""
#include <stdlib.h>
int main(void)
{
    static void *blocks[200000];
    for (int i = 0; i < 200000; i++)
        blocks[i] = malloc(32);
    for (int i = 0; i < 200000; i++)
        free(blocks[i]);
    return 7;
}
"""


def dump(path):
    done = subprocess.run([DUMP, path], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{path}: {done.stderr}"
    lines = [line.split() for line in done.stdout.splitlines()]
    figures = {line[0]: int(line[1]) for line in lines if line[0] != "leak"}
    figures["leaks"] = [(int(line[1]), int(line[2]), line[3:]) for line in lines if line[0] == "leak"]
    return figures


def profile(folder, *command, mode="full", status=0, **options):
    path = folder / "out.shprof"
    done = shale("profile", "--mode", mode, "-o", path, "--", *command, **options)
    assert done.returncode == status, done.stderr
    return dump(path), done


def test_what_cannot_be_is_said_before_the_program_runs(tmp_path):
    ran = tmp_path / "ran"
    for option, value, said in (("-o", tmp_path / "none" / "out.shprof", "try another place"),
                                ("--suppressions", tmp_path / "none", "the suppressions")):
        done = shale("profile", option, value, "--", "touch", ran)
        assert done.returncode == 125 and said in done.stderr, done.stderr
        assert "No such file or directory" in done.stderr and not ran.exists()


def test_sqlite_the_same_in_every_mode(tmp_path):
    seen = {mode: profile(tmp_path, "sqlite3", ":memory:", SQL, mode=mode)[0]
            for mode in ("counters", "sample", "full")}
    for name in ("allocations", "bytes", "frees", "temporary"):
        assert len({figures[name] for figures in seen.values()}) == 1, name
    assert seen["full"]["allocations"] > 10000
    assert seen["full"]["sealed"] and seen["full"]["end"] == EXITED
    assert seen["full"]["live_blocks"] == \
        seen["full"]["allocations"] - seen["full"]["frees"] + seen["full"]["foreign"]


def test_leaks_are_those_of_the_program(tmp_path):
    program = compile_c(tmp_path, "leaks", LEAKS, "-g", "-O1", "-fno-builtin")
    figures, _ = profile(tmp_path, program)
    found = {stack[0]: (blocks, size) for blocks, size, stack in figures["leaks"]}
    assert found == {"leak_small": (7, 168), "leak_large": (1, 100000), "leak_grown": (1, 5000)}
    assert all("main" in stack for _, _, stack in figures["leaks"])
    assert figures["temporary"] == 8  # keep_nothing's, and the block that realloc took


def test_stacks_with_and_without_frame_pointers_agree(tmp_path):
    seen = []
    for flag in ("-fomit-frame-pointer", "-fno-omit-frame-pointer"):
        program = compile_c(tmp_path, "leaks", LEAKS, "-g", "-O1", "-fno-builtin", flag)
        figures, _ = profile(tmp_path, program)
        seen.append(sorted((blocks, size, stack[:2]) for blocks, size, stack in figures["leaks"]))
    assert seen[0] == seen[1]


def test_summary_names_what_was_counted(tmp_path):
    figures, done = profile(tmp_path, "sqlite3", ":memory:", SQL)
    assert done.stdout == "5000\n"
    assert "sqlite3" in done.stderr
    assert str(figures["allocations"]) in done.stderr.replace(",", "")


def test_quiet_says_nothing(tmp_path):
    done = shale("profile", "-q", "-o", tmp_path / "out", "--", "true")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("allocator", ("jemalloc", "shale"))
def test_other_allocators_are_counted_alike(tmp_path, allocator):
    library = os.path.dirname(os.environ["SHALE_MALLOC_LIB"])
    own, _ = profile(tmp_path, "sqlite3", ":memory:", SQL)
    done = shale("profile", "-m", "full", "-a", allocator, "-o", tmp_path / "other", "--", "sqlite3",
                 ":memory:", SQL, env={"SHALE_ALLOCATOR_PATH": library})
    assert done.returncode == 0, done.stderr
    # The allocator's library itself may allocate while it is loaded.
    assert 0 <= dump(tmp_path / "other")["allocations"] - own["allocations"] < 50


def test_killed_program_leaves_what_it_counted(tmp_path):
    script = "import os, signal\nblocks = [bytearray(2000) for _ in range(3000)]\nos.kill(os.getpid(), 9)"
    path = tmp_path / "out.shprof"
    done = shale("profile", "-q", "--mode", "full", "-o", path, "--", "/usr/bin/python3", "-c", script)
    assert done.returncode == -9
    figures = dump(path)
    assert figures["end"] == KILLED and not figures["sealed"]
    assert figures["live_bytes"] > 6000000


def test_exit_status_is_the_programs(tmp_path):
    done = shale("profile", "-q", "-o", tmp_path / "out", "--", "sh", "-c", "exit 42")
    assert done.returncode == 42


def test_no_room_ends_the_recording_not_the_program(tmp_path):
    program = compile_c(tmp_path, "room", SHORT_OF_ROOM, "-O1", "-fno-builtin")
    figures, done = profile(tmp_path, program, status=7, wrapper=["sh", "-c", 'ulimit -f 4096; exec "$@"', "sh"])
    assert "ends here" in done.stderr and "the program goes on" in done.stderr
    assert figures["end"] == DISK_FULL and figures["allocations"] > 1000


def test_no_file_at_all_lets_the_program_run(tmp_path):
    folder = tmp_path / "goes"
    folder.mkdir()
    done = shale("profile", "-q", "-o", folder / "out.%p", "--", "sh", "-c",
                 f"rm -r {folder}; exec echo here")
    assert (done.returncode, done.stdout) == (0, "here\n")
    assert "without a profile" in done.stderr


def test_every_child_has_its_file(tmp_path):
    script = ("import os\nfor i in range(60):\n    if os.fork() == 0:\n        b = bytearray(100000)\n"
              "        os._exit(0)\nfor i in range(60): os.wait()")
    for flags, count in (([], 61), (["--no-follow"], 1)):
        folder = tmp_path / str(count)
        folder.mkdir()
        done = shale("profile", "-q", *flags, "-m", "full", "-o", folder / "out", "--",
                     "/usr/bin/python3", "-c", script)
        assert done.returncode == 0, done.stderr
        files = list(folder.iterdir())
        assert len(files) == count
        for path in files:
            dump(path)


def test_executed_programs_have_files_of_their_own(tmp_path):
    done = shale("profile", "-q", "-o", tmp_path / "out", "--", "sh", "-c", "exec sqlite3 :memory: 'select 1'")
    assert done.returncode == 0
    assert len(list(tmp_path.iterdir())) == 2


def test_a_damaged_file_is_refused(tmp_path):
    profile(tmp_path, "true")
    path = tmp_path / "out.shprof"
    data = bytearray(path.read_bytes())
    data[5000] ^= 4
    path.write_bytes(data)
    done = subprocess.run([DUMP, path], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1 and "checksum" in done.stderr


def test_wrong_arguments_are_told(tmp_path):
    assert shale("profile").returncode == 64
    assert shale("profile", "--mode", "some", "--", "true").returncode == 64
    assert shale("profile", "--sample", "many", "--", "true").returncode == 64
    assert shale("profile", "-m", "full", "--sample", "4K", "--", "true").returncode == 64
    assert shale("profile", "-o", tmp_path / "out", "--", "no-such-program").returncode == 127

