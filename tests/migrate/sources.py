# SPDX-License-Identifier: MIT
"""Sources of real projects, from where this machine's own apt gets its packages, into a cache."""
import os
import shutil
import subprocess
from pathlib import Path

import pytest


def cache():
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "shale" / "sources"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def deb_src_lists(folder):
    """A private apt configuration: the machine's own package sources, as deb-src."""
    lists = folder / "lists"
    shutil.rmtree(lists, ignore_errors=True)
    lists.mkdir()
    for path in [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*")]:
        if path.suffix == ".sources":
            text = path.read_text().replace("Types: deb\n", "Types: deb-src\n")
            (lists / path.name).write_text(text)
        elif path.suffix == ".list" and path.exists():
            lines = [line.replace("deb ", "deb-src ", 1) for line in path.read_text().splitlines()
                     if line.startswith("deb ")]
            (lists / path.name).write_text("\n".join(lines) + "\n")
    return lists


def fetch(package):
    """The unpacked source package, or a skip with apt's reason."""
    folder = cache()
    found = sorted(path for path in folder.glob(f"{package}-*") if path.is_dir())
    if found:
        return found[-1]
    state = folder / "state"
    (state / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    (state / "cache" / "archives" / "partial").mkdir(parents=True, exist_ok=True)
    options = ["-o", "Dir::Etc::SourceList=/dev/null",
               "-o", f"Dir::Etc::SourceParts={deb_src_lists(folder)}",
               "-o", f"Dir::State::Lists={state / 'lists'}", "-o", f"Dir::Cache={state / 'cache'}"]
    for command in (["update"], ["source", package]):
        done = subprocess.run(["apt-get", "-q", *options, *command], cwd=folder,
                              capture_output=True, text=True, check=False, timeout=600)
    if done.returncode != 0:
        pytest.skip(f"apt-get source {package}: {done.stderr.strip().splitlines()[-1]}")
    return sorted(path for path in folder.glob(f"{package}-*") if path.is_dir())[-1]
