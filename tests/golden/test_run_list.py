# SPDX-License-Identifier: MIT
"""shale run --list: what is found, where, and why something cannot be loaded."""
import json
import os
import pathlib
import shutil
import subprocess

import jsonschema
import pytest

from programs import SHALE, SOURCE, compile_c, installed, shale

SCHEMA = json.loads((SOURCE / "share/schema/run-list.schema.json").read_text())


def listing(**environment):
    result = shale("run", "--list", "--json", env=environment)
    assert (result.returncode, result.stderr) == (0, "")
    found = json.loads(result.stdout)
    jsonschema.validate(found, SCHEMA)
    return found["allocators"]


def test_system_comes_first_and_all_installed_are_there():
    found = listing()
    assert (found[0]["name"], found[0]["from"], found[0]["path"]) == ("system", "built-in", None)
    system = {item["name"] for item in found if item["from"] == "system" and item["loadable"]}
    assert {"jemalloc", "mimalloc", "tcmalloc"} <= system
    paths = [item["path"] for item in found]
    assert len(paths) == len(set(paths))


@pytest.mark.parametrize("name, package", [("mimalloc", "libmimalloc2.0"), ("jemalloc", "libjemalloc2"),
                                           ("tcmalloc", "libtcmalloc-minimal4")])
def test_version_is_the_packages(name, package):
    wanted = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True,
                            text=True, check=True).stdout
    item = next(item for item in listing() if item["path"] == installed(name))
    assert wanted.startswith(item["version"]) and "." in item["version"]


def test_table_has_a_line_for_each():
    lines = shale("run", "--list").stdout.splitlines()
    assert lines[0].split() == ["NAME", "VERSION", "FROM", "LOADS", "PATH"]
    rows = [line.split() for line in lines[1:] if not line.startswith(" ")]
    found = listing()
    assert [row[0] for row in rows] == [item["name"] for item in found]
    assert [row[3] == "yes" for row in rows] == [item["loadable"] for item in found]
    assert [row[4] for row in rows] == [item["path"] or "-" for item in found]


def test_own_allocator_is_found_without_being_told():
    own = [item for item in listing(SHALE_ALLOCATOR_PATH="") if item["from"] == "own"]
    assert [(item["name"], item["loadable"]) for item in own] == [("shale", True), ("shale-secure", True)]
    done = shale("run", "--allocator", "shale", "--", "echo", "served",
                 env={"SHALE_ALLOCATOR_PATH": ""})
    assert (done.returncode, done.stdout) == (0, "served\n")


def test_shale_is_small_enough_to_measure_small_programs():
    """The kernel starts a program's peak RSS at the size of the one that started it."""
    libraries = subprocess.run(["ldd", SHALE], capture_output=True, text=True, check=True).stdout
    assert "libpopt" in libraries and "clang" not in libraries and "LLVM" not in libraries


def test_peers_folder_is_searched(tmp_path):
    folder = tmp_path / "libmimalloc_1" / "usr" / "lib"
    folder.mkdir(parents=True)
    copy = shutil.copy(installed("mimalloc"), folder)
    found = {item["path"]: item for item in listing(SHALE_PEERS=str(tmp_path))}
    assert found[copy]["from"] == "peers"
    home = tmp_path / "home"
    (home / ".cache" / "shale").mkdir(parents=True)
    (home / ".cache" / "shale" / "peers").symlink_to(tmp_path / "libmimalloc_1")
    cached = {pathlib.Path(item["path"]).name for item in listing(
        SHALE_PEERS="", XDG_CACHE_HOME="", HOME=str(home)) if item["from"] == "peers"}
    assert cached == {pathlib.Path(copy).name}


def test_folder_that_is_no_utf8_is_listed(tmp_path):
    folder = str(tmp_path / os.fsdecode(b"l\xe9t"))
    os.mkdir(folder)
    shutil.copy(installed("mimalloc"), folder)
    paths = [item["path"] for item in listing(SHALE_ALLOCATOR_PATH=folder)]
    assert any(path and "/l?t/" in path for path in paths)


def test_what_cannot_be_loaded_says_why(tmp_path):
    broken = tmp_path / "libjemalloc.so.9"
    broken.write_bytes(pathlib.Path(installed("jemalloc")).read_bytes()[:5000])
    foreign = tmp_path / "libmimalloc.so.9"
    content = bytearray(pathlib.Path(installed("mimalloc")).read_bytes())
    content[18:20] = (0xF3).to_bytes(2, "little")
    foreign.write_bytes(content)
    found = {item["path"]: item for item in listing(SHALE_ALLOCATOR_PATH=str(tmp_path))}
    for path in [broken, foreign]:
        assert found[str(path)]["loadable"] is False
        assert found[str(path)]["reason"]
    table = shale("run", "--list", env={"SHALE_ALLOCATOR_PATH": str(tmp_path)}).stdout
    assert found[str(foreign)]["reason"] in table
    # What cannot be loaded is no choice while something else can.
    assert shale("run", "-a", "mimalloc", "true",
                 env={"SHALE_ALLOCATOR_PATH": str(tmp_path)}).returncode == 0


def test_library_without_malloc_is_left_out(tmp_path):
    compile_c(tmp_path, "libmimalloc.so.8", "int mi_version(void){return 809;}", "-shared", "-fPIC")
    found = listing(SHALE_ALLOCATOR_PATH=str(tmp_path))
    assert not any(str(tmp_path) in (item["path"] or "") for item in found)


def test_full_device_is_an_error():
    for arguments in [["--list"], ["--list", "--json"]]:
        with open("/dev/full", "w") as full:
            result = shale("run", *arguments, stdout=full, stderr=subprocess.PIPE,
                           capture_output=False)
        assert result.returncode == 74
        assert result.stderr.startswith("shale run: cannot write the output: ")
