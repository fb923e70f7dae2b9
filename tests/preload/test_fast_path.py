# SPDX-License-Identifier: MIT
"""What the compiler made of malloc and free: their fast paths in the built library.

A path is followed from the entry to its first `ret` with every branch not taken: that is how the
fast path lies in the code. No call, no locked instruction, no system call; lengths are held.
"""
import os
import platform
import re
import subprocess

import pytest

LIBRARY = os.environ["SHALE_MALLOC_LIB"]

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64",
                                reason="the instruction counts are those of x86-64")


def fast_path(function):
    text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", "--no-addresses", LIBRARY],
                          capture_output=True, text=True, check=True).stdout
    body = re.search(rf"<{function}>:\n(.*?)\n\n", text, re.S).group(1)
    path = []
    for line in body.splitlines():
        path.append(line.strip())
        if re.match(r"ret", path[-1]):
            return path
    raise AssertionError(f"{function} has no return")


@pytest.mark.parametrize("function,longest", [("malloc", 22), ("free", 27)])
def test_fast_path_is_short_and_plain(function, longest):
    path = fast_path(function)
    text = "\n".join(path)
    assert len(path) <= longest, f"{len(path)} instructions:\n{text}"
    for line in path:
        assert not re.match(r"call|lock|xchg|mfence|lfence|sfence|syscall|jmp", line), text
