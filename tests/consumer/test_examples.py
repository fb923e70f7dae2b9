# SPDX-License-Identifier: MIT
"""Every program of examples/ runs and prints what examples/expected.txt says."""
import re

import pytest
from conftest import BUILD, SOURCE, run

EXAMPLES = SOURCE / "examples"


def expectations():
    """name -> the patterns of its lines."""
    found = {}
    for line in (EXAMPLES / "expected.txt").read_text().splitlines():
        if line.startswith("    "):
            found[name].append(line.strip())
        elif line and not line.startswith("#"):
            name = line
            found[name] = []
    return found


EXPECTED = expectations()


def test_every_example_is_expected():
    assert sorted(EXPECTED) == sorted(file.stem for file in EXAMPLES.glob("*.c"))


@pytest.mark.parametrize("name", EXPECTED)
def test_example_prints_what_is_expected(name):
    output = run(BUILD / "examples" / f"example_{name}").splitlines()
    assert len(output) == len(EXPECTED[name]), output
    for line, pattern in zip(output, EXPECTED[name]):
        assert re.fullmatch(pattern, line), (line, pattern)


def test_every_function_names_an_example_that_calls_it():
    """`Example: examples/x.c` in a header is a program that uses the function above it."""
    documented = re.compile(r"Example: (examples/\w+\.c)\s*\*/[^/]*?\b(shale_\w+)\(")
    macros = {"shale_alloc_array", "shale_alloc_array_aligned"}  # behind SHALE_NEW_ARRAY()
    checked = 0
    for header in (SOURCE / "include/shale").glob("*.h"):
        for example, name in documented.findall(header.read_text()):
            text = (SOURCE / example).read_text()
            assert name in text or (name in macros and "SHALE_NEW_ARRAY(" in text), (example, name)
            checked += 1
    assert checked > 15
