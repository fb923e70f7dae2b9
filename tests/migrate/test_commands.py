# SPDX-License-Identifier: MIT
"""`shale migrate` as a command: modes, options, git, reports, errors, the header of --to."""
import json
import os
import subprocess
from pathlib import Path

import jsonschema
import pytest

from support import INCLUDE, migrate, read_tree, report, sites, write_tree

BODY = b"void f(void *p) { free(p); }\n"
NEW = INCLUDE + b"void f(void *p) { shale_free(p); }\n"
SOURCE = Path(os.environ["SHALE_SOURCE"])


def git(root, *arguments):
    subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@example", "-C", str(root),
                    *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path):
    write_tree(tmp_path, {"a.c": BODY, "sub/b.c": BODY, "ignored/c.c": BODY, "x.txt": b"free(p)",
                          ".gitignore": b"ignored/\n"})
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "start")
    return tmp_path


def test_the_diff_applies_with_patch_and_gives_what_write_gives(tmp_path):
    lines = b"".join(b"int v%d;\n" % i for i in range(30))
    files = {"a.c": lines + BODY + lines + BODY + b"int last;", "b/c.c": BODY,
             "n.c": b"/* L */\n" + BODY[:-1], "e.c": b"#define X 1\n" + BODY + lines}
    for name in ("one", "two"):
        write_tree(tmp_path / name, files)
    out, _ = migrate(tmp_path / "one")
    subprocess.run(["git", "apply", "-p1"], input=out, cwd=tmp_path / "one", check=True)
    migrate("--write", tmp_path / "two")
    assert read_tree(tmp_path / "one") == read_tree(tmp_path / "two")
    assert read_tree(tmp_path / "one") != files


def test_git_ignored_files_stay(repository):
    migrate("--write", repository)
    tree = read_tree(repository)
    assert tree["a.c"] == tree["sub/b.c"] == NEW
    assert tree["ignored/c.c"] == BODY
    status = subprocess.run(["git", "-C", repository, "status", "--porcelain"],
                            capture_output=True, check=True).stdout
    assert b".shale-migrate" not in status


def test_35_a_dirty_tree_is_refused(repository):
    (repository / "a.c").write_bytes(BODY + b"int x;\n")
    before = read_tree(repository)
    _, err = migrate("--write", repository, status=2)
    assert b"'a.c' has changes that are not committed" in err and b"--force" in err
    assert read_tree(repository) == before
    migrate("--write", "--force", repository)
    assert read_tree(repository)["a.c"] == NEW + b"int x;\n"


def test_35_an_untracked_file_is_refused_too(repository):
    (repository / "new.c").write_bytes(BODY)
    _, err = migrate("--write", repository, status=2)
    assert b"'new.c'" in err


def test_35_changes_elsewhere_do_not_matter(repository):
    (repository / "x.txt").write_bytes(b"changed")
    migrate("--write", repository)
    assert read_tree(repository)["a.c"] == NEW


def test_36_symbolic_links_are_not_followed_out_of_the_paths(tmp_path):
    write_tree(tmp_path, {"in/a.c": BODY, "out/b.c": BODY})
    (tmp_path / "in/link.c").symlink_to("../out/b.c")
    (tmp_path / "in/folder").symlink_to("../out")
    migrate("--write", tmp_path / "in")
    assert (tmp_path / "in/a.c").read_bytes() == NEW
    assert (tmp_path / "out/b.c").read_bytes() == BODY
    assert (tmp_path / "in/link.c").is_symlink()


def test_36_hard_links_inside_stay_links_and_those_outside_keep_their_bytes(tmp_path):
    write_tree(tmp_path, {"in/a.c": BODY})
    os.link(tmp_path / "in/a.c", tmp_path / "in/b.c")
    os.link(tmp_path / "in/a.c", tmp_path / "outside.c")
    migrate("--write", tmp_path / "in")
    assert (tmp_path / "in/a.c").read_bytes() == (tmp_path / "in/b.c").read_bytes() == NEW
    assert (tmp_path / "in/a.c").samefile(tmp_path / "in/b.c")
    assert (tmp_path / "outside.c").read_bytes() == BODY
    migrate("--undo", tmp_path / "in")
    assert (tmp_path / "in/a.c").read_bytes() == (tmp_path / "in/b.c").read_bytes() == BODY
    assert (tmp_path / "in/a.c").samefile(tmp_path / "in/b.c")


def test_37_a_read_only_file_is_an_error_and_nothing_is_written(tmp_path):
    write_tree(tmp_path, {"a.c": BODY, "b.c": BODY})
    (tmp_path / "b.c").chmod(0o444)
    _, err = migrate("--write", tmp_path, status=74)
    assert b"cannot write 'b.c': it is read-only" in err
    assert read_tree(tmp_path) == {"a.c": BODY, "b.c": BODY}
    assert not (tmp_path / ".shale-migrate").exists()


def test_modes_of_files_are_kept(tmp_path):
    write_tree(tmp_path, {"a.c": BODY})
    (tmp_path / "a.c").chmod(0o640)
    migrate("--write", tmp_path)
    assert (tmp_path / "a.c").stat().st_mode & 0o7777 == 0o640
    migrate("--undo", tmp_path)
    assert (tmp_path / "a.c").stat().st_mode & 0o7777 == 0o640


def test_check_tells_what_is_left(tmp_path):
    write_tree(tmp_path, {"a.c": BODY})
    out, _ = migrate("--check", tmp_path, status=1)
    assert out == b"a.c:1:19: 'free' is not converted\n"
    migrate("--write", tmp_path)
    out, _ = migrate("--check", tmp_path)
    assert out == b""


def test_undo_refuses_what_was_edited_since(tmp_path):
    write_tree(tmp_path, {"a.c": BODY, "b.c": BODY})
    migrate("--write", tmp_path)
    (tmp_path / "a.c").write_bytes(b"edited\n")
    _, err = migrate("--undo", tmp_path, status=2)
    assert b"'a.c' was edited since" in err
    assert (tmp_path / "b.c").read_bytes() == NEW
    migrate("--undo", "--force", tmp_path)
    assert read_tree(tmp_path) == {"a.c": BODY, "b.c": BODY}


def test_several_writes_are_undone_one_at_a_time(tmp_path):
    write_tree(tmp_path, {"a.c": BODY})
    migrate("--write", tmp_path)
    write_tree(tmp_path, {"b.c": BODY})
    migrate("--write", tmp_path)
    migrate("--undo", tmp_path)
    assert read_tree(tmp_path) == {"a.c": NEW, "b.c": BODY}
    migrate("--undo", tmp_path)
    assert read_tree(tmp_path) == {"a.c": BODY, "b.c": BODY}
    _, err = migrate("--undo", tmp_path, status=69)
    assert b"nothing to undo" in err


def test_undo_of_a_part_names_where_the_whole_is(tmp_path):
    write_tree(tmp_path, {"one/a.c": BODY, "two/b.c": BODY})
    migrate("--write", "one", "two", cwd=tmp_path)
    _, err = migrate("--undo", "one", cwd=tmp_path, status=69)
    assert f"but in '{tmp_path}'; give the paths that --write had".encode() in err
    migrate("--undo", "one", "two", cwd=tmp_path)
    assert read_tree(tmp_path) == {"one/a.c": BODY, "two/b.c": BODY}


def test_excluded_files_count_as_outside(tmp_path):
    write_tree(tmp_path, {"a.c": b"void f(void) { free(other_make()); }\n",
                          "other.c": b"void *other_make(void) { return malloc(3); }\n"})
    assert sites(tmp_path) == [("free", "converted", "call"), ("malloc", "converted", "call")]
    assert sites(tmp_path, "--exclude", "other.c") == [("free", "review+", "foreign-memory")]


def test_options_may_follow_the_paths(tmp_path):
    write_tree(tmp_path, {"a.c": BODY})
    migrate(tmp_path, "--write", "--to", "shale")
    assert read_tree(tmp_path) == {"a.c": NEW}


def test_json_keeps_to_its_schema(tmp_path):
    write_tree(tmp_path, {"a.c": BODY + b"void *g(void) { return pvalloc(3); }\n",
                          "vendor/b.c": BODY})
    schema = json.loads((SOURCE / "share/schema/migrate.schema.json").read_text())
    jsonschema.validate(report(tmp_path), schema)


def test_sarif_names_the_sites_to_review(tmp_path):
    write_tree(tmp_path, {"a b.c": b"\nvoid *g(void) { return pvalloc(3); }\n" + BODY})
    migrate("--sarif", tmp_path / "out.sarif", tmp_path)
    log = json.loads((tmp_path / "out.sarif").read_text())
    assert log["version"] == "2.1.0"
    run = log["runs"][0]
    (result,) = run["results"]
    assert result["ruleId"] == "no-counterpart"
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == "no-counterpart"
    location = result["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == "a%20b.c"
    assert location["region"]["startLine"] == 2 and location["region"]["startColumn"] == 24


@pytest.mark.parametrize("arguments, text", [
    ((), b"no path given"),
    (("--write", "--check", "."), b"give one of"),
    (("--to", "a-b", "."), b"C identifier"),
    (("--to", "app", "--header", "../x.h", "."), b"below the root"),
    (("--jobs", "-1", "."), b"--jobs -1"),
    (("--nonsense", "."), b"--nonsense"),
])
def test_wrong_arguments(tmp_path, arguments, text):
    _, err = migrate(*arguments, cwd=tmp_path, status=64)
    assert text in err


def test_a_path_that_is_not_there(tmp_path):
    _, err = migrate(tmp_path / "none", status=69)
    assert b"cannot open" in err and b"No such file" in err


def test_a_compile_database_that_is_not_there_or_broken(tmp_path):
    write_tree(tmp_path, {"a.c": BODY, "db/compile_commands.json": b"{ nonsense"})
    _, err = migrate("--compile-commands", tmp_path / "none", tmp_path, status=69)
    assert b"cannot open the compile database" in err
    _, err = migrate("--compile-commands", tmp_path / "db", tmp_path, status=65)
    assert b"cannot read the compile database" in err


# ---- a layer of one's own ----

PROGRAM = b"""\
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
    char *a = malloc(10), *b = calloc(4, 4), *c = strdup("text"), *d = strndup("other", 2), *e;
    a = realloc(a, 100);
    b = reallocarray(b, 10, 10);
    if (posix_memalign((void **)&e, 64, 100) != 0 || (unsigned long)e % 64 != 0)
        return 1;
    printf("%s %s %d\\n", c, d, b[3]);
    void (*release)(void *) = free;
    free(a); free(b); free(c); release(d); free(e);
    return 0;
}
"""


def build_and_run(folder, *flags):
    program = folder / "program"
    subprocess.run(["cc", "-Wall", "-Wextra", "-Werror", "-o", program, folder / "src/main.c",
                    *flags], check=True)
    done = subprocess.run([program], capture_output=True, check=True)
    assert done.stdout == b"text ot 0\n"


def test_own_prefix_writes_a_header_that_compiles_for_each_allocator(tmp_path):
    write_tree(tmp_path, {"src/main.c": PROGRAM, "include/x.h": b"\n"})
    migrate("--to", "app", "--header", "include/app_alloc.h", "--write", tmp_path)
    text = (tmp_path / "src/main.c").read_bytes()
    assert b'#include "../include/app_alloc.h"\n' in text and b"app_free(a)" in text
    build_and_run(tmp_path)
    build_and_run(tmp_path, "-O2", "-DAPP_ALLOC_MIMALLOC", "-lmimalloc")
    build_and_run(tmp_path, "-O2", "-DAPP_ALLOC_JEMALLOC", "-ljemalloc")
    migrate("--to", "app", "--header", "include/app_alloc.h", "--check", tmp_path)
    migrate("--undo", tmp_path)
    assert read_tree(tmp_path).keys() == {"src/main.c", "include/x.h", "program"}
    assert (tmp_path / "src/main.c").read_bytes() == PROGRAM


def test_own_prefix_with_shale_behind_it(tmp_path):
    write_tree(tmp_path, {"src/main.c": PROGRAM})
    migrate("--to", "app", "--write", tmp_path)
    build = Path(os.environ["SHALE_BUILD"])
    if b"__asan_init" in (build / "src/libshale.so").read_bytes():
        pytest.skip("this build's libshale.so needs the sanitizer's runtime in the program")
    build_and_run(tmp_path, "-DAPP_ALLOC_SHALE", f"-I{SOURCE}/include", f"-I{build}/include",
                  f"-L{build}/src", "-lshale", f"-Wl,-rpath,{build}/src")


def test_an_own_header_is_not_overwritten(tmp_path):
    write_tree(tmp_path, {"main.c": PROGRAM, "app_alloc.h": b"/* mine */\n"})
    migrate("--to", "app", "--write", tmp_path)
    assert (tmp_path / "app_alloc.h").read_bytes() == b"/* mine */\n"
