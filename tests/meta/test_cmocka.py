# SPDX-License-Identifier: MIT
"""What a C test prints: a skipped case is `ok`, with its reason; a failed one is not."""
import os
import subprocess


def test_c_cases_passed_skipped_and_failed_are_told_apart():
    result = subprocess.run([os.environ["SKIPPING"]], check=False, capture_output=True, text=True)
    lines = result.stdout.splitlines()
    cases = [line for line in lines if line.startswith(("ok", "not ok"))]
    assert cases[0].startswith("ok 1")
    assert cases[1].startswith("ok 2") and "# SKIP" in cases[1]
    assert cases[2].startswith("not ok 3")
    assert "# skip reason: case_skips: no moon" in lines
    assert result.returncode == 1
