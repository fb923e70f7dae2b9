# SPDX-License-Identifier: MIT
"""Sums up meson's JUnit results: what failed, why cases were skipped, and one closing line.

    summary.py BUILD/meson-logs/*.junit.xml

Exit status: 0 when at least one case passed and none failed, else 1.
"""
import re
import sys
import xml.etree.ElementTree as ElementTree


def cases(suite):
    """(name, outcome) of each case; a suite that ended wrongly without a failed case is one."""
    found = []
    for case in suite.iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            outcome = "failed"
        elif case.find("skipped") is not None:
            outcome = "skipped"
        else:
            outcome = "passed"
        found.append((f"{suite.get('name')}: {case.get('name')}", outcome))
    return found


def skip_reasons(suite):
    output = suite.findtext("system-out") or ""
    reasons = re.findall(r"^ok .*# SKIP (.+)$", output, re.M | re.I)
    return reasons + re.findall(r"^# skip reason: (.+)$", output, re.M)


def main(paths):
    totals = {"passed": 0, "failed": 0, "skipped": 0}
    reasons = []
    for path in paths:
        for suite in ElementTree.parse(path).getroot().iter("testsuite"):
            for name, outcome in cases(suite):
                totals[outcome] += 1
                if outcome == "failed":
                    print(f"FAILED  {name}")
            reasons += skip_reasons(suite)
    for reason in sorted(set(reasons)):
        print(f"skipped: {reason} ({reasons.count(reason)})")
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**totals))
    return 0 if totals["passed"] and not totals["failed"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
