# SPDX-License-Identifier: MIT
"""The pytest plugin prints one TAP line per case, whatever the case does."""
import os
import pathlib
import subprocess
import sys

import pytest

LIB = pathlib.Path(os.environ["SHALE_SOURCE"]) / "tests" / "lib"


def run(tmp_path, text):
    (tmp_path / "test_it.py").write_text("import os, pytest\n" + text)
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "tap", "-p", "no:cacheprovider", "test_it.py"],
        cwd=tmp_path, check=False, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(LIB)})
    lines = result.stdout.splitlines()
    return result.returncode, [line for line in lines if not line.startswith("#")]


def test_passing_and_failing_cases_are_numbered(tmp_path):
    status, lines = run(tmp_path, "def test_a(): pass\ndef test_b(): assert 1 == 2\n")
    assert lines == ["ok 1 - test_a", "not ok 2 - test_b (call)", "1..2"]
    assert status == 1


def test_skip_reasons_are_on_the_line(tmp_path):
    status, lines = run(tmp_path, "@pytest.mark.skip(reason='no\\nmoon')\ndef test_a(): pass\n"
                                  "def test_b(): pytest.skip('no sun')\n")
    assert lines == ["ok 1 - test_a # SKIP no moon", "ok 2 - test_b # SKIP no sun", "1..2"]
    assert status == 0


def test_expected_failure_is_a_skip_and_strict_pass_a_failure(tmp_path):
    _, lines = run(tmp_path, "@pytest.mark.xfail(reason='known')\ndef test_a(): assert 0\n"
                             "@pytest.mark.xfail(strict=True)\ndef test_b(): pass\n")
    assert lines == ["ok 1 - test_a # SKIP expected to fail: known", "not ok 2 - test_b (call)", "1..2"]


def test_setup_and_teardown_failures_count(tmp_path):
    _, lines = run(tmp_path, "@pytest.fixture\ndef bad(): raise ValueError\n"
                             "@pytest.fixture\ndef late():\n    yield\n    raise ValueError\n"
                             "def test_a(bad): pass\ndef test_b(late): pass\n")
    assert lines == ["not ok 1 - test_a (setup)", "ok 2 - test_b", "not ok 3 - test_b (teardown)",
                     "1..3"]


@pytest.mark.parametrize("text", ["import nothing_of_that_name\n", "def test_a(:\n"])
def test_collection_error_is_a_failed_case(tmp_path, text):
    status, lines = run(tmp_path, text)
    assert lines[0].startswith("not ok 1 - collect")
    assert status != 0


def test_no_tests_is_an_error_status(tmp_path):
    status, lines = run(tmp_path, "x = 1\n")
    assert lines == ["1..0"]
    assert status == 5


def test_odd_parameter_ids_stay_on_one_line(tmp_path):
    _, lines = run(tmp_path, "@pytest.mark.parametrize('x', ['a#b', 'c\\nd', ''])\n"
                             "def test_a(x): pass\n")
    assert len(lines) == 4 and not any("#" in line for line in lines)


def test_exit_in_the_middle_prints_no_plan(tmp_path):
    _, lines = run(tmp_path, "def test_a(): pass\ndef test_b(): os._exit(0)\n")
    assert lines == ["ok 1 - test_a"]


def test_output_of_cases_does_not_reach_the_stream(tmp_path):
    _, lines = run(tmp_path, "def test_a(): print('not ok 7 - noise')\n")
    assert lines == ["ok 1 - test_a", "1..1"]
