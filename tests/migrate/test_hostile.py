# SPDX-License-Identifier: MIT
"""Input that no compiler would see: huge, nested, binary, looping, vanishing, forbidden."""
import os
import subprocess
import time

import pytest

from support import (SHALE, migrate, open_folder, ordinary_user, read_tree, report,
                     write_tree)

BODY = b"void f(void *p) { free(p); }\n"


def seconds(root):
    start = time.monotonic()
    whole = report(root)
    return time.monotonic() - start, whole


def test_a_line_of_50_megabytes_is_reported_and_left(tmp_path):
    (tmp_path / "big.c").write_bytes(b"int x = 0; free(p); " * (50_000_000 // 20))
    write_tree(tmp_path, {"a.c": BODY})
    took, whole = seconds(tmp_path)
    assert [(s["path"], s["rule"]) for s in whole["sites"]] == [("a.c", "call"),
                                                              ("big.c", "unreadable")]
    assert "larger than" in whole["sites"][1]["detail"] and took < 20


def test_a_line_of_a_megabyte_is_read(tmp_path):
    write_tree(tmp_path, {"a.c": b"void f(void *p) { " + b"free(p); " * 100_000 + b"}\n"})
    took, whole = seconds(tmp_path)
    assert whole["totals"]["converted"] == 100_000 and took < 30


def test_nul_bytes_and_utf_16_are_for_review(tmp_path):
    write_tree(tmp_path, {"nul.c": BODY + b"\0", "wide.c": BODY.decode().encode("utf-16")})
    assert {s["rule"] for s in report(tmp_path)["sites"]} == {"unreadable"}
    migrate("--write", tmp_path)
    assert read_tree(tmp_path)["nul.c"] == BODY + b"\0"


@pytest.mark.parametrize("text", [
    b"void f(void *p) { x = " + b"(" * 100_000 + b"free" + b")" * 100_000 + b"; free(p); }\n",
    b"void f(void *p) { " + b"{" * 100_000 + b"free(p);" + b"}" * 100_000 + b"}\n",
    b"void f(void *p) { " + b"*" * 100_000 + b"x = malloc(3); free(p); }\n",
    b"void f(void *p) { x = " + b"a ? " * 50_000 + b"free(p)" + b": 0" * 50_000 + b"; }\n",
    b"int a" + b"[" * 100_000 + b"free(p)",
    b"#if 1\n" * 50_000 + BODY,
    b"#endif\n" * 50_000 + BODY,
    b"int a = {" + b"{" * 50_000 + b"free" + b"}" * 50_000 + b"};\n",
    b"free " * 50_000,
    b"/* " + b"free( " * 100_000,
    b'"' + b"free( " * 100_000,
    b"x.free" * 50_000,
    b"#define A(x) B(x) B(x)\n#define B(x) C(x) C(x)\n#define C(x) A(x) A(x)\n"
    b"void f(void *p) { A(p) free(p); }\n",
    b"#define free free\n#define malloc(x) malloc(x)\nvoid *f(void) { return malloc(1); }\n",
    b"#define X Y\n#define Y X\nvoid f(void) { X(3); }\n",
    b"", b"\n", b"\\\n" * 1000, b"#", b"#define", b"#define A(", b"#include", b"free", b"free(",
], ids=range(24))
def test_nesting_and_fragments_end_soon(tmp_path, text):
    write_tree(tmp_path, {"a.c": text})
    took, _ = seconds(tmp_path)
    assert took < 20
    migrate("--write", tmp_path)
    migrate("--check", tmp_path)


def test_loops_of_symbolic_links_end(tmp_path):
    write_tree(tmp_path, {"in/a.c": BODY})
    (tmp_path / "in/loop").symlink_to(".")
    (tmp_path / "in/self.c").symlink_to("self.c")
    (tmp_path / "in/up").symlink_to("..")
    assert [s["path"] for s in report(tmp_path / "in")["sites"]] == ["a.c"]


def test_odd_names_of_files(tmp_path):
    write_tree(tmp_path, {"a b.c": BODY, "new\nline.c": BODY, "-x.c": BODY, "caf\u00e9.c": BODY})
    (tmp_path / os.fsdecode(b"\xff.c")).write_bytes(BODY)
    (tmp_path / "folder.c").mkdir()
    os.mkfifo(tmp_path / "pipe.c")
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    migrate("--write", tmp_path)
    assert len(before) == 5
    assert all(b"shale_free" in path.read_bytes() for path in before)
    migrate("--undo", tmp_path)
    assert all(path.read_bytes() == text for path, text in before.items())


def test_files_that_disappear_while_they_are_read(tmp_path):
    write_tree(tmp_path, {f"{i}.c": BODY * 50 for i in range(300)})
    with subprocess.Popen([SHALE, "migrate", "--list", "-q", str(tmp_path)],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        for i in reversed(range(300)):
            (tmp_path / f"{i}.c").unlink()
        out, err = run.communicate(timeout=60)
    assert run.returncode == 0, err
    assert out == b"" or b"converted" in out or b"unreadable" in out


def test_no_permission():
    with open_folder() as folder:
        without_permission(folder, ordinary_user())


def without_permission(root, as_user):
    write_tree(root, {"in/a.c": BODY, "in/secret.c": BODY, "in/closed/b.c": BODY})
    (root / "in/secret.c").chmod(0)
    (root / "in/closed").chmod(0)
    done = subprocess.run([SHALE, "migrate", "--list", "-q", str(root / "in")],
                          capture_output=True, check=False, **as_user)
    (root / "in/closed").chmod(0o755)
    assert done.returncode == 0, done.stderr
    assert b"a.c:1:19: converted" in done.stdout
    assert b"secret.c:1:1: review: the file could not be read: Permission denied" in done.stdout
    done = subprocess.run([SHALE, "migrate", "--write", str(root / "in")],
                          capture_output=True, check=False, **as_user)
    if as_user:
        assert done.returncode == 74 and b"nothing was changed" in done.stderr
        assert (root / "in/a.c").read_bytes() == BODY
