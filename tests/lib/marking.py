# SPDX-License-Identifier: MIT
"""A fixture for tests of commands that start programs: none of them may be left behind."""
import os
import pathlib
import uuid

import pytest


@pytest.fixture
def mark():
    """Marks every process of a test; fails it when one is left when it ends."""
    value = uuid.uuid4().hex
    yield {**os.environ, "SHALE_TEST_MARK": value}
    left = []
    for path in pathlib.Path("/proc").glob("[0-9]*/environ"):
        try:
            if value.encode() in path.read_bytes():
                left.append((path.parent / "cmdline").read_bytes().replace(b"\0", b" "))
        except OSError:
            continue
    assert left == []
