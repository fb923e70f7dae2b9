# SPDX-License-Identifier: MIT
"""What the built library asks of the dynamic linker."""
import os
import re
import subprocess

LIBRARY = os.environ["SHALE_MALLOC_LIB"]
FAMILY = {"malloc", "free", "calloc", "realloc", "reallocarray", "memalign", "aligned_alloc",
          "posix_memalign", "valloc", "pvalloc", "strdup"}


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def imports():
    text = output("nm", "-D", "--undefined-only", LIBRARY)
    return {line.split()[-1].split("@")[0] for line in text.splitlines()}


def test_calls_no_malloc_but_its_own():
    assert not imports() & FAMILY


def test_thread_local_state_is_initial_exec():
    """Any other model asks __tls_get_addr, which can call malloc."""
    assert "__tls_get_addr" not in imports()
    assert "STATIC_TLS" in output("readelf", "-d", LIBRARY)


def test_thread_local_state_is_small():
    """It takes from the static surplus that every late dlopen of any library shares."""
    size = re.search(r"^ +TLS +(?:0x\w+ +){3}0x\w+ 0x(\w+)",
                     output("readelf", "-lW", LIBRARY), re.MULTILINE)
    assert size and int(size.group(1), 16) <= 256, output("readelf", "-lW", LIBRARY)


def test_never_unloaded_and_first():
    flags = output("readelf", "-d", LIBRARY)
    assert "NODELETE" in flags and "INITFIRST" in flags


def test_exports_malloc_and_no_epochs():
    """With names of the engine's own, a program linked with libshale would have parts of two. With
    versions the loader would not take this malloc for glibc's."""
    text = output("nm", "-D", "--defined-only", LIBRARY)
    exported = {line.split()[-1] for line in text.splitlines()}
    assert {name for name in exported if name.startswith("shale")} == {"shale_owns"}
    assert FAMILY - {"strdup"} < exported
    assert not {name for name in exported if "@" in name}
