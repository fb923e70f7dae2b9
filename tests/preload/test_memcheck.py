# SPDX-License-Identifier: MIT
"""Faults of a program that libshale-malloc.so serves under valgrind, found by memcheck.

With `nouserintercepts` memcheck leaves malloc to the library, which tells it of its blocks; by default it
puts its own in place of the library's. Both find the faults.
"""
import os
import shutil
import subprocess

import pytest

FAULTS = {
    "leak": "1,234 bytes in 1 blocks are definitely lost",
    "overrun": "is 0 bytes after a block of size 1,234 alloc'd",
    "after_free": "is 100 bytes inside a block of size 1,234 free'd",
    "twice": "Invalid free()",
    "uninitialised": "Conditional jump or move depends on uninitialised value",
}
SERVED = ["--soname-synonyms=somalloc=nouserintercepts"]


def memcheck(fault, options):
    assert shutil.which("valgrind"), "valgrind is missing: ./x setup --test"
    environment = dict(os.environ, LD_PRELOAD=os.environ["SHALE_MALLOC_LIB"])
    done = subprocess.run(["valgrind", "-q", "--leak-check=full", "--error-exitcode=99", *options,
                           os.environ["SHALE_FAULTS"], fault],
                          env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert done.stdout == "done\n", done.stderr
    return done


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_found_while_the_library_serves(fault):
    done = memcheck(fault, SERVED)
    assert done.returncode == 99 and FAULTS[fault] in done.stderr, done.stderr


@pytest.mark.parametrize("options", [SERVED, []], ids=["served", "replaced"])
def test_nothing_found_where_nothing_is(options):
    done = memcheck("none", options)
    assert done.returncode == 0 and done.stderr == "", done.stderr


def test_fault_found_where_memcheck_serves():
    assert FAULTS["after_free"] in memcheck("after_free", []).stderr


def test_the_library_served():
    """Its functions are in the report, and memcheck's are not."""
    report = memcheck("after_free", SERVED).stderr
    assert "slab_" in report and "vgpreload_memcheck" not in report, report
