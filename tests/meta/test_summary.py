# SPDX-License-Identifier: MIT
"""The closing line of ./x test is true: a small meson project with every way to end wrongly."""
import json
import os
import pathlib
import subprocess
import sys

import pytest

LIB = pathlib.Path(os.environ["SHALE_SOURCE"]) / "tests" / "lib"
sys.path.insert(0, str(LIB))

import summary  # noqa: E402 pylint: disable=wrong-import-position

# name -> (meson arguments, script, cases it counts as)
PROGRAMS = {
    "good": ("protocol: 'tap'", "echo 1..2; echo ok 1 - a; echo ok 2 - b", (2, 0, 0)),
    "one_fails": ("protocol: 'tap'", "echo 1..2; echo ok 1 - a; echo not ok 2 - b; exit 1",
                  (1, 1, 0)),
    "skips": ("protocol: 'tap'", "echo 1..2; echo ok 1 - a; echo 'ok 2 - b # SKIP no moon'",
              (1, 0, 1)),
    "skips_all": ("protocol: 'tap'", "echo '1..0 # SKIP no sun'", (0, 0, 1)),
    "crashes_late": ("protocol: 'tap'", "echo 1..3; echo ok 1 - a; kill -SEGV $$", (1, 1, 0)),
    "fails_after_all_cases": ("protocol: 'tap'", "echo 1..1; echo ok 1 - a; exit 99", (1, 1, 0)),
    "too_few": ("protocol: 'tap'", "echo 1..3; echo ok 1 - a", (1, 1, 0)),
    "no_plan": ("protocol: 'tap'", "echo ok 1 - a", (1, 1, 0)),
    "silent": ("protocol: 'tap'", "exit 0", (0, 1, 0)),
    "bails_out": ("protocol: 'tap'", "echo 1..2; echo ok 1 - a; echo 'Bail out! no'", (1, 1, 0)),
    "hangs_after_a_case": ("protocol: 'tap', timeout: 1", "echo 1..1; echo ok 1 - a; sleep 60",
                           (1, 1, 0)),
    "exit_good": ("protocol: 'exitcode'", "exit 0", (1, 0, 0)),
    "exit_bad": ("protocol: 'exitcode'", "exit 3", (0, 1, 0)),
    "exit_skip": ("protocol: 'exitcode'", "exit 77", (0, 0, 1)),
    "exit_crash": ("protocol: 'exitcode'", "kill -ABRT $$", (0, 1, 0)),
    "exit_hangs": ("protocol: 'exitcode', timeout: 1", "sleep 60", (0, 1, 0)),
}


@pytest.fixture(name="project", scope="module")
def built_project(tmp_path_factory):
    root = tmp_path_factory.mktemp("project")
    lines = ["project('small', meson_version: '>=1.0.1')", "sh = find_program('sh')"]
    for index, (name, (arguments, script, _)) in enumerate(PROGRAMS.items()):
        (root / f"{name}.sh").write_text(script + "\n")
        suite = "even" if index % 2 else "odd"
        lines.append(f"test('{name}', sh, args: files('{name}.sh'), suite: '{suite}', {arguments})")
    (root / "meson.build").write_text("\n".join(lines) + "\n")
    subprocess.run(["meson", "setup", "build"], cwd=root, check=True, capture_output=True)
    return root


def run_meson(project, *names):
    logs = project / "build" / "meson-logs"
    for old in logs.glob("testlog*"):
        old.unlink()
    status = subprocess.run(["meson", "test", "-C", "build", *names], cwd=project, check=False,
                            capture_output=True).returncode
    return logs, status


@pytest.fixture(name="whole_run", scope="module")
def run_of_all(project):
    """(test name -> its cases, what summarize says) of one run of all programs."""
    logs, status = run_meson(project)
    recorded = summary.recorded_cases(logs)
    cases = {summary.plain_name(record["name"]): summary.cases_of_test(record, recorded)
             for record in summary.recorded_tests(logs)}
    return cases, summary.summarize(logs, status)


@pytest.mark.parametrize("name", PROGRAMS)
def test_one_program_is_counted(whole_run, name):
    outcomes = [outcome for _, outcome in whole_run[0][name]]
    counted = tuple(outcomes.count(outcome) for outcome in ("passed", "failed", "skipped"))
    assert counted == PROGRAMS[name][2]


def test_all_programs_add_up_and_reasons_are_told(whole_run):
    totals, failed, reasons = whole_run[1]
    wanted = [sum(counts) for counts in zip(*(want for _, _, want in PROGRAMS.values()))]
    assert [totals["passed"], totals["failed"], totals["skipped"]] == wanted
    assert len(failed) == totals["failed"]
    assert sorted(reasons) == ["no moon", "no sun"]


def summary_command(project, status):
    return subprocess.run([sys.executable, str(LIB / "summary.py"), "build", str(status)],
                          cwd=project, check=False, capture_output=True, text=True)


def test_command_last_line_and_status_of_good_runs(project):
    run_meson(project, "good", "skips")
    result = summary_command(project, 0)
    assert result.returncode == 0
    assert result.stdout.splitlines()[-1] == "3 passed, 0 failed, 1 skipped"
    assert "skipped: no moon (1)" in result.stdout


def test_command_names_the_failed_and_fails(project):
    _, status = run_meson(project, "good", "crashes_late")
    result = summary_command(project, status)
    assert result.returncode == 1
    assert "FAILED  crashes_late: ended as" in result.stdout
    assert result.stdout.splitlines()[-1] == "3 passed, 1 failed, 0 skipped"


def test_command_meson_status_is_not_lost(project):
    run_meson(project, "good")
    result = summary_command(project, 2)
    assert result.returncode == 1
    assert result.stdout.splitlines()[-1] == "2 passed, 1 failed, 0 skipped"


def test_command_nothing_ran_fails(project):
    logs, _ = run_meson(project, "good")
    for log in logs.glob("testlog*"):
        log.unlink()
    result = summary_command(project, 0)
    assert result.returncode == 1
    assert result.stdout.splitlines()[-1] == "0 passed, 0 failed, 0 skipped"


def test_command_only_skipped_fails(project):
    run_meson(project, "skips_all")
    assert summary_command(project, 0).returncode == 1


def test_records_are_what_meson_writes(project):
    """The fields summary.py reads exist; a meson that renames them is noticed here."""
    logs, _ = run_meson(project, "good")
    record = json.loads((logs / "testlog.json").read_text().splitlines()[0])
    assert {"name", "result", "returncode", "stdout"} <= record.keys()
