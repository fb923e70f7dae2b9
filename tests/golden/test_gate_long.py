# SPDX-License-Identifier: MIT
"""`shale gate` on faults that take minutes to show, and on itself."""
import json

import pytest

from marking import mark  # noqa: F401
from test_gate import (  # noqa: F401 -- `folder` and `server` are fixtures
    CONDITIONAL, GO, INCONCLUSIVE, NO_GO, ONLY, finding, folder, gate, hold, plan_text, server)


def test_crash_in_one_of_a_thousand_runs_is_found(mark, folder, tmp_path):
    count = tmp_path / "count"
    count.write_text("")
    command = (f"printf x >>{count}; [ \"$FAULT\" != rare ] || "
               f"[ $(($(stat -c %s {count}) % 1000)) -ne 777 ] || kill -SEGV $$")
    text = plan_text([folder / "program"], "rare",
                     ONLY["smoke"] + f"  smoke: {{runs: 3000, command: {json.dumps(command)}}}\n")
    status, document, said = hold(mark, tmp_path, text, timeout=1500)
    assert status == NO_GO, said
    assert finding(document, "smoke", "crashes")["value"] == 3
    assert count.stat().st_size == 6000


@pytest.mark.parametrize("bytes_per_load, expected", [(1 << 20, NO_GO), (1 << 12, GO)])
def test_leak_under_an_accelerated_load(mark, tmp_path, server, bytes_per_load, expected):
    """Two megabytes an hour, ten thousand times as fast: the limit is as much faster."""
    command, program = server
    command = ["env", f"GROW={bytes_per_load}", *command]
    phases = ONLY["soak"].replace("4s", "40s")
    text = plan_text(command, "grow", phases, program, "growth_mb_per_hour: 10000")
    status, document, said = hold(mark, tmp_path, text)
    assert status == expected, said
    found = finding(document, "soak", "growth")
    assert (found["low"] > found["fail"]) == (expected == NO_GO)


@pytest.mark.parametrize("attempt", range(3))
def test_system_against_itself_is_never_no_go(mark, tmp_path, attempt):
    """Real runs; the rate is simulated 2,000 times in tests/unit/test_gate_judge.c."""
    done = gate(mark, "-b", "system", "-c", "system", "--quick", "--skip", "leaks", "--soak", "10s",
                "--quiet", "--", "python3", "-c", "print(len(sorted(map(str, range(100000)))))",
                timeout=600)
    assert done.returncode in (GO, CONDITIONAL, INCONCLUSIVE), done.stdout
