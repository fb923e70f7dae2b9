# SPDX-License-Identifier: MIT
"""Every plan of workloads/recipes is taken by `shale gate`, and its program runs under both sides."""
import json
import os
import re
import subprocess

import jsonschema
import pytest

from programs import SHALE, SOURCE
from workload import FOLDER

RECIPES = SOURCE / "workloads/recipes"
PLANS = sorted(path.stem for path in RECIPES.glob("*.yaml"))
GO, CONDITIONAL, INCONCLUSIVE, DATA = 0, 2, 3, 65
SMALL = {"REQUESTS": "2000", "SECONDS_EACH": "1", "CONNECTIONS": "20"}
ENV = {**os.environ, **SMALL, "PATH": f"{FOLDER}:/usr/sbin:{os.environ['PATH']}"}


def gate(folder, *arguments):
    return subprocess.run([SHALE, "gate", *map(str, arguments)], cwd=folder, env=ENV, text=True,
                          capture_output=True, timeout=200)


@pytest.fixture
def folder(tmp_path):
    """As the source folder, but what a recipe leaves lies about elsewhere."""
    (tmp_path / "workloads").symlink_to(SOURCE / "workloads")
    return tmp_path


def test_every_program_of_the_list_has_a_recipe():
    assert set(PLANS) >= {"redis", "nginx", "sqlite", "python", "kv", "tls", "trace"}


@pytest.mark.parametrize("name", PLANS)
def test_plan_is_taken_and_survives_being_written(name, folder):
    written = gate(folder, "--plan", RECIPES / f"{name}.yaml", "--init", "again.yaml")
    assert written.returncode == 0, written.stderr
    again = gate(folder, "--plan", "again.yaml", "--init", "-")
    assert again.returncode == 0, again.stderr
    assert again.stdout == (folder / "again.yaml").read_text()


@pytest.mark.parametrize("name", PLANS)
def test_plan_with_a_key_that_nobody_knows_is_refused(name, folder):
    text = (RECIPES / f"{name}.yaml").read_text()
    (folder / "bad.yaml").write_text(text.replace("\nprogram:\n", "\nprogram:\n  recipe: x\n"))
    refused = gate(folder, "--plan", "bad.yaml", "--init", "-")
    assert refused.returncode == DATA and "recipe" in refused.stderr


@pytest.mark.parametrize("name", PLANS)
def test_ports_are_of_one_recipe_only(name):
    ports = {other: set(re.findall(r"\b73\d\d\b", (RECIPES / f"{other}.yaml").read_text()))
             for other in PLANS}
    assert not any(ports[name] & ports[other] for other in PLANS if other != name)


@pytest.mark.parametrize("name", PLANS)
def test_program_runs_under_both_sides(name, folder):
    if name == "trace":
        subprocess.run([FOLDER / "shale-trace", "record", "-o", folder / "production.trace", "--",
                        "sqlite3", ":memory:", "SELECT 1"], check=True, capture_output=True)
    plan = RECIPES / f"{name}.yaml"
    done = gate(folder, "--plan", plan, "--quick", "--only", "smoke", "--no-history", "--json",
                "gate.json", "--smoke", "true")  # start: each side once, with its load, proven
    assert done.returncode in (GO, CONDITIONAL, INCONCLUSIVE), done.stdout + done.stderr
    report = json.loads((folder / "gate.json").read_text())
    jsonschema.validate(report, json.loads((SOURCE / "share/schema/gate.schema.json").read_text()))
