# SPDX-License-Identifier: MIT
"""Choosing the backend when Shale is configured."""
import os
import subprocess

import pytest
from conftest import BUILD, SOURCE


def configure(where, *options, **environment):
    """(succeeded, output, the backend that was written into config.h or None)"""
    done = subprocess.run(["meson", "setup", where, SOURCE, "-Dtests=disabled", *options],
                          capture_output=True, text=True, env={**os.environ, **environment})
    header = where / "include/shale/config.h"
    backend = None
    if done.returncode == 0:
        backend = header.read_text().split('SHALE_BACKEND_NAME "')[1].split('"')[0]
    return done.returncode == 0, done.stdout + done.stderr, backend


KNOWN = "known are: slab, system, mimalloc, jemalloc, tcmalloc, rpmalloc, mock, auto"


def test_unknown_name_lists_the_known_ones(tmp_path):
    succeeded, output, _ = configure(tmp_path / "build", "-Dallocator=nosuch")
    assert not succeeded
    assert "unknown allocator 'nosuch' (from -Dallocator)" in output and KNOWN in output


def test_unknown_name_in_the_environment_names_the_variable(tmp_path):
    succeeded, output, _ = configure(tmp_path / "build", SHALE_ALLOCATOR="nosuch")
    assert not succeeded
    assert "'nosuch' (from the environment variable SHALE_ALLOCATOR)" in output and KNOWN in output


def test_environment_sets_the_default_and_the_option_wins(tmp_path):
    assert configure(tmp_path / "one", SHALE_ALLOCATOR="mock")[2] == "mock"
    assert configure(tmp_path / "two", "-Dallocator=system", SHALE_ALLOCATOR="mock")[2] == "system"


def test_auto_is_slab_on_linux(tmp_path):
    assert configure(tmp_path / "build", "-Dallocator=auto", SHALE_ALLOCATOR="")[2] == "slab"


def test_missing_allocator_says_what_it_needs(tmp_path):
    if (BUILD / "tests/alloc/config_rpmalloc_direct.h").exists():
        pytest.skip("rpmalloc is installed here")
    succeeded, output, _ = configure(tmp_path / "build", "-Dallocator=rpmalloc")
    assert not succeeded
    assert "'rpmalloc' (from -Dallocator) is not installed; it needs: rpmalloc 2" in output


@pytest.mark.parametrize("name, library", [("mimalloc", "mimalloc"), ("jemalloc", "jemalloc"),
                                           ("tcmalloc", "tcmalloc_minimal")])
def test_allocator_that_links_here_is_tested_here(tmp_path, name, library):
    """Also one that was installed after this folder was first configured."""
    empty = tmp_path / "empty.c"
    empty.write_text("int main(void) { return 0; }\n")
    subprocess.run(["cc", empty, "-o", tmp_path / "empty", f"-l{library}"], check=True)
    assert (BUILD / f"tests/alloc/config_{name}_direct.h").exists()
