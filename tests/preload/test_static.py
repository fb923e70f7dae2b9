# SPDX-License-Identifier: MIT
"""A statically linked program with threads that has the library's objects in it."""
import os
import subprocess


def test_static_program_served_and_told_once():
    done = subprocess.run([os.environ["SHALE_STATIC"]], capture_output=True, text=True, timeout=60,
                          check=False)
    assert (done.returncode, done.stdout) == (0, "well\n"), done.stderr
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("shale: a pointer of another")
