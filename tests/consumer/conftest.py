# SPDX-License-Identifier: MIT
"""Installed trees for the consumer tests: nothing here sees the source tree's headers."""
import os
import pathlib
import shutil
import subprocess

import pytest

SOURCE = pathlib.Path(os.environ["SHALE_SOURCE"])
BUILD = pathlib.Path(os.environ["SHALE_BUILD"])


def run(*command, env=None, cwd=None):
    """The output of a command that must succeed."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          env={**os.environ, **(env or {})}, cwd=cwd)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


class Tree:
    """An installed Shale."""

    def __init__(self, prefix):
        self.prefix = prefix
        self.libdir = next(prefix.rglob("shale.pc")).parent.parent

    def pkg_config(self, *arguments):
        path = {"PKG_CONFIG_PATH": str(self.libdir / "pkgconfig")}
        return run("pkg-config", *arguments, "shale", env=path).split()

    def backend(self):
        return self.pkg_config("--variable=backend")[0]

    def compile(self, source, output, *options, compiler="cc", static=False):
        """Builds one source file as a user would, by the flags of pkg-config."""
        flags = self.pkg_config("--cflags", "--libs", *(["--static"] if static else []))
        run(compiler, source, "-o", output, *options, *flags)
        return output

    def run(self, program, *arguments):
        return run(program, *arguments, env={"LD_LIBRARY_PATH": str(self.libdir)})


def install(build, where, *options):
    """Installs a build, then moves the tree away from the prefix it was configured for."""
    run("meson", "install", "-C", build, "--no-rebuild", "--quiet", "--destdir", where / "first",
        *options)
    prefix = next((where / "first").rglob("include/shale/alloc.h")).parents[2]
    shutil.move(prefix, where / "moved")
    return Tree(where / "moved")


@pytest.fixture(scope="session")
def tree(tmp_path_factory):
    """What `meson install` of this build gives."""
    return install(BUILD, tmp_path_factory.mktemp("installed"))


@pytest.fixture(scope="session")
def static_tree(tree, tmp_path_factory):
    """The same without the shared library, so that -lshale means libshale.a."""
    prefix = tmp_path_factory.mktemp("static") / "prefix"
    shutil.copytree(tree.prefix, prefix, symlinks=True)
    for library in prefix.rglob("libshale.so*"):
        library.unlink()
    return Tree(prefix)


def configure(where, backend):
    run("meson", "setup", where, SOURCE, f"-Dallocator={backend}", "-Dtests=disabled")
    return where


def library_over(backend, where):
    """libshale over that backend, shared and static, without the programs."""
    build = configure(where / "build", backend)
    run("meson", "compile", "-C", build, "shale:shared_library", "libshale.a:custom")
    found = install(build, where, "--tags", "devel")
    for library in (build / "src").glob("libshale.so.*[0-9]"):  # not of tag `devel`
        shutil.copy(library, found.libdir, follow_symlinks=False)
    return found


@pytest.fixture(scope="session")
def mimalloc_tree(tmp_path_factory):
    return library_over("mimalloc", tmp_path_factory.mktemp("mimalloc"))


@pytest.fixture(scope="session")
def system_tree(tree, tmp_path_factory):
    return tree if tree.backend() == "system" else library_over(
        "system", tmp_path_factory.mktemp("system"))


@pytest.fixture(scope="session")
def headers_of(tree, tmp_path_factory):
    """headers_of(backend): an include folder as installed for that backend; nothing is built."""
    config = (tree.prefix / "include/shale/config.h").read_text()
    instrumented = "SHALE_ALLOC_STATS 1" in config or "SHALE_ALLOC_FILL 1" in config
    known = {} if instrumented else {tree.backend(): tree.prefix / "include"}

    def find(backend):
        if backend not in known:
            where = tmp_path_factory.mktemp(backend)
            build = configure(where / "build", backend)
            (build / "src/libshale.a").touch()  # installed with the headers, not used here
            known[backend] = install(build, where, "--tags", "devel").prefix / "include"
        return known[backend]

    return find
