# SPDX-License-Identifier: MIT
"""Sources broken at random: nothing crashes, a second write is empty, undo is exact.

MIGRATE_SEED and MIGRATE_ROUNDS choose another run; the seed of a failure is printed with it.
"""
import os
import random
from pathlib import Path

from support import migrate, read_tree, report, write_tree

SOURCE = Path(os.environ["SHALE_SOURCE"])
SEED = int(os.environ.get("MIGRATE_SEED", "1"))
ROUNDS = int(os.environ.get("MIGRATE_ROUNDS", "12"))
FILES = 25
SIZE_MAX = 12_000
PIECES = [
    b"free(p);", b"malloc(", b"(free)(p)", b"#define free(x) other(x)\n", b"#define X free\n",
    b"char *l; getline(&l, &n, f); free(l);", b"/*", b"*/", b'"', b"'", b"\\\n", b"??/\n", b"??=",
    b"#if 0\n", b"#else\n", b"#endif\n", b"#define M(a, ...) free(a##b) M(a)\n", b"{", b"}", b"(", b")",
    b"struct { void (*free)(void *); } o = {free}, *q = {.free = free};", b"R\"x(", b"\0", b"\r",
    b"\xff\xfe", b"\xef\xbb\xbf", b"\xc3", b"posix_memalign(&p, 1, 2)", b"realloc(p, 0)", b"[", b"?:",
    b"void *free(void *free) { free: goto free; }", b"#include <stdlib.h>\n", b"\x1a", b"\f\v", b"%:",
    b"for (;;) free(malloc(realloc(free(p), 3)));", b"sizeof(malloc(3))", b"#pragma free\n",
    b"_Pragma(\"x\")", b"asm(\"call free\");", b"typedef int free;", b"extern void free(void *);",
]


def corpus():
    files = sorted(SOURCE.glob("src/*/*.c")) + sorted(SOURCE.glob("tests/unit/*.c"))
    texts = [path.read_bytes() for path in files]
    return [text.replace(b"must_alloc", b"malloc") for text in texts if len(text) > 200]


def mutate(chance, text):
    start = chance.randrange(len(text))
    text = text[start:start + SIZE_MAX] if chance.random() < 0.5 else text[:SIZE_MAX]
    for _ in range(chance.randrange(1, 12)):
        at = chance.randrange(len(text) + 1)
        end = min(len(text), at + chance.choice([1, 2, 10, 100, 1000]))
        kind = chance.randrange(6)
        if kind == 0:
            text = text[:at] + text[end:]
        elif kind == 1:
            text = text[:at] + text[at:end] * chance.choice([2, 3, 30]) + text[end:]
        elif kind == 2:
            text = text[:at] + chance.randbytes(chance.randrange(1, 20)) + text[at:]
        elif kind == 3:
            text = text[:at]
        else:
            text = text[:at] + chance.choice(PIECES) * chance.choice([1, 1, 1, 40]) + text[at:]
    if chance.random() < 0.1:
        text = text.replace(b"\n", chance.choice([b"\r\n", b"\r", b" "]))
    return text


def test_mutated_sources_neither_crash_nor_lose_a_byte(tmp_path):
    texts = corpus()
    assert len(texts) > 50
    converted = 0
    for number in range(ROUNDS):
        seed = SEED * 1_000_000 + number
        chance = random.Random(seed)
        files = {f"{i}.{chance.choice('ccch')}": mutate(chance, chance.choice(texts))
                 for i in range(FILES)}
        root = tmp_path / str(number)
        write_tree(root, files)
        try:
            converted += report(root)["totals"]["converted"]
            migrate("--write", root)
            after = read_tree(root)
            migrate("--check", root)
            migrate("--write", root)
            assert read_tree(root) == after
            if after != files:
                migrate("--undo", root)
            assert read_tree(root) == files
        except AssertionError:
            print(f"MIGRATE_SEED={seed // 1_000_000}, round {number}: {root}")
            raise
    assert converted > ROUNDS
