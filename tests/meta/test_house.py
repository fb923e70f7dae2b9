# SPDX-License-Identifier: MIT
"""The rules of the house, held against this source tree."""
import os
import pathlib
import warnings

import pytest

import house
import layers
import ordering
import symbols
from tree import Tree

TREE = Tree(os.environ["SHALE_SOURCE"])
BUILD = pathlib.Path(os.environ["SHALE_BUILD"])

CHECKS = [getattr(module, name) for module in (layers, ordering, house) for name in dir(module)
          if name.startswith("check_")]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_tree_passes(check):
    problems = check(TREE)
    assert not problems, "\n" + "\n".join(problems)


def test_long_functions_are_few():
    """Above the soft limits is allowed, but seen: at most one function in twenty."""
    long = house.check_lengths(TREE, "soft")
    functions = sum(1 for name in TREE.files(".c", under="src/")
                    for _ in house.function_lengths(TREE.text(name)))
    for problem in long:
        warnings.warn(problem)
    assert len([problem for problem in long if problem.startswith("src/")]) <= functions / 20, \
        "\n" + "\n".join(long)


def test_exported_symbols_are_the_listed_ones():
    found = symbols.libraries(BUILD)
    assert len(found) == 1, f"one libshale.so in {BUILD}/src, not {found}"
    exported = symbols.exported(found[0])
    maps = [TREE.text("src/libshale.map")]
    maps += [TREE.text(f"src/libshale-{backend}.map") for backend in ("mock", "slab")
             if f"shale_{backend}_alloc" in exported]
    problems = symbols.check_exports(found[0], maps)
    assert not problems, "\n" + "\n".join(problems)


def test_exported_symbols_are_declared_in_public_headers():
    problems = symbols.check_declared(TREE, ["src/libshale.map", "src/libshale-mock.map",
                                             "src/libshale-slab.map"])
    assert not problems, "\n" + "\n".join(problems)


def test_tree_is_seen():
    """A check over no files passes too: these numbers only grow."""
    assert len(TREE.files(".c", under="src/")) > 50
    assert len(TREE.files(".c", ".py", under="tests/")) > 30
    assert sum(len(ordering.orders_of(name, text))
               for name, text in ordering.sources(TREE).items()) >= 5
