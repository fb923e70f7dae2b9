# SPDX-License-Identifier: MIT
"""`shale tune`: it finds the best settings and their combination, and says what it could not."""
import json
import signal
import subprocess

import jsonschema
import pytest

from marking import mark  # noqa: F401
from programs import SHALE, SOURCE, compile_c

USAGE, DATA, UNAVAILABLE = 64, 65, 69

# What it prints and what it touches follows its settings to the byte: no load of the machine matters.
PROGRAM = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
    size_t size = getenv("SMALL") ? 20 << 20 : 40 << 20;
    char *block = malloc(size);
    memset(block, 1, size);
    usleep(30000);
    if (getenv("BROKEN"))
        abort();
    printf("cost %d\n", getenv("FAST") ? 80 : 100);
    free(block);
    return 0;
}
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    return compile_c(tmp_path_factory.mktemp("tune"), "program", PROGRAM, "-O0", "-fno-builtin")


def tune(env, *arguments):
    return subprocess.run([SHALE, "tune", *map(str, arguments)], env=env, text=True, timeout=200,
                          capture_output=True)


def test_combination_of_the_best_is_found(mark, program, tmp_path):
    paths = {name: tmp_path / f"tune.{name}" for name in ("json", "markdown", "html")}
    files = [word for name, path in paths.items() for word in (f"--{name}", path)]
    done = tune(mark, "-a", "system", "--quiet", *files, "--metric", "cost=cost ([0-9]+)",
                "-s", "SMALL=1", "-s", "FAST=1", "-s", "BROKEN=1", "--only-settings", "-n", "10", "--", program)
    assert done.returncode == 0, done.stderr
    document = json.loads(paths["json"].read_text())
    jsonschema.validate(document, json.loads((SOURCE / "share/schema/tune.schema.json").read_text()))
    settings = {" ".join(item["environment"]): item for item in document["settings"]}
    best = document["settings"][document["best"]]
    assert sorted(best["environment"]) == ["FAST=1", "SMALL=1"]
    assert best["latency"]["value"] == pytest.approx(-0.2)
    assert best["rss"]["high"] < -0.3
    assert settings["FAST=1"]["outcome"] == settings["SMALL=1"]["outcome"] == "beaten"
    assert settings["BROKEN=1"]["outcome"] == "failed"
    assert "signal 6" in settings["BROKEN=1"]["failed"]
    assert settings[""]["outcome"] == "beaten"
    assert len(document["samples"]["FAST=1"]["cost"]["candidate"]) == 10
    assert document["advice"] in done.stdout and document["advice"] in paths["markdown"].read_text()
    html = paths["html"].read_text()
    assert document["advice"].split(":")[0] in html
    assert "http" not in html and "<script" not in html


def test_known_settings_and_their_combination_are_tried(mark, program):
    done = tune(mark, "-a", "shale", "-o", "rss", "--quiet", "--json", "-", "--pairs", "10", "--",
                program)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    tried = [" ".join(item["environment"]) for item in document["settings"]]
    assert {"SHALE_HUGE_PAGES=1", "SHALE_PURGE_THREAD=1"} <= set(tried)
    assert any(len(item["environment"]) == 2 for item in document["settings"])
    assert document["objective"] == "rss"
    assert document["allocator"]["verified"]["allocator"] == "shale"


def refused(env, status, says, *arguments):
    done = tune(env, *arguments)
    assert done.returncode == status, done.stderr
    assert says in done.stderr and done.stdout == ""


def test_bad_arguments(mark, program):
    refused(mark, USAGE, "--allocator is missing", "--", program)
    refused(mark, USAGE, "there is no program", "-a", "system")
    refused(mark, USAGE, "'speed' is not latency", "-a", "system", "-o", "speed", "--", program)
    refused(mark, USAGE, "'x' is not NAME=VALUE", "-a", "system", "-s", "x", "--", program)
    refused(mark, USAGE, "9 is not between 10", "-a", "system", "-n", "9", "--", program)
    refused(mark, USAGE, "leaves nothing to try", "-a", "system", "--only-settings", "--", program)
    refused(mark, USAGE, "two reports", "-a", "system", "--json", "-", "--html", "-", "--", program)
    refused(mark, UNAVAILABLE, "cannot use 'nosuch'", "-a", "nosuch", "--", program)
    refused(mark, DATA, "signal 6", "-a", "BROKEN=1 system", "--", program)
    refused(mark, 74, "cannot write", "-a", "system", "--json", "/proc/none/x", "--", program)


def test_interrupted_search_leaves_nothing(mark, program, tmp_path):
    report = tmp_path / "tune.json"
    process = subprocess.Popen([SHALE, "tune", "-a", "system", "--json", report, "--", program],
                               env=mark, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if line.startswith("screening, pair 2"):
            break
    process.send_signal(signal.SIGINT)
    process.stderr.read()
    assert process.wait(20) == 130
    assert not report.exists()
