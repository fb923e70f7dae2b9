# SPDX-License-Identifier: MIT
"""`shale verify`: what cannot be read, commands it starts, wrong files and wrong arguments."""
import glob
import json
import os
import pathlib
import signal
import subprocess
import time

import jsonschema
import pytest

from verifying import (  # noqa: F401 -- `built` is a fixture
    ACTIVE, DATA, IO, LIBRARIES, NOBODY, NOT_EXECUTABLE, NOT_FOUND, PROGRAMS,
    SCHEMA, SHALE, UNAVAILABLE, UNKNOWN, USAGE, built, cc, report, running, serves,
    verify
)

# What cannot be read

def test_pid_that_ended_or_never_was():
    child = subprocess.Popen(["true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    zombie = verify(child.pid)
    child.wait()
    gone = verify(child.pid)
    assert zombie.returncode == gone.returncode == UNAVAILABLE
    assert "ended" in zombie.stderr and "no process" in gone.stderr
    assert not zombie.stdout and not gone.stdout


def test_pid_that_ends_while_it_is_read(built):
    seen = set()
    for number in range(40):
        child = subprocess.Popen([built / "waiter"], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL)
        looking = subprocess.Popen([SHALE, "verify", str(child.pid)], stderr=subprocess.PIPE,
                                   stdout=subprocess.DEVNULL, text=True)
        time.sleep(number * 0.0002)
        child.kill()
        text = looking.communicate(timeout=30)[1]
        child.wait()
        assert looking.returncode in (ACTIVE, UNKNOWN, UNAVAILABLE), text
        assert (looking.returncode == UNAVAILABLE) == ("ended" in text or "no process" in text)
        seen.add(looking.returncode)
    assert UNAVAILABLE in seen


def test_pid_of_another_user_is_a_clear_error():
    if os.getuid() != 0:
        pytest.skip("needs root to act as another user")
    done = verify(os.getpid(), user=NOBODY)
    assert done.returncode == UNAVAILABLE and not done.stdout
    assert "belongs to user 0" in done.stderr and "sudo shale verify" in done.stderr


def test_kernel_thread_is_unknown():
    if "kthreadd" not in pathlib.Path("/proc/2/stat").read_text():
        pytest.skip("no kernel threads are to be seen in this container")
    assert "kernel thread" in report(2)["reason"]


@pytest.mark.parametrize("lie", ["circle", "bogus", "name", "busy", "base"])
def test_program_that_lies_to_debuggers_holds_nobody_up(built, lie):
    if not (built / "liar").exists():
        cc(PROGRAMS / "liar.c", "-o", built / "liar", "-Wl,-z,now")
    with running(built / "liar", lie) as process:
        start = time.monotonic()
        done = verify(process.pid)
        assert time.monotonic() - start < 10
        assert process.poll() is None
    assert done.returncode in (UNKNOWN, ACTIVE), done.stderr
    assert lie == "name" or done.returncode == UNKNOWN


def test_target_that_crashes_does_not_take_us_along(built):
    cc(PROGRAMS / "crasher.c", "-o", built / "crasher")
    cc("-shared", "-fPIC", PROGRAMS / "crasher.c", "-o", built / "libcrash.so")
    done = verify("--", built / "crasher")
    assert done.returncode == ACTIVE and done.stdout.startswith("ACTIVE: system")
    done = verify("--", "env", "CRASH_EARLY=1", f"LD_PRELOAD={built}/libcrash.so",
                  built / "waiter")
    assert done.returncode == UNKNOWN and "signal" in done.stderr.lower() + done.stdout.lower()


# Commands

def test_command_is_judged_before_its_main_and_runs_on(built):
    done = verify("--", "sh", "-c", "echo from the program; exit 7")
    first, *rest = done.stdout.splitlines()
    assert done.returncode == ACTIVE and first.startswith("ACTIVE: system")
    assert rest[-1] == "from the program"


def test_command_with_stop_does_not_run(built):
    mark = built / "mark"
    start = time.monotonic()
    found = report("--stop", "--", built / "waiter", preload=LIBRARIES["jemalloc"])
    assert serves(found, "jemalloc")
    done = verify("--stop", "--", "sh", "-c", f"sleep 5; touch {mark}")
    assert done.returncode == ACTIVE and not mark.exists() and time.monotonic() - start < 4


def test_follow_judges_children_and_what_they_execute(built):
    library = LIBRARIES["mimalloc"]
    done = verify("--follow", "--json", "-o", built / "tree.json", "--", "sh", "-c",
                  f"sleep 0.2; LD_PRELOAD={library} sh -c 'sleep 0.3; exec sleep 0.3'; true")
    assert done.returncode == ACTIVE, done.stderr
    found = json.loads((built / "tree.json").read_text())
    jsonschema.validate(found, SCHEMA)
    pairs = [(one["target"], one["allocator"]["name"]) for one in found]
    assert pairs[0] == ("sh", "system")
    assert {("sh", "mimalloc"), ("sleep", "mimalloc"), ("sleep", "system")} <= set(pairs)


def test_follow_of_a_pid_judges_its_children(built):
    with running("sh", "-c", f"{built}/waiter; true") as process:
        done = verify("--follow", process.pid)
    assert done.returncode == ACTIVE
    assert [line.split(" in ")[1].split()[0] for line in done.stdout.splitlines()
            if line.startswith("ACTIVE")] == ["sh", "waiter"]


def test_interrupt_ends_the_command(built):
    process = subprocess.Popen([SHALE, "verify", "--", "sleep", "60"], stdout=subprocess.PIPE,
                               text=True)
    line = process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    start = time.monotonic()
    process.communicate(timeout=20)
    pid = int(line.rsplit("(pid ")[1].rstrip(")\n"))
    assert time.monotonic() - start < 10 and not pathlib.Path(f"/proc/{pid}").exists()


# Files and usage

def test_file_that_is_no_program(built):
    (built / "empty").write_bytes(b"")
    (built / "cut").write_bytes((built / "waiter").read_bytes()[:500])
    for name in ("empty", "cut", "."):
        done = verify(built / name)
        assert done.returncode == DATA and "cannot judge" in done.stderr, name
    assert verify("/nonexistent").returncode == UNAVAILABLE


def test_library_is_unknown_and_named():
    found = report(glob.glob("/usr/lib/*/libmimalloc.so.2")[0])
    assert found["verdict"] == "UNKNOWN" and "mimalloc" in found["reason"]


@pytest.mark.parametrize("arguments,status,text", [
    (["--expect", "hoard", "1"], USAGE, "known"),
    (["--expect", "hoard", "--", "true"], USAGE, "known"),
    (["1", "2"], USAGE, "one PID or FILE"),
    (["--stop", "1"], USAGE, "--stop"),
    (["--wait", "-1", "--", "true"], USAGE, "--wait"),
    (["--follow"], USAGE, "--follow"),
    (["--follow", "--stop", "--", "true"], USAGE, "--follow"),
    (["--nonsense"], USAGE, "--nonsense"),
    (["12345678901234"], USAGE, "too large"),
    (["--", "/nonexistent"], NOT_FOUND, "nonexistent"),
    (["--", "/etc/passwd"], NOT_EXECUTABLE, "passwd"),
    (["-o", "/nonexistent/x"], IO, "cannot write"),
    (["-o", "/dev/full"], IO, "cannot write"),
])
def test_wrong_arguments(arguments, status, text):
    done = verify(*arguments)
    assert done.returncode == status and text in done.stderr, done.stderr


def test_text_output_names_all_that_matters(built):
    with running(built / "waiter", preload=LIBRARIES["mimalloc"]) as process:
        short = verify(process.pid).stdout
        long = verify("--all", process.pid).stdout
    assert short.startswith("ACTIVE: mimalloc ") and f"(pid {process.pid})" in short
    assert "LD_PRELOAD" in short and "evidence" not in short
    assert "function   operator new: mimalloc" in long and "evidence   binding" in long
