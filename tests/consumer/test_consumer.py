# SPDX-License-Identifier: MIT
"""Small programs against an installed, moved tree: pkg-config and CMake, shared and static."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest
from conftest import SOURCE, run

PROGRAMS = pathlib.Path(__file__).parent / "programs"
EXPORTS = re.compile(r"^\s*(shale_\w+);", re.M)


def expected_symbols(tree):
    maps = [SOURCE / "src/libshale.map", SOURCE / f"src/libshale-{tree.backend()}.map"]
    return sorted(name for file in maps if file.exists()
                  for name in EXPORTS.findall(file.read_text()))


def symbols(*nm):
    """Names of nm's output, without versions and without the version nodes themselves."""
    rows = [line.split() for line in run("nm", "--defined-only", *nm).splitlines()]
    return sorted(row[2].split("@")[0] for row in rows if len(row) == 3 and row[1] != "A")


@pytest.mark.parametrize("source, compiler", [("ten_lines.c", "cc"), ("ten_lines.cpp", "c++")])
def test_shared_by_pkg_config_runs(tree, tmp_path, source, compiler):
    program = tree.compile(PROGRAMS / source, tmp_path / "program", compiler=compiler)
    assert tree.run(program) == tree.backend() + "\n"
    assert "libshale.so.0" in run("readelf", "-d", program)


@pytest.mark.parametrize("source, compiler", [("ten_lines.c", "cc"), ("ten_lines.cpp", "c++")])
def test_static_by_pkg_config_runs(static_tree, tmp_path, source, compiler):
    program = static_tree.compile(PROGRAMS / source, tmp_path / "program", compiler=compiler,
                                  static=True)
    assert run(program) == static_tree.backend() + "\n"
    assert "libshale" not in run("readelf", "-d", program)


def test_wholly_static_program_runs(static_tree, tmp_path):
    if static_tree.backend() not in ("slab", "system", "mock"):
        pytest.skip("this build's backend has no static library of its own")
    program = static_tree.compile(PROGRAMS / "ten_lines.c", tmp_path / "program", "-static",
                                  static=True)
    assert run(program) == static_tree.backend() + "\n"


def test_cmake_shared_and_static_run(tree, tmp_path):
    run("cmake", "-G", "Ninja", "-S", PROGRAMS / "cmake", "-B", tmp_path,
        f"-DCMAKE_PREFIX_PATH={tree.prefix}")
    run("cmake", "--build", tmp_path)
    for program in ("shale_c", "shale_cpp", "static_c", "static_cpp"):
        assert run(tmp_path / program) == tree.backend() + "\n", program


@pytest.mark.parametrize("wanted, fits", [("0.1", True), ("0.1.0", True), ("0.2", False),
                                          ("0.0.9", False), ("1.0", False), ("0.1.7", False)])
def test_cmake_version_is_checked(tree, tmp_path, wanted, fits):
    version = next(tree.prefix.rglob("shale-config-version.cmake"))
    major, minor, *_ = wanted.split(".")
    script = tmp_path / "check.cmake"
    script.write_text(f'set(PACKAGE_FIND_VERSION "{wanted}")\nset(PACKAGE_FIND_VERSION_MAJOR {major})\n'
                      f'set(PACKAGE_FIND_VERSION_MINOR {minor})\ninclude("{version}")\n'
                      'message("compatible=${PACKAGE_VERSION_COMPATIBLE}")\n')
    done = subprocess.run(["cmake", "-P", script], capture_output=True, text=True, check=True)
    assert f"compatible={str(fits).upper()}" in done.stderr


def test_moved_tree_names_its_new_place_only(tree):
    for file in [next(tree.prefix.rglob("shale.pc")), *tree.prefix.rglob("*.cmake")]:
        assert "/usr/local" not in file.read_text(), file
    includes = [os.path.realpath(flag[2:]) for flag in tree.pkg_config("--cflags")]
    assert includes == [os.path.realpath(tree.prefix / "include")]


def test_shared_library_exports_its_list(tree):
    assert symbols("-D", tree.libdir / "libshale.so") == expected_symbols(tree)


def test_static_library_exposes_its_list_alone(tree):
    assert symbols("-g", tree.libdir / "libshale.a") == expected_symbols(tree)


def test_program_may_use_inner_names(static_tree, tmp_path):
    program = static_tree.compile(PROGRAMS / "own_names.c", tmp_path / "program", static=True)
    assert run(program) == "mine\n"


def test_library_wants_no_executable_stack(tree):
    segments = run("readelf", "-lW", tree.libdir / "libshale.so")
    assert re.search(r"GNU_STACK.* RW +0x", segments)
    assert "TEXTREL" not in run("readelf", "-d", tree.libdir / "libshale.so")


def test_library_needs_the_c_library_and_its_backend_alone(tree):
    needed = re.findall(r"NEEDED.*\[(\S+)\]", run("readelf", "-d", tree.libdir / "libshale.so"))
    others = [name for name in needed if not name.startswith(("libc.so", "ld-linux"))]
    assert all(tree.backend() in name for name in others), others


DIALECTS = [(compiler, "c", standard) for compiler in ("gcc", "clang")
            for standard in ("c99", "c11", "gnu17")]
DIALECTS += [(compiler, "c++", standard) for compiler in ("g++", "clang++")
             for standard in ("c++11", "c++17", "c++20")]


@pytest.mark.parametrize("compiler, language, standard",
                         [dialect for dialect in DIALECTS if shutil.which(dialect[0])])
def test_each_header_stands_alone(tree, tmp_path, compiler, language, standard):
    headers = sorted((tree.prefix / "include/shale").glob("*.h"))
    assert len(headers) >= 7
    empty = tmp_path / "empty"
    empty.write_text("int main(void);\n")
    for header in headers:
        run(compiler, "-x", language, f"-std={standard}", "-Wall", "-Wextra", "-Wpedantic",
            "-Wshadow", "-Wundef", "-Werror", "-I", tree.prefix / "include", "-fsyntax-only",
            "-include", header, empty)


def test_unoptimised_program_calls_the_symbols(tree, tmp_path):
    """Without optimisation nothing is inline: dlsym's function and the header's are the same."""
    program = tree.compile(PROGRAMS / "ten_lines.c", tmp_path / "program", "-O0")
    undefined = run("nm", "-u", program)
    assert "shale_alloc" in undefined and "shale_free" in undefined
    assert tree.run(program) == tree.backend() + "\n"


def test_symbols_serve_other_languages(tree):
    """Loaded late, by name, without a header: as Python, dlopen() and dlsym() do it."""
    script = ("import ctypes, sys; shale = ctypes.CDLL(sys.argv[1]);"
              "shale.shale_strdup.restype = ctypes.c_void_p;"
              "shale.shale_usable_size.argtypes = shale.shale_free.argtypes = [ctypes.c_void_p];"
              "block = shale.shale_strdup(b'late'); print(ctypes.string_at(block).decode());"
              "assert shale.shale_usable_size(block) >= 5; shale.shale_free(block)")
    assert run("python3", "-c", script, tree.libdir / "libshale.so") == "late\n"


def test_mimalloc_inline_replaces_malloc_of_the_process(mimalloc_tree, tmp_path):
    """What choosing it means on Debian, whose libmimalloc defines malloc too: a program that calls
    it inline links it before the C library."""
    program = mimalloc_tree.compile(PROGRAMS / "info.c", tmp_path / "program", "-O2",
                                    "-DUSE_INLINE")
    told = mimalloc_tree.run(program)
    assert re.match(r"mimalloc [23]\.\d+\.\d+ verified=1 serving=mimalloc malloc=\S*libmimalloc",
                    told), told


def test_mimalloc_behind_the_library_leaves_malloc_alone(mimalloc_tree, tmp_path):
    """libshale links libmimalloc, the program does not: the C library comes first."""
    program = mimalloc_tree.compile(PROGRAMS / "info.c", tmp_path / "program", "-Wl,--as-needed")
    told = mimalloc_tree.run(program)
    assert "verified=1 serving=mimalloc" in told
    assert re.search(r"malloc=\S*libc\.so", told), told


def test_jemalloc_serves_malloc_of_the_whole_process(tmp_path):
    """The caveat by itself, without Shale: who links libjemalloc gets it for every malloc."""
    source = tmp_path / "plain.c"
    source.write_text("#define _GNU_SOURCE\n#include <dlfcn.h>\n#include <stdio.h>\n"
                      "#include <jemalloc/jemalloc.h>\nint main(void) { Dl_info info; size_t size;\n"
                      "if (mallctl(\"version\", 0, &size, 0, 0) == 77) return 1;\n"
                      "dladdr(dlsym(RTLD_DEFAULT, \"malloc\"), &info); puts(info.dli_fname); }\n")
    run("cc", source, "-o", tmp_path / "plain", "-ljemalloc")
    assert "libjemalloc" in run(tmp_path / "plain")


def test_verification_survives_jemalloc_behind_the_c_library(system_tree, tmp_path):
    """There its operator new and its operator delete are of two allocators; asking must not crash."""
    behind = tmp_path / "behind.c"
    behind.write_text("#include <stddef.h>\nint mallctl(const char *, void *, size_t *, void *, size_t);\n"
                      "int behind(void) { return mallctl(\"none\", NULL, NULL, NULL, 0); }\n")
    run("cc", "-shared", "-fPIC", behind, "-o", tmp_path / "libbehind.so", "-ljemalloc")
    program = system_tree.compile(PROGRAMS / "info.c", tmp_path / "program", "-Wl,--no-as-needed",
                                  f"-L{tmp_path}", "-lbehind", f"-Wl,-rpath,{tmp_path}")
    told = system_tree.run(program)
    assert re.search(r"malloc=\S*libc\.so", told), told
    assert "serving=system" in told


def test_library_of_another_backend_is_refused(tree, mimalloc_tree, tmp_path):
    if tree.backend() == "mimalloc":
        pytest.skip("this build's backend is mimalloc too")
    program = mimalloc_tree.compile(PROGRAMS / "ten_lines.c", tmp_path / "program", "-O2")
    done = subprocess.run([program], capture_output=True, text=True,
                          env={**os.environ, "LD_LIBRARY_PATH": str(tree.libdir)})
    assert done.returncode != 0
    assert "version `SHALE_0.1_mimalloc' not found" in done.stderr


def with_jemalloc_in_front(tree, program):
    library = sorted(pathlib.Path("/usr/lib").rglob("libjemalloc.so.2"))[0]
    return run(program, env={"LD_LIBRARY_PATH": str(tree.libdir), "LD_PRELOAD": str(library)})


def test_verified_says_no_when_a_preload_serves(system_tree, tmp_path):
    program = system_tree.compile(PROGRAMS / "info.c", tmp_path / "program")
    assert "verified=1 serving=system" in system_tree.run(program)
    assert "verified=2 serving=jemalloc" in with_jemalloc_in_front(system_tree, program)


def test_slab_serves_the_front_door_and_leaves_malloc_alone(tree, tmp_path):
    """Inline or not, and whoever is preloaded: it has names of its own."""
    if tree.backend() != "slab":
        pytest.skip("this build has another backend")
    for options in ([], ["-O2", "-DUSE_INLINE"]):
        program = tree.compile(PROGRAMS / "info.c", tmp_path / "program", *options)
        assert re.search(r"^slab \d\S* verified=1 serving=slab malloc=\S*libc\.so", tree.run(program))
        told = with_jemalloc_in_front(tree, program)
        assert re.search(r"verified=1 serving=slab malloc=\S*libjemalloc", told), told
