# SPDX-License-Identifier: MIT
"""Real C projects: converted, built, run on each backend, and taken back byte for byte.

The mock backend tells whether a converted free ever got memory of libc. Sources come from the
distribution's source packages, into a cache outside the tree.
"""
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from sources import fetch
from support import migrate, read_tree, report

SOURCE = Path(os.environ["SHALE_SOURCE"])
BACKENDS = ["system", "mimalloc", "mock"]
# Redis keeps the allocator's choice in one file that defines malloc itself; the rest calls that.
PROJECTS = {
    "lua5.4": ("src", []),
    "sqlite3": ("src", ["--exclude", "test*", "--exclude", "tclsqlite.c"]),
    "redis": ("src", []),
}
WATCH = b"""\
#include <stdio.h>
#include <stdlib.h>
#include <shale/backend/mock.h>
__attribute__((destructor)) static void watch(void)
{
    struct shale_mock_report report;
    FILE *out = fopen(getenv("MOCK_REPORT"), "w");
    shale_mock_report(&report);
    if (out)
        fprintf(out, "%lu %lu %lu\\n", (unsigned long)report.alloc_count,
                (unsigned long)report.foreign_count, (unsigned long)report.double_free_count);
}
"""
LUA_SCRIPT = b"""
local t = {} for i = 1, 50000 do t[#t + 1] = string.rep("x", i % 100) .. i end
table.sort(t) collectgarbage() local s = 0 for _, v in ipairs(t) do s = s + #v end
assert(load("return " .. s)() == s)
local co = coroutine.wrap(function() for i = 1, 1000 do coroutine.yield({i}) end end)
for i = 1, 1000 do assert(co()[1] == i) end
"""


@pytest.fixture(scope="session", params=BACKENDS)
def backend(request, tmp_path_factory):
    """(name, compiler flags): libshale built for that backend."""
    build = tmp_path_factory.mktemp("shale") / request.param
    subprocess.run(["meson", "setup", build, SOURCE, f"-Dallocator={request.param}",
                    "-Dtests=disabled", "-Dmigrate=disabled"], check=True, capture_output=True)
    subprocess.run(["ninja", "-C", build, "src/libshale.so.0.1.0"], check=True,
                   capture_output=True)
    flags = [f"-I{SOURCE / 'include'}", f"-I{build / 'include'}", f"-L{build / 'src'}",
             f"-Wl,-rpath,{build / 'src'}"]
    if request.param == "mimalloc":
        flags.append("-lmimalloc")
    if request.param == "mock":
        (build / "watch.c").write_bytes(WATCH)
        flags.append(str(build / "watch.c"))
    return request.param, flags


def copy_of(package, tmp_path):
    tree = tmp_path / package
    shutil.copytree(fetch(package), tree, symlinks=True)
    return tree


def run_watched(backend, command, **options):
    """Runs a program; under the mock nothing foreign may have been freed."""
    log = Path(options.pop("log"))
    done = subprocess.run(command, env={**os.environ, "MOCK_REPORT": str(log)}, timeout=900,
                          capture_output=True, check=False, **options)
    assert done.returncode == 0, done.stderr[-2000:]
    if backend == "mock":
        allocated, foreign, double = map(int, log.read_text().split())
        assert allocated > 1000 and foreign == 0 and double == 0
    return done.stdout


@pytest.mark.parametrize("package", PROJECTS)
def test_dry_run_is_quick_and_undo_is_exact(package, tmp_path):
    tree = copy_of(package, tmp_path)
    folder, options = PROJECTS[package]
    before = read_tree(tree)
    start = time.monotonic()
    whole = report(tree / folder, "--no-compile-commands", *options)
    took = time.monotonic() - start
    assert took < 10 * max(1, whole["lines"] / 100_000)
    assert whole["totals"]["converted"] > 0
    assert all(site["reason"] for site in whole["sites"])
    migrate("--write", *options, tree / folder)
    after = read_tree(tree)
    assert before != after
    migrate("--write", *options, tree / folder)
    assert read_tree(tree) == after
    migrate("--undo", tree / folder)
    assert read_tree(tree) == before


def test_lua_runs_converted(backend, tmp_path):
    name, flags = backend
    tree = copy_of("lua5.4", tmp_path)
    migrate("--write", tree / "src")
    (tree / "src/lua5.4-deb-multiarch.h").write_text('#define DEB_HOST_MULTIARCH "any"\n')
    sources = [path for path in (tree / "src").glob("*.c") if path.name != "luac.c"]
    subprocess.run(["cc", "-w", "-O1", "-std=gnu99", "-DLUA_USE_POSIX", "-DLUA_USE_DLOPEN", "-o",
                    tree / "lua", *sources, *flags, "-lshale", "-lm", "-ldl"], check=True)
    (tree / "script.lua").write_bytes(LUA_SCRIPT)
    run_watched(name, [tree / "lua", tree / "script.lua"], log=tmp_path / "log")


def test_sqlite_passes_its_fuzz_corpus_converted(backend, tmp_path):
    name, flags = backend
    tree = copy_of("sqlite3", tmp_path)
    folder, options = PROJECTS["sqlite3"]
    migrate("--write", *options, tree / folder)
    for command in (["./configure", "--disable-tcl", "--disable-shared"],
                    ["make", "sqlite3.c"]):
        subprocess.run(command, cwd=tree, check=True, capture_output=True)
    assert b"shale_alloc(" in (tree / "sqlite3.c").read_bytes()
    subprocess.run(["cc", "-w", "-O1", "-DSQLITE_OMIT_LOAD_EXTENSION", "-DSQLITE_OSS_FUZZ", "-I.",
                    "-Iext/recover", "-DSQLITE_ENABLE_DBPAGE_VTAB", "-DSQLITE_ENABLE_BYTECODE_VTAB",
                    "-o", "fuzzcheck", "test/fuzzcheck.c", "test/ossfuzz.c", "test/fuzzinvariants.c",
                    "ext/recover/dbdata.c", "ext/recover/sqlite3recover.c", "test/vt02.c",
                    "sqlite3.c", *flags, "-lshale", "-lm", "-lpthread"], cwd=tree, check=True)
    run_watched(name, ["./fuzzcheck", "test/fuzzdata6.db"], cwd=tree,
                log=tmp_path / "log")
