# SPDX-License-Identifier: MIT
"""The ABI of libshale against the last release, and that a broken one would be noticed.

No dump is kept in the tree: the last release is built from its tag and compared with the present
build, library against library, by abidiff. New functions are allowed; everything else that abidiff
reports is a failure, unless compatible.abignore says why it is none.
"""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

SOURCE = pathlib.Path(os.environ["SHALE_SOURCE"])
BUILD = pathlib.Path(os.environ["SHALE_BUILD"])
HERE = pathlib.Path(__file__).parent


def run(*command, cwd=None):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, cwd=cwd)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def abidiff(old, new):
    """What abidiff has to say about two source trees with a folder build/ each; "" for nothing."""
    done = subprocess.run(
        ["abidiff", "--no-added-syms", "--drop-private-types", "--fail-no-debug-info",
         "--suppressions", HERE / "compatible.abignore",
         "--headers-dir1", old / "include", "--headers-dir2", new / "include",
         old / "build/src/libshale.so", new / "build/src/libshale.so"],
        capture_output=True, text=True)
    assert done.returncode & 3 == 0, done.stdout + done.stderr  # bits 0 and 1: it did not work
    return done.stdout if done.returncode else ""


def build(tree):
    if not (tree / "build").exists():
        run("meson", "setup", "build", "-Dtests=disabled", "-Dbuildtype=debugoptimized",
            "-Dallocator=system", "-Dalloc_stats=true", cwd=tree)
    run("meson", "compile", "-C", "build", "shale:shared_library", cwd=tree)
    return tree


def soname(tree):
    return re.search(r"SONAME.*\[(\S+)\]", run("readelf", "-d", tree / "build/src/libshale.so"))[1]


def copy_outputs(tree, where):
    """What abidiff needs of a build, so that the tree can be built again."""
    (where / "build/src").mkdir(parents=True)
    shutil.copytree(tree / "include", where / "include")
    shutil.copy(tree / "build/src/libshale.so", where / "build/src")
    return where


@pytest.fixture(scope="module")
def workbench(tmp_path_factory):
    """A copy of the sources, built, to be edited and built again."""
    tree = tmp_path_factory.mktemp("workbench") / "tree"
    shutil.copytree(SOURCE, tree, symlinks=True,
                    ignore=shutil.ignore_patterns("build", "build-*", ".git", ".cache", "node_modules"))
    return build(tree)


@pytest.fixture(scope="module")
def present(workbench, tmp_path_factory):
    return copy_outputs(workbench, tmp_path_factory.mktemp("present") / "tree")


@pytest.fixture
def changed(workbench, present, tmp_path):
    """changed(file, old, new): the outputs of a build with that edit made."""
    edited = {}

    def change(file, old, new):
        text = edited.setdefault(workbench / file, (workbench / file).read_text())
        assert old in text, f"{file} no longer holds what this test edits"
        (workbench / file).write_text(text.replace(old, new, 1))
        return copy_outputs(build(workbench), tmp_path / "tree")

    yield change
    for file, text in edited.items():
        file.write_text(text)


def test_same_sources_are_compatible(present):
    assert abidiff(present, present) == ""


def test_field_inserted_into_a_struct_is_caught(present, changed):
    other = changed("include/shale/alloc.h", "    uint64_t free_count; ",
                    "    uint64_t inserted;\n    uint64_t free_count; ")
    assert "inserted" in abidiff(present, other)


def test_removed_function_is_caught(present, changed):
    other = changed("src/libshale.map", "        shale_strndup;\n", "")
    assert "shale_strndup" in abidiff(present, other)


def test_field_appended_to_a_sized_struct_is_allowed(present, changed):
    other = changed("include/shale/system.h", "\n};\n\n/* An initialiser",
                    "\n    uint64_t appended;\n};\n\n/* An initialiser")
    assert abidiff(present, other) == ""


def last_release():
    done = subprocess.run(["git", "describe", "--tags", "--match", "v[0-9]*", "--abbrev=0"],
                          capture_output=True, text=True, cwd=SOURCE)
    return done.stdout.strip() if done.returncode == 0 else None


def test_present_is_compatible_with_the_last_release(present, tmp_path):
    tag = last_release()
    if not tag:
        pytest.skip("there is no release yet to compare with")
    archive = tmp_path / "release.tar"
    run("git", "archive", "-o", archive, tag, cwd=SOURCE)
    tree = tmp_path / "release"
    shutil.unpack_archive(archive, tree)
    build(tree)
    if soname(tree) != soname(present):
        return  # a new soname is how an incompatible library says so
    assert abidiff(tree, present) == ""
