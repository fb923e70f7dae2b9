# SPDX-License-Identifier: MIT
"""A pytest plugin that prints TAP, so that meson counts each Python test as a case of its own.

Used as `python3 -m pytest -q -p tap FILE` with tests/lib on PYTHONPATH.
"""
import sys

import pytest


def skip_reason(report):
    if hasattr(report, "wasxfail"):
        return f"expected to fail: {report.wasxfail}"
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
    return str(reason).removeprefix("Skipped: ")


class Tap:
    def __init__(self):
        self.number = 0
        self.out = sys.stdout

    def line(self, text):
        self.out.write(text + "\n")
        self.out.flush()

    def case(self, ok, name, directive=""):
        self.number += 1
        # One line, whatever the parameter ids and reasons hold; "#" would begin a directive.
        name = " ".join(name.replace("#", "").split())
        directive = " ".join(directive.split())
        self.line(f"{'ok' if ok else 'not ok'} {self.number} - {name} {directive}".rstrip())

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report):
        name = report.nodeid.split("::", 1)[-1]
        if report.skipped:
            self.case(True, name, f"# SKIP {skip_reason(report)}")
        elif report.failed:
            self.case(False, f"{name} ({report.when})")
            for text in str(report.longrepr).splitlines():
                self.line(f"# {text}")
        elif report.when == "call":
            self.case(True, name)

    @pytest.hookimpl
    def pytest_collectreport(self, report):
        if report.failed:
            self.case(False, f"collect {report.nodeid}")
            for text in str(report.longrepr).splitlines():
                self.line(f"# {text}")

    @pytest.hookimpl
    def pytest_sessionfinish(self):
        self.line(f"1..{self.number}")


@pytest.hookimpl(trylast=True)  # after the terminal reporter registered itself
def pytest_configure(config):
    terminal = config.pluginmanager.getplugin("terminalreporter")
    if terminal:
        config.pluginmanager.unregister(terminal)
    tap = Tap()
    # The capture manager replaces sys.stdout while tests run: TAP goes to the real one.
    tap.out = open(1, "w", closefd=False)
    config.pluginmanager.register(tap, "tap-reporter")
