# SPDX-License-Identifier: MIT
"""shale-trace: what is recorded is what was done, and every allocator does it again the same way."""
import json
import os
import pathlib
import random
import re
import signal
import socket
import struct
import subprocess
import time

import pytest

from programs import SHALE, compile_c, wait_until
from workload import FOLDER

TRACE = FOLDER / "shale-trace"
ALLOCATORS = ["system", "jemalloc", "mimalloc", "tcmalloc", "shale"]
TAIL = 4096  # events of the uncompressed part at the beginning
FRAMES = 4096 + TAIL * 24
PYTHON = "import json; x = [json.loads('{\"a\": [1, 2, 3], \"b\": \"' + 'x' * (i % 300) + '\"}') " \
         "for i in range(4000)]; del x[::2]; print(len(x))"

# Threads that free each other's blocks in an order that only a common clock can tell.
THREADS = r"""
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void *shared[64];
static void *work(void *argument)
{
    unsigned random = (unsigned)(size_t)argument;
    for (int i = 0; i < 20000; i++) {
        size_t size = 1 + rand_r(&random) % 2000;
        unsigned slot = rand_r(&random) % 64, how = rand_r(&random) % 8;
        pthread_mutex_lock(&lock);
        void *old = shared[slot];
        shared[slot] = NULL;
        pthread_mutex_unlock(&lock);
        if (how == 0)
            old = realloc(old, size);
        else {
            free(old);
            old = how == 1 ? calloc(size, 1) : how == 2 ? aligned_alloc(256, 512) : malloc(size);
        }
        pthread_mutex_lock(&lock);
        void *other = shared[slot];
        shared[slot] = old;
        pthread_mutex_unlock(&lock);
        free(other);
    }
    return NULL;
}
int main(void)
{
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, work, (void *)(i + 1));
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 64; i++)
        free(shared[i]);
    return 0;
}
"""

# What a trace is to say, number by number.
KNOWN = r"""
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/wait.h>
#include <signal.h>
int main(int argc, char **argv)
{
    char *blocks[1000];
    for (int i = 0; i < 1000; i++)
        blocks[i] = malloc(1000 + i);
    for (int i = 0; i < 1000; i++)
        blocks[i] = realloc(blocks[i], 3000);
    for (int i = 0; i < 500; i++)
        free(blocks[i]);
    void *aligned;
    if (posix_memalign(&aligned, 4096, 10000) != 0)
        return 1;
    if (argc > 1 && strcmp(argv[1], "fork") == 0) {
        pid_t child = fork();
        for (int i = 500; i < (child ? 600 : 1000); i++)
            free(blocks[i]);
        for (int i = 0; i < 10000; i++)
            free(malloc(i));
        if (child)
            waitpid(child, NULL, 0);
    }
    if (argc > 1 && strcmp(argv[1], "close") == 0) {
        for (int fd = 3; fd < 100; fd++)
            close(fd);
        for (int i = 0; i < 20000; i++)
            free(malloc(77));
    }
    if (argc > 1 && strcmp(argv[1], "kill") == 0)
        raise(SIGKILL);
    return 0;
}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("trace")
    compile_c(path, "threads", THREADS, "-O1", "-fno-builtin", "-pthread")
    compile_c(path, "known", KNOWN, "-O0", "-fno-builtin")
    return path


def trace(*arguments, **options):
    return subprocess.run([TRACE, *map(str, arguments)], capture_output=True, text=True,
                          **{"timeout": 120, **options})


def record(file, *command, status=0, options=(), **more):
    done = trace("record", "-o", file, *options, "--", *command, **more)
    assert done.returncode == status, done.stderr
    return file


def show(file):
    done = trace("show", file)
    assert done.returncode == 0, done.stderr
    return dict(line.split(None, 1) for line in done.stdout.replace("live at most", "live ")
                .splitlines())


def replay(file, *options, allocator="system"):
    done = subprocess.run([SHALE, "run", "--allocator", allocator, "--", TRACE, "replay", "--json",
                           *options, file], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def curve(result):
    return [(point["step"], point["live_bytes"], point["live_blocks"])
            for point in result["curve"]]


@pytest.fixture(scope="module")
def python_trace(folder):
    return record(folder / "python", "/usr/bin/python3", "-c", PYTHON,
                  env={**os.environ, "PYTHONMALLOC": "malloc"})


@pytest.fixture(scope="module")
def redis_trace(folder):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
    file = folder / "redis"
    with subprocess.Popen([TRACE, "record", "-o", file, "--", "redis-server", "--port", port,
                           "--save", "", "--appendonly", "no"], stdout=subprocess.DEVNULL) as server:
        try:
            wait_until(lambda: subprocess.run(["redis-cli", "-p", port, "ping"],
                                              capture_output=True).stdout == b"PONG\n", 60)
            subprocess.run(["redis-benchmark", "-q", "-p", port, "-t", "set,get,lpush", "-n", "5000",
                            "-r", "5000", "-P", "8"], stdout=subprocess.DEVNULL, check=True,
                           timeout=120)
        finally:
            server.kill()  # a trace needs no good end
    return file


@pytest.fixture(scope="module")
def thread_trace(folder):
    return record(folder / "threads.trace", folder / "threads")


@pytest.mark.parametrize("name", ["python_trace", "redis_trace", "thread_trace"])
def test_every_allocator_has_the_same_live_bytes_curve(name, request):
    file = request.getfixturevalue(name)
    results = {allocator: replay(file, allocator=allocator) for allocator in ALLOCATORS}
    first = results["system"]
    assert first["steps"] > 10000 and first["foreign_frees"] == 0
    assert len(first["curve"]) > 100
    assert max(live for _, live, _ in curve(first)) > 10000
    for allocator, result in results.items():
        assert curve(result) == curve(first), allocator
        assert result["corrupted"] == result["failed"] == 0
        assert result["usable_bytes_max"] >= result["live_bytes_max"] == first["live_bytes_max"]
    # They are no copies of each other: memory is the allocators' own.
    assert len({result["rss_peak_bytes"] for result in results.values()}) > 1


def test_one_thread_does_the_same_as_many(thread_trace):
    many, one = replay(thread_trace), replay(thread_trace, "--one-thread")
    assert many["threads"] == 5
    assert curve(many) == curve(one)
    assert replay(thread_trace, "--repeat", "3")["live_bytes_max"] == one["live_bytes_max"]


def test_threads_lose_nothing(thread_trace):
    shown = show(thread_trace)
    assert "5 threads" in shown["events"]
    assert shown["missed"] == "0 calls, 0 frees"
    assert replay(thread_trace)["curve"][-1]["live_blocks"] < 20  # of the C library


def test_a_known_program_is_recorded_number_by_number(folder, tmp_path):
    file = record(tmp_path / "trace", folder / "known")
    shown = show(file)
    assert "ended" in shown["process"]
    counts = [int(word) for word in re.findall(r"\d+", shown["allocations"])]
    assert counts == [1000, 0, 1, 1000]
    assert shown["frees"].startswith("500, and 0 of blocks from before")
    assert shown["live"] == "3000000 bytes in 1000 blocks"
    assert str(folder / "known") in shown["program"]
    last = replay(file)["curve"][-1]
    assert (last["live_bytes"], last["live_blocks"]) == (500 * 3000 + 10000, 501)


def test_a_killed_process_has_recorded_everything(folder, tmp_path):
    file = record(tmp_path / "trace", folder / "known", "kill", status=-signal.SIGKILL)
    assert "killed" in show(file)["process"]
    last = replay(file)["curve"][-1]
    assert (last["live_bytes"], last["live_blocks"]) == (500 * 3000 + 10000, 501)


def test_a_process_killed_at_any_moment_leaves_a_good_trace(folder, tmp_path):
    """At whatever event: what was done before it is there."""
    for turn in range(12):
        file = tmp_path / f"trace{turn}"
        with subprocess.Popen([TRACE, "record", "-o", file, "--", folder / "threads"]) as program:
            time.sleep(0.005 * turn)
            program.kill()
        if file.exists() and file.stat().st_size >= FRAMES and file.read_bytes()[:8] != bytes(8):
            assert "0 frees" in show(file)["missed"]
            result = replay(file)
            assert result["corrupted"] == 0 and result["foreign_frees"] == 0


def test_children_have_traces_of_their_own_when_asked_for(folder, tmp_path):
    alone = record(tmp_path / "alone", folder / "known", "fork")
    assert [path.name for path in tmp_path.iterdir()] == ["alone"]
    record(tmp_path / "all", folder / "known", "fork", options=["-c"])
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) == 3 and re.fullmatch(r"all\.\d+", names[1]), names
    parent, child = replay(tmp_path / "all"), replay(tmp_path / names[1])
    assert curve(parent) == curve(replay(alone))
    assert parent["curve"][-1]["live_bytes"] == 400 * 3000 + 10000
    assert child["foreign_frees"] == 500  # of the parent's blocks
    assert child["curve"][-1]["live_bytes"] == 0


def test_an_exec_keeps_the_name_for_the_last_program(folder, tmp_path):
    file = record(tmp_path / "trace", "sh", "-c", f"exec {folder}/known")
    assert str(folder / "known") in show(file)["program"]
    before = [path for path in tmp_path.iterdir() if path != file]
    assert all(re.fullmatch(r"trace\.\d+\.\d", path.name) for path in before)


def test_a_program_that_closes_every_descriptor_is_recorded(folder, tmp_path):
    file = record(tmp_path / "trace", folder / "known", "close")
    assert "ended" in show(file)["process"]
    assert int(show(file)["events"].split(",")[0]) > 40000


def test_the_memory_of_a_full_disk_is_no_crash(folder, tmp_path):
    """The limit of file sizes stands in for it: SIGXFSZ is ignored, writes fail."""
    done = subprocess.run(["sh", "-c", "trap '' XFSZ; ulimit -f 400; exec \"$0\" record -o "
                           "\"$1\" -- \"$2\"", TRACE, tmp_path / "trace", folder / "threads"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "could not write on" in show(tmp_path / "trace")["process"]
    assert replay(tmp_path / "trace")["steps"] > TAIL


def test_a_folder_that_cannot_be_written_is_said(folder, tmp_path):
    done = trace("record", "-o", tmp_path / "no/trace", "--", folder / "known")
    assert done.returncode == 0 and "cannot write" in done.stderr


@pytest.mark.parametrize("share", [0.999, 0.7, 0.5])
def test_a_trace_that_is_cut_off_is_good_for_what_it_has(thread_trace, tmp_path, share):
    data = pathlib.Path(thread_trace).read_bytes()
    cut = tmp_path / "cut"
    cut.write_bytes(data[:FRAMES + int((len(data) - FRAMES) * share)])
    done = trace("replay", cut)
    assert done.returncode == 0 and "it is cut off" in done.stderr


def test_garbage_is_refused_with_a_reason(thread_trace, tmp_path):
    data = pathlib.Path(thread_trace).read_bytes()
    cases = {"empty": b"", "short": data[:100], "text": b"hello\n" * 30000,
             "no frame": data[:FRAMES] + b"x" * 100,
             "version": data[:8] + struct.pack("<I", 25) + data[12:],
             "counts": data[:24] + struct.pack("<QQ", 5, 1 << 60) + data[40:]}
    for name, content in cases.items():
        (tmp_path / "bad").write_bytes(content)
        for command in ("show", "replay"):
            done = trace(command, tmp_path / "bad")
            assert done.returncode == 65 and "bad'" in done.stderr, (name, done)
    assert trace("replay", tmp_path / "none").returncode == 65
    assert trace("replay", tmp_path).returncode == 65


def test_damaged_files_never_crash_the_reader(thread_trace, tmp_path):
    seed = int(os.environ.get("SHALE_SEED", time.time_ns() % 10**6))
    print("seed", seed)
    chance = random.Random(seed)
    data = pathlib.Path(thread_trace).read_bytes()
    for _ in range(40):
        damaged = bytearray(data)
        for _ in range(chance.randrange(1, 8)):
            where = chance.choice([chance.randrange(64), FRAMES + chance.randrange(20),
                                   chance.randrange(len(data))])
            damaged[where] = chance.randrange(256)
        (tmp_path / "bad").write_bytes(damaged)
        assert trace("show", tmp_path / "bad").returncode in (0, 65)


def test_an_existing_file_is_not_overwritten(folder, tmp_path):
    (tmp_path / "mine").write_text("mine")
    assert trace("record", "-o", tmp_path / "mine", "--", folder / "known").returncode == 64
    assert (tmp_path / "mine").read_text() == "mine"


def test_wrong_command_lines_end_with_their_statuses(tmp_path):
    for words in ([], ["record"], ["record", "-o", "x"], ["show"], ["replay"], ["dance"],
                  ["replay", "--samples", "0", "x"], ["replay", "--repeat", "x", "x"]):
        assert trace(*words).returncode == 64, words
    assert trace("record", "-o", tmp_path / "a", "--", "/no/program").returncode == 127
    assert trace("record", "-o", tmp_path / "b", "--", tmp_path).returncode == 126
