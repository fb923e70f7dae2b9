# SPDX-License-Identifier: MIT
"""Each check of the house fails on a bad example, and passes on the good one beside it."""
import subprocess

import pytest

import house
import layers
import ordering
import symbols
from tree import Tree, blank_comments

HEAD = "/* SPDX-License-Identifier: MIT */\n/* A file. Layer 0. */\n"
LONG_FUNCTION = "void f(void)\n{\n" + "    g();\n" * 100 + "}\n"
RELEASE = ("void give(void)\n{\n"
           "    /* ORDER T1 release -> acquire in take() [b.c]. Publishes x. Test t_case. */\n"
           "    shale_atomic_store_release(&word, 1);\n}\n")
ACQUIRE = ("int take(void)\n{\n"
           "    /* ORDER T1 acquire <- release in give()\n"
           "     * [a.c]. Sees x. */\n"
           "    return shale_atomic_load_acquire(&word);\n}\n")
PAIR = {"src/base/a.c": RELEASE, "src/base/b.c": ACQUIRE}
VERSION_H = ("#define SHALE_VERSION_MAJOR 1\n#define SHALE_VERSION_MINOR 2\n"
             "#define SHALE_VERSION_PATCH 3\n#define SHALE_VERSION_STRING \"1.2.3\"\n")
VERSIONED = {"meson.build": "  version: '1.2.3',\n", "include/shale/version.h": VERSION_H}


def tree_of(tmp_path, files):
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return Tree(tmp_path)


# check, what the problem must say, files that have it
BAD = [
    (layers.check_includes, "base must not include alloc",
     {"src/base/a.c": '#include "alloc/alloc.h"\n'}),
    (layers.check_includes, "slab must not include profile",
     {"src/slab/a.c": '#  include "profile/recorder.h"\n'}),
    (layers.check_includes, "collections must not include slab",
     {"src/collections/a.h": '#include "slab/slab.h"\n'}),
    (layers.check_includes, "cli must not include slab", {"src/cli/a.c": '#include "slab/x.h"\n'}),
    (layers.check_includes, "only the self-check", {"src/alloc/a.c": '#include "identify/pid.h"\n'}),
    (layers.check_includes, "names no layer", {"src/base/a.c": '#include "os.h"\n'}),
    (layers.check_includes, "is no layer of src/", {"src/base/a.c": '#include "sys/types.h"\n'}),
    (layers.check_includes, "src/magic is no layer", {"src/magic/a.c": "\n"}),
    (layers.check_includes, "bench must not include measure",
     {"bench/a.c": '#include "measure/stats.h"\n'}),
    (layers.check_includes, "examples must not include base",
     {"examples/a.c": '#include "base/clock.h"\n'}),
    (layers.check_public_headers, "a public header includes",
     {"include/shale/a.h": '#include "base/os.h"\n'}),
    (layers.check_public_headers, "a public header includes",
     {"include/shale/a.h": "#include <base/os.h>\n"}),
    (layers.check_backends, "includes another",
     {"src/alloc/backends/one.c": "#include <shale/backend/two.h>\n",
      "src/alloc/backends/two.c": ""}),
    (layers.check_no_malloc, "calls malloc", {"src/base/a.c": "void *p = malloc(3);\n"}),
    (layers.check_no_malloc, "calls free", {"src/profile/a.c": "if (p)\n    free (p);\n"}),
    (ordering.check_raw_atomics, "memory_order_relaxed outside",
     {"src/slab/a.c": "atomic_thread_fence(memory_order_relaxed);\n"}),
    (ordering.check_raw_atomics, "__atomic_load_n", {"src/slab/a.c": "x = __atomic_load_n(&y, 0);\n"}),
    (ordering.check_raw_atomics, "includes stdatomic.h", {"src/cli/a.c": "#include <stdatomic.h>\n"}),
    (ordering.check_sites, "without an ORDER comment",
     {"src/slab/a.c": "shale_atomic_store_release(&word, 1);\n"}),
    (ordering.check_sites, "shale_light_fence without",
     {"src/slab/a.c": "/* ORDER T1 seq_cst <-> seq_cst in f() [a.c]. Far. */\n" + "\n" * 9 +
      "shale_light_fence();\n"}),
    (ordering.check_pairs, "there is no file b.c", {"src/base/a.c": RELEASE}),
    (ordering.check_pairs, "has no take()", {**PAIR, "src/base/b.c": ACQUIRE.replace("take", "grab")}),
    (ordering.check_pairs, "has no ORDER T1 with <-",
     {**PAIR, "src/base/b.c": ACQUIRE.replace("T1", "T2")}),
    (ordering.check_pairs, "no end of T1",
     {**PAIR, "src/base/b.c": ACQUIRE.replace("T1 acquire", "T1 seq_cst")}),
    (ordering.check_pairs, "not of the form", {"src/base/a.c": "/* ORDER T1 with nobody */\n"}),
    (ordering.check_named_tests, "there is no test t_case", PAIR),
    (ordering.check_document, "T1 is not listed", PAIR),
    (ordering.check_document, "T9 is nowhere in src/",
     {**PAIR, ordering.ORDERING: "| T1 | x |\n| T9 | y |\n"}),
    (ordering.check_document, "T1 is listed twice",
     {**PAIR, ordering.ORDERING: "| T1 | x |\n| T1 | y |\n"}),
    (house.check_generated, "a binary file", {"a.dat": b"a\0b\n"}),
    (house.check_generated, "generated or temporary", {"src/a.o": "x\n"}),
    (house.check_generated, "generated or temporary", {"docs/a.pyc": "x\n"}),
    (house.check_generated, "more than", {"big.txt": "x" * house.SIZE_MAX + "\n"}),
    (house.check_generated, "no newline at the end", {"a.c": "int x;"}),
    (house.check_generated, "CRLF", {"a.c": "int x;\r\n"}),
    (house.check_executable, "without the executable bit", {"tool": "#!/bin/sh\n"}),
    (house.check_words, "no package host", {"x.md": f"from {house.HOSTS[0]} it comes\n"}),
    (house.check_words, "no path of one machine", {"x.c": f"open(\"/{'work'}/shale\");\n"}),
    (house.check_words, "no path of one machine", {"x.c": f"/* in /{'root'}/shale */\n"}),
    (house.check_headers, "no SPDX line", {"a.c": "/* A file. */\n"}),
    (house.check_headers, "no line of purpose",
     {"a.c": "/* SPDX-License-Identifier: MIT */\n\n#include <stdio.h>\n"}),
    (house.check_headers, "no line of purpose",
     {"a.py": "# SPDX-License-Identifier: MIT\n\nimport os\n"}),
    (house.check_lengths, "f() has 102 lines", {"a.c": HEAD + LONG_FUNCTION}),
    (house.check_lengths, "601 lines", {"a.py": "#\n" * 601}),
    (house.check_required, "LICENSE: missing", {"a.c": HEAD}),
    (house.check_links, "leads nowhere", {"docs/a.md": "see [b](b.md#part)\n"}),
    (house.check_version, "version.h: not 1.2.4",
     {**VERSIONED, "meson.build": "  version: '1.2.4',\n"}),
    (house.check_version, "the newest entry is not 1.2.3",
     {**VERSIONED, "CHANGELOG.md": "# Changes\n\n## 1.2.2\n\n## 1.2.3\n"}),
    (house.check_registered, "never runs",
     {"tests/unit/test_a.c": "", "tests/unit/meson.build": "'b'\n"}),
]


@pytest.mark.parametrize("check, message, files", BAD,
                         ids=[f"{check.__name__}: {message}" for check, message, _ in BAD])
def test_bad_example_is_found(tmp_path, check, message, files):
    problems = check(tree_of(tmp_path, files))
    assert any(message in problem for problem in problems), problems


GOOD = [
    (layers.check_includes,
     {"src/alloc/a.c": '#include "base/os.h"\n#include "identify/catalog.h"\n'
                       '#include "alloc/backend.h"\n#include <stdio.h>\n',
      "bench/a.c": '#include "bench.h"\n#include "base/clock.h"\n',
      "src/base/b.c": '/* #include "alloc/alloc.h" */\n'}),
    (layers.check_public_headers, {"include/shale/a.h": "#include <shale/b.h>\n#include <stdio.h>\n"}),
    (layers.check_backends, {"src/alloc/backends/one.c": "#include <shale/backend/one.h>\n"}),
    (layers.check_no_malloc,
     {"src/base/a.c": 'x->free(p); y.malloc(3); bump_free(p); puts("malloc(3)"); /* free(p) */\n',
      "src/cli/a.c": "free(p);\n"}),
    (ordering.check_raw_atomics, {ordering.ATOMICS: "memory_order_relaxed\n",
                                  "src/slab/a.c": "shale_atomic_load_relaxed(&x);\n"}),
    (ordering.check_sites, {**PAIR, "src/slab/c.c": "shale_atomic_load_relaxed(&x);\n"}),
    (ordering.check_pairs, PAIR),
    (ordering.check_named_tests, {**PAIR, "tests/unit/test_a.c": "static void t_case(void)\n"}),
    (ordering.check_document, {**PAIR, ordering.ORDERING: "| Tag | What |\n| T1 | x |\n"}),
    (house.check_generated, {"src/a.c": "int x;\n"}),
    (house.check_executable, {"tool.py": "#!/usr/bin/python3\n"}),
    (house.check_words, {"x.md": "the network/host, framework/x, a/work/b\n"}),
    (house.check_headers, {"a.c": HEAD, "b.c": "/* SPDX-License-Identifier: MIT */\n/*\n * B. */\n",
                           "c.py": '# SPDX-License-Identifier: MIT\n"""C."""\n'}),
    (house.check_lengths, {"a.c": HEAD + LONG_FUNCTION.replace("    g();\n" * 100, "    g();\n")}),
    (house.check_links, {"docs/a.md": "[b](b.md) [c](../c.md#x) [d](" + "https" + "://e.f/g)\n",
                         "docs/b.md": "\n", "c.md": "\n"}),
    (house.check_version, {**VERSIONED, "CHANGELOG.md": "## 1.2.3\n"}),
    (house.check_registered, {"tests/unit/test_a.c": "", "tests/unit/meson.build": "'a': base_lib\n"}),
]


@pytest.mark.parametrize("check, files", GOOD, ids=[check.__name__ for check, _ in GOOD])
def test_good_example_passes(tmp_path, check, files):
    assert check(tree_of(tmp_path, files)) == []


def test_executable_without_script_is_found(tmp_path):
    tree = tree_of(tmp_path, {"a.c": HEAD})
    (tmp_path / "a.c").chmod(0o755)
    assert any("executable, but no script" in problem for problem in house.check_executable(tree))


def test_every_check_has_a_bad_example():
    covered = {check for check, _, _ in BAD}
    every = {getattr(module, name) for module in (layers, ordering, house) for name in dir(module)
             if name.startswith("check_")}
    assert every == covered


# ---- exported symbols, on a library made here ----

@pytest.fixture(name="library")
def small_library(tmp_path):
    source = tmp_path / "lib.c"
    source.write_text("int shale_one(void) { return 1; }\nint shale_two(void) { return 2; }\n")
    script = tmp_path / "lib.map"
    script.write_text("V_1 { global: shale_one; shale_two; local: *; };\n")
    library = tmp_path / "libshale.so.1"
    subprocess.run(["cc", "-shared", "-fPIC", f"-Wl,--version-script={script}", "-o", str(library),
                    str(source)], check=True)
    return library


def test_exports_unlisted_symbol_is_found(library):
    problems = symbols.check_exports(library, ["V { global: shale_one; local: *; };"])
    assert len(problems) == 1 and "shale_two is exported but" in problems[0]


def test_exports_missing_symbol_is_found(library):
    maps = ["V { global: shale_one; /* x; */ shale_two; local: *; };", "W { global: gone; } V;"]
    problems = symbols.check_exports(library, maps)
    assert len(problems) == 1 and "gone is in the version script but not" in problems[0]


def test_exports_listed_symbols_pass(library):
    assert symbols.check_exports(library, ["V { global: shale_one; shale_two; local: *; };"]) == []


def test_declared_missing_declaration_is_found(tmp_path):
    tree = tree_of(tmp_path, {"src/x.map": "V { global: shale_one; shale_two; local: *; };",
                              "include/shale/a.h": "int shale_one(void);\n/* shale_two(void) */\n"})
    problems = symbols.check_declared(tree, ["src/x.map"])
    assert len(problems) == 1 and "shale_two is declared in no public header" in problems[0]


# ---- the tree itself ----

def test_tree_sees_only_tracked_files(tmp_path):
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    tree_of(tmp_path, {"a.c": "", "b.c": ""})
    subprocess.run(["git", "-C", str(tmp_path), "add", "a.c"], check=True)
    assert Tree(tmp_path).names == ["a.c"]


def test_blank_comments_keeps_lines_and_code():
    text = 'a; /* b\n c */ d; "e /* f" // g\nh;'
    assert blank_comments(text).split() == ["a;", "d;", "h;"]
    assert blank_comments(text).count("\n") == 2
