# SPDX-License-Identifier: MIT
"""The front door costs nothing: against the installed headers, a loop through it executes the same
instructions, and the same call, as the loop that uses the backend's own names. Both test the result,
as every program must; where the front door sets errno, it does so behind that test, out of the loop."""
import re
import shutil

import pytest
from conftest import BUILD, run

# backend: its header, then malloc, calloc, realloc, aligned allocation and free by its own names
DIRECT = {
    "slab": ("shale/alloc.h", "shale_slab_alloc(n)", "shale_slab_calloc(n, 8)",
             "shale_slab_realloc(p, 100)", "shale_slab_aligned(64, n)", "shale_slab_free(p)"),
    "system": ("malloc.h", "malloc(n)", "calloc(n, 8)", "realloc(p, 100)", "memalign(64, n)", "free(p)"),
    "jemalloc": ("jemalloc/jemalloc.h", "malloc(n)", "calloc(n, 8)", "realloc(p, 100)",
                 "memalign(64, n)", "free(p)"),
    "mimalloc": ("mimalloc.h", "mi_malloc(n)", "mi_calloc(n, 8)", "mi_realloc(p, 100)",
                 "mi_malloc_aligned(n, 64)", "mi_free(p)"),
    "tcmalloc": ("gperftools/tcmalloc.h", "tc_malloc(n)", "tc_calloc(n, 8)", "tc_realloc(p, 100)",
                 "tc_memalign(64, n)", "tc_free(p)"),
}
FORMS = ("alloc", "calloc", "realloc", "aligned", "free")
SHALE = ("shale/alloc.h", "shale_alloc(n)", "shale_calloc(n, 8)", "shale_realloc(p, 100)",
         "shale_alloc_aligned(64, n)", "shale_free(p)")
LOOP = """
#include <{header}>
#include <stdlib.h>
size_t loop_alloc(void **slots, size_t count, size_t n)
{{ size_t i = 0; for (void *q; i < count && (q = {1}); i++) slots[i] = q; return i; }}
size_t loop_calloc(void **slots, size_t count, size_t n)
{{ size_t i = 0; for (void *q; i < count && (q = {2}); i++) slots[i] = q; return i; }}
size_t loop_realloc(void **slots, size_t count)
{{ size_t i = 0; for (void *p, *q; i < count && (p = slots[i], q = {3}); i++) slots[i] = q; return i; }}
size_t loop_aligned(void **slots, size_t count, size_t n)
{{ size_t i = 0; for (void *q; i < count && (q = {4}); i++) slots[i] = q; return i; }}
void loop_free(void **slots, size_t count)
{{ for (size_t i = 0; i < count; i++) {{ void *p = slots[i]; {5}; }} }}
"""
INSTRUCTION = re.compile(r"^\s+([0-9a-f]+):\t(\S+) *(\S*)")
RELOCATION = re.compile(r"R_X86_64_PLT32\s+(\w+)")


def installed_backends():
    """Those the build found: it configured a header for each."""
    return [name for name in DIRECT
            if (BUILD / "tests/alloc" / f"config_{name}_direct.h").exists()]


def disassembly(compiler, source, where, *options):
    """name -> [(address, mnemonic, operand, called symbol or None)] of each function."""
    file = where / "loop.c"
    file.write_text(source)
    run(compiler, "-O2", "-c", file, "-o", where / "loop.o", *options)
    found = {}
    for part in run("objdump", "-dr", "--no-show-raw-insn", where / "loop.o").split("\n\n"):
        name = re.search(r"<(loop_\w+)>:", part)
        body = found.setdefault(name[1], []) if name else []
        for line in part.splitlines():
            if instruction := INSTRUCTION.match(line):
                body.append([int(instruction[1], 16), instruction[2], instruction[3], None])
            elif body and (relocation := RELOCATION.search(line)):
                body[-1][3] = relocation[1]
    return found


def hot_loop(body):
    """What one round executes: from the target of the backward jump over the call to that jump."""
    loops = []
    for last, (address, mnemonic, operand, _) in enumerate(body):
        if not mnemonic.startswith("j") or not re.fullmatch("[0-9a-f]+", operand):
            continue
        inside = [row for row in body[:last + 1] if row[0] >= int(operand, 16)]
        if int(operand, 16) <= address and any(row[3] for row in inside):
            loops.append(inside)
    assert loops, body
    shortest = min(loops, key=len)
    # Sorted: a compiler may begin the round at another place.
    return sorted(row[1] for row in shortest), [row[3] for row in shortest if row[3]]


def loop_of(calls):
    header, *rest = calls
    return LOOP.format(None, *rest, header=header)


@pytest.mark.parametrize("compiler", [name for name in ("gcc", "clang") if shutil.which(name)])
@pytest.mark.parametrize("backend", installed_backends())
def test_hot_loop_is_the_backends_own(headers_of, tmp_path, backend, compiler):
    direct = disassembly(compiler, loop_of(DIRECT[backend]), tmp_path, "-I", headers_of(backend))
    shale = disassembly(compiler, loop_of(SHALE), tmp_path, "-I", headers_of(backend))
    for form, call in zip(FORMS, DIRECT[backend][1:]):
        instructions, calls = hot_loop(shale[f"loop_{form}"])
        assert calls == [re.match(r"\w+", call)[0]], form
        assert (instructions, calls) == hot_loop(direct[f"loop_{form}"]), form
