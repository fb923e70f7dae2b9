# SPDX-License-Identifier: MIT
"""The static probes: those that the guide lists are in the built libraries, and no others."""
import os
import pathlib
import re
import subprocess

import pytest

SOURCE = pathlib.Path(os.environ["SHALE_SOURCE"])
BUILD = pathlib.Path(os.environ["SHALE_BUILD"])
LIBRARIES = {"preload": pathlib.Path(os.environ["SHALE_MALLOC_LIB"]),
             "libshale": BUILD / "src/libshale.so"}


def documented():
    """name -> number of arguments, from the table of the guide."""
    text = (SOURCE / "docs/guide/statistics.md").read_text()
    table = text.split("| Probe | Arguments | When |")[1].split("\n\n")[0]
    found = {}
    for names, arguments in re.findall(r"^\| (`[^|]+) \| ([^|]*) \|", table, re.M):
        names = re.findall(r"`(\w+)`", names)
        forms = arguments.split(";") if ";" in arguments else [arguments] * len(names)
        for name, form in zip(names, forms):
            found[name] = len([word for word in form.split(",") if word.strip() != "none"])
    return found


def built(library):
    """name -> numbers of arguments, from .note.stapsdt."""
    text = subprocess.run(["readelf", "-n", library], capture_output=True, text=True,
                          check=True).stdout
    found = {}
    for provider, name, arguments in re.findall(
            r"Provider: (\w+)\n +Name: (\w+)\n.*\n +Arguments:(.*)", text):
        assert provider == "shale"
        found.setdefault(name, set()).add(len(arguments.split()))
    return found


DOCUMENTED = documented()


@pytest.mark.parametrize("which", LIBRARIES)
def test_library_has_the_documented_probes(which):
    found = built(LIBRARIES[which])
    wanted = {name: {count} for name, count in DOCUMENTED.items()
              if which == "libshale" or name.startswith("slab_")}
    assert found == wanted


def test_examples_of_the_guide_use_probes_that_exist():
    text = (SOURCE / "docs/guide/statistics.md").read_text()
    used = set(re.findall(r"usdt:LIBRARY:shale:(\w+)", text))
    assert len(used) >= 5 and used <= set(DOCUMENTED)


def test_probes_fire_where_they_should():
    """gdb stops at notes of this kind too: it counts the hits in a program that must pass them."""
    names = ["slab_thread_start", "slab_take", "slab_segment_take", "slab_send"]
    commands = [f"set exec-wrapper env LD_PRELOAD={LIBRARIES['preload']}",
                "set breakpoint pending on"]
    for number, name in enumerate(names, start=1):
        commands += [f"break -probe-stap shale:{name}", f"ignore {number} 1000000"]
    commands += ["run </dev/null", "info breakpoints"]
    done = subprocess.run(["gdb", "-q", "-batch", "-iex", "set debuginfod enabled off",
                           *(word for command in commands for word in ("-ex", command)),
                           os.environ["STATS_MALLOC"]],
                          capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
    hits = re.findall(r"^(\d)\s+breakpoint .*\n\s+breakpoint already hit (\d+) time", done.stdout,
                      re.M)
    assert [int(number) for number, _ in hits] == [1, 2, 3, 4], done.stdout + done.stderr
    assert int(hits[1][1]) >= 239  # slabs of the program's blocks
