# SPDX-License-Identifier: MIT
"""What the Python tests share: running shale, compiling small programs, finding allocators."""
import functools
import json
import os
import pathlib
import subprocess
import time

SHALE = os.environ["SHALE"]
SOURCE = pathlib.Path(os.environ["SHALE_SOURCE"])
BUILD = pathlib.Path(os.environ["SHALE_BUILD"])


def shale(*arguments, **options):
    """Runs shale with captured output; `command` in options goes before it (a wrapper)."""
    wrapper = options.pop("wrapper", [])
    environment = dict(os.environ) | options.pop("env", {})
    options = {"capture_output": True, "text": True, "timeout": 60} | options
    return subprocess.run([*wrapper, SHALE, *map(str, arguments)], env=environment, **options)


def compile_c(folder, name, source, *flags, compiler="cc"):
    """Compiles C source to folder/name and returns its path."""
    path = folder / name
    subprocess.run([compiler, "-x", "c", "-", "-o", str(path), *flags], input=source, text=True,
                   check=True)
    return path


@functools.lru_cache(maxsize=None)
def allocators():
    """All that `shale run --list` finds, as dictionaries."""
    return json.loads(shale("run", "--list", "--json").stdout)["allocators"]


def installed(name):
    """The path of the installed library of that allocator."""
    return next(item["path"] for item in allocators()
                if item["name"] == name and item["from"] == "system" and item["loadable"])


def wait_until(condition, seconds=10):
    """Polls until the condition holds; what it returned, or an AssertionError."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def process_state(pid):
    """The letter of /proc/PID/stat, or None when there is no such process."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return None
