# SPDX-License-Identifier: MIT
"""Sums up what `meson test` recorded: what failed, why cases were skipped, and one closing line.

    summary.py BUILD [STATUS]

reads BUILD/meson-logs/testlog*.json (one record per test: how its program ended) and
testlog*.junit.xml (the cases inside it). Neither alone is enough: the second counts a program that
crashed after its third case as three passed ones, and a timeout as passed. STATUS is the exit
status of `meson test`.

Exit status: 0 when at least one case passed and none failed, else 1.
"""
import json
import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree

GOOD_ENDS = {"OK", "SKIP", "EXPECTEDFAIL"}


def case_outcome(case):
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    return "skipped" if case.find("skipped") is not None else "passed"


def plain_name(name):
    """With more than one suite in a run, meson writes "project:suite+suite / name"."""
    return name.rsplit(" / ", 1)[-1]


def recorded_cases(logs):
    """test name -> [(case, outcome)], for tests that print their cases (TAP)."""
    found = {}
    for path in logs.glob("testlog*.junit.xml"):
        for suite in ElementTree.parse(path).getroot().iter("testsuite"):
            project, _, test = suite.get("name").partition(".")
            if test:
                found[plain_name(test)] = [(case.get("name"), case_outcome(case))
                               for case in suite.iter("testcase")]
    return found


def recorded_tests(logs):
    for path in sorted(logs.glob("testlog*.json")):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            yield json.loads(line)


def has_plan(output):
    return re.search(r"^1\.\.\d+", output, re.M) is not None


def cases_of_test(record, cases):
    """[(name, outcome)] of one test, with a failed case for every way a program can end wrongly."""
    name = plain_name(record["name"])
    result, output = record["result"], record.get("stdout") or ""
    whole_skip = re.search(r"^1\.\.0 # SKIP", output, re.M | re.I)
    found = [(f"{name}: {case}", outcome) for case, outcome in cases.get(name, [])]
    if result not in GOOD_ENDS and not any(outcome == "failed" for _, outcome in found):
        ended = f"ended as {result}, exit status {record.get('returncode')}"
        return found + [(f"{name}: {ended}", "failed")]
    if found:
        return found if has_plan(output) else found + [(f"{name}: printed no plan", "failed")]
    if result == "SKIP" and record.get("returncode") == 0 and not whole_skip:
        return [(f"{name}: printed no case", "failed")]
    return [(name, "skipped" if result == "SKIP" else "passed")]


def skip_reasons(output):
    reasons = re.findall(r"^ok \d+ - .*# SKIP (.+)$", output, re.M | re.I)
    reasons += re.findall(r"^1\.\.0 # SKIP (.+)$", output, re.M | re.I)
    return reasons + re.findall(r"^# skip reason: (.+)$", output, re.M)


def summarize(logs, status):
    """(totals, failed case names, skip reasons)"""
    totals = {"passed": 0, "failed": 0, "skipped": 0}
    failed, reasons = [], []
    cases = recorded_cases(logs)
    for record in recorded_tests(logs):
        for name, outcome in cases_of_test(record, cases):
            totals[outcome] += 1
            if outcome == "failed":
                failed.append(name)
        reasons += skip_reasons(record.get("stdout") or "")
    if status != 0 and not failed:
        failed.append(f"meson test itself ended with status {status}")
        totals["failed"] += 1
    return totals, failed, reasons


def main(build, status="0"):
    totals, failed, reasons = summarize(pathlib.Path(build) / "meson-logs", int(status))
    for name in failed:
        print(f"FAILED  {name}")
    for reason in sorted(set(reasons)):
        print(f"skipped: {reason} ({reasons.count(reason)})")
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**totals))
    return 0 if totals["passed"] and not totals["failed"] else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
