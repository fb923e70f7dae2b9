# SPDX-License-Identifier: MIT
"""What libshale-malloc-secure.so says of each fault, to the letter, and how the process ends; and
that a program without one is served and proven."""
import os
import signal
import subprocess

import pytest

LIBRARY = os.environ["SHALE_MALLOC_SECURE_LIB"]
PROGRAM = os.environ["SECURE_PROGRAM"]
SHALE = os.environ["SHALE"]


def run(name):
    return subprocess.run([PROGRAM, name], env={**os.environ, "LD_PRELOAD": LIBRARY}, text=True,
                          capture_output=True, timeout=60, check=False)


REPORTS = {
    "double_free": "double free of {}, a block of 64 bytes",
    "double_free_later": "double free of {}, a block of 64 bytes",
    "double_free_elsewhere": "double free of {}, a block of 64 bytes",
    "resize_freed": "double free of {}, a block of 64 bytes",
    "free_inside": "free of {}, which is inside a block of 64 bytes",
    "free_inside_large": "free of {}, which is inside a block of 323584 bytes",
    "free_nothing": "free of {}, where no block is",
}


@pytest.mark.parametrize("name", REPORTS)
def test_fault_is_reported_to_the_letter(name):
    done = run(name)
    assert done.stderr == f"shale: {REPORTS[name].format(done.stdout.strip())}\n"
    assert done.returncode == -signal.SIGABRT


def test_write_to_a_free_block_is_found_when_it_is_handed_out():
    done = run("write_after_free")
    words = done.stderr.split()
    assert words[:3] == ["shale:", "free", "block"] and int(words[3], 16) % 16 == 0
    assert words[4:] == "was written to, a block of 64 bytes".split() and done.stdout == "any\n"
    assert done.returncode == -signal.SIGABRT


@pytest.mark.parametrize("name", ["overrun_large", "overrun_segments", "overrun_slab"])
def test_overrun_stops_at_the_first_byte_of_the_guard(name):
    done = run(name)
    assert done.stderr == f"fault at {done.stdout}"
    assert done.returncode == -signal.SIGSEGV


def test_freed_bytes_are_gone():
    assert run("zeroed").stdout == "0\n"


def test_freed_block_waits_for_256_others():
    assert int(run("waits").stdout) >= 255


def test_blocks_come_in_no_order():
    """1,000 blocks in a row would be 999 steps upwards."""
    assert int(run("order").stdout) < 200


def test_orders_differ_between_processes():
    assert len({run("order").stdout for _ in range(12)}) > 1


def test_run_serves_and_proves_it():
    folder = os.path.dirname(LIBRARY)
    done = subprocess.run([SHALE, "run", "--allocator", "shale-secure", "--", SHALE, "verify",
                           "--expect", "shale-secure"],
                          env={**os.environ, "SHALE_ALLOCATOR_PATH": folder}, text=True,
                          capture_output=True, timeout=60, check=False)
    assert done.returncode == 0 and done.stdout.startswith("ACTIVE: shale-secure"), done
    assert done.stderr == ""


def test_what_it_tells_apart():
    """The plain engine is not taken for it, nor it for the plain one."""
    for library, name, status in ((LIBRARY, "shale", 1),
                                  (os.environ["SHALE_MALLOC_LIB"], "shale-secure", 1)):
        done = subprocess.run([SHALE, "verify", "--expect", name], text=True,
                              env={**os.environ, "LD_PRELOAD": library}, capture_output=True,
                              timeout=60, check=False)
        assert done.returncode == status, done
