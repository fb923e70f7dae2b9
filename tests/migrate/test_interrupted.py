# SPDX-License-Identifier: MIT
"""A write or an undo that is killed, by SIGKILL before each call that changes something on disk."""
import fcntl
import os
import signal
import subprocess
from pathlib import Path

import pytest

from support import INCLUDE, SHALE, migrate, read_tree, write_tree

BODY = b"void f(void *p) { free(p); }\n"
NEW = INCLUDE + b"void f(void *p) { shale_free(p); }\n"
OLD_TREE = {"a.c": BODY, "sub/b.c": BODY}
NEW_TREE = {"a.c": NEW, "sub/b.c": NEW}
CALLS_MAX = 300


def interrupted(root):
    """The state that a crash between the first and the second file leaves."""
    write_tree(root, {"a.c": BODY, "b.c": BODY})
    migrate("--write", root)
    (root / ".shale-migrate/0001/written").unlink()
    (root / "b.c").write_bytes(BODY)


def test_38_an_interrupted_run_is_reported_and_taken_back(tmp_path):
    interrupted(tmp_path)
    _, err = migrate(tmp_path, status=2)
    assert b"was interrupted" in err and b"--undo" in err
    migrate("--undo", tmp_path)
    assert read_tree(tmp_path) == {"a.c": BODY, "b.c": BODY}


def test_38_the_next_write_takes_it_back_first(tmp_path):
    interrupted(tmp_path)
    _, err = migrate("--write", tmp_path)
    assert b"taking an interrupted write back first" in err
    assert read_tree(tmp_path) == {"a.c": NEW, "b.c": NEW}
    migrate("--undo", tmp_path)
    assert read_tree(tmp_path) == {"a.c": BODY, "b.c": BODY}
    assert not (tmp_path / ".shale-migrate").exists()


def test_a_write_that_goes_on_is_not_an_interrupted_one(tmp_path):
    interrupted(tmp_path)
    with open(tmp_path / ".shale-migrate/.gitignore", "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        migrate("--list", tmp_path)
        for mode in ("--write", "--undo"):
            _, err = migrate(mode, tmp_path, status=2)
            assert b"another shale migrate works on" in err
    migrate("--undo", tmp_path)


@pytest.fixture(scope="module")
def kill_at(tmp_path_factory):
    """run(at, root, arguments): the exit status of a run that is killed before its call `at`."""
    library = tmp_path_factory.mktemp("kill") / "kill_at.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", library,
                    Path(__file__).parent / "programs" / "kill_at.c"], check=True)
    sanitizer = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"

    def run(at, root, *arguments):
        env = {**os.environ, "LD_PRELOAD": str(library), "KILL_AT": str(at),
               "KILL_BELOW": str(root), "ASAN_OPTIONS": sanitizer}
        return subprocess.run([SHALE, "migrate", "-q", *arguments, root], env=env, check=False,
                              capture_output=True, timeout=60).returncode
    return run


def sources(root):
    """The tree without what a killed run may leave beside a file: a text for rename(), cut short."""
    return {name: text for name, text in read_tree(root).items()
            if not name.endswith(".shale-migrate-new")}


def undo_leaves_the_old_tree(root):
    done = subprocess.run([SHALE, "migrate", "--undo", root], capture_output=True, check=False)
    # 69, nothing to undo: it was killed before its journal was ready.
    assert done.returncode in (0, 69), done.stderr
    assert read_tree(root) == OLD_TREE


def test_38_killed_anywhere_each_file_is_old_or_new_and_undo_makes_all_old(tmp_path, kill_at):
    states = set()
    for at in range(1, CALLS_MAX):
        root = tmp_path / str(at)
        write_tree(root, OLD_TREE)
        status = kill_at(at, root, "--write")
        if status == 0:
            break
        assert status == -signal.SIGKILL
        found = sources(root)
        assert found.keys() == OLD_TREE.keys() and set(found.values()) <= {BODY, NEW}
        states.add(tuple(found.values()))
        undo_leaves_the_old_tree(root)
    else:
        pytest.fail("it never ended")
    assert read_tree(root) == NEW_TREE
    assert states == {(BODY, BODY), (NEW, BODY), (NEW, NEW)} and at > 40


def test_38_killed_anywhere_the_next_write_makes_all_new(tmp_path, kill_at):
    for at in range(1, CALLS_MAX, 3):
        root = tmp_path / str(at)
        write_tree(root, OLD_TREE)
        if kill_at(at, root, "--write") == 0:
            break
        migrate("--write", root)
        assert read_tree(root) == NEW_TREE
        undo_leaves_the_old_tree(root)
    assert at > 40


def test_38_an_undo_killed_anywhere_is_finished_by_the_next(tmp_path, kill_at):
    for at in range(1, CALLS_MAX):
        root = tmp_path / str(at)
        write_tree(root, OLD_TREE)
        migrate("--write", root)
        status = kill_at(at, root, "--undo")
        if status == 0:
            break
        assert status == -signal.SIGKILL
        assert set(sources(root).values()) <= {BODY, NEW}
        undo_leaves_the_old_tree(root)
    assert read_tree(root) == OLD_TREE and at > 20
