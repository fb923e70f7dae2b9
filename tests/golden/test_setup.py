# SPDX-License-Identifier: MIT
"""What ./x does where packages are missing: it installs them, or says which. With false programs."""
import shutil
import subprocess

import pytest

from programs import SOURCE

NEEDED = ["sh", "dirname", "date", "grep", "cat"]


@pytest.fixture
def machine(tmp_path):
    """machine(user, NAME=SCRIPT...): runs ./x of a tree without a build, with these programs alone."""
    tree = tmp_path / "tree"
    programs = tmp_path / "programs"
    tree.mkdir()
    programs.mkdir()
    shutil.copy(SOURCE / "x", tree)
    for name in NEEDED:
        (programs / name).symlink_to(shutil.which(name))

    def run(job, user=0, **scripts):
        for name, script in {"id": f"echo {user}", **scripts}.items():
            path = programs / name.replace("_", "-")
            path.write_text(f"#!/bin/sh\n{script}\n")
            path.chmod(0o755)
        return subprocess.run([tree / "x", job], env={"PATH": str(programs)}, capture_output=True,
                              text=True, timeout=30)

    return run


# A machine that has the tools, and lacks libraries.
TOOLS = {name: "exit 0" for name in ("cc", "meson", "ninja", "pkg_config", "mkdir", "ln", "basename")}
MISSING = {"dpkg_query": "for name; do :; done; [ $name = gcc ] && echo installed",
           "apt_get": "echo apt-get \"$@\" >&2"}


@pytest.mark.parametrize("job", ["setup", "build"])
def test_missing_packages_are_installed(machine, job):
    done = machine(job, **TOOLS, **MISSING)
    assert "apt-get install -y" in done.stderr and "libjansson-dev" in done.stderr
    assert " gcc " not in done.stderr


def test_build_with_everything_installed_asks_for_nothing(machine):
    done = machine("build", dpkg_query="echo installed", apt_get="echo apt-get >&2", **TOOLS)
    assert (done.returncode, done.stderr) == (0, "")


def test_without_root_or_sudo_the_command_is_told(machine):
    done = machine("setup", user=1000, **MISSING)
    assert done.returncode == 1
    assert "no sudo; as root: apt-get install" in done.stderr and "libjansson-dev" in done.stderr


def test_sudo_is_used_where_there_is_one(machine):
    done = machine("setup", user=1000, sudo='echo sudo "$@" >&2', **MISSING)
    assert done.returncode == 0
    assert "sudo apt-get update" in done.stderr


def test_without_apt_the_packages_are_named(machine):
    done = machine("setup")
    assert "no Debian or Ubuntu" in done.stderr and "libjansson-dev" in done.stderr
