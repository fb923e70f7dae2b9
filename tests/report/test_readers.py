# SPDX-License-Identifier: MIT
"""What others make of the files: schemas, promtool, pprof, a CSV reader."""
import collections
import csv
import functools
import io
import json
import os
import pathlib
import re
import subprocess

import jsonschema
import pytest

from programs import BUILD, SOURCE

SAMPLES = os.environ["REPORT_SAMPLES"]
SCHEMA = json.loads((SOURCE / "share/schema/profile.schema.json").read_text())
KINDS = ["full", "empty", "hostile"]


def written(kind, form):
    return subprocess.run([SAMPLES, kind, form], capture_output=True, check=True).stdout


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("kind", KINDS)
def test_json_is_by_its_schema(kind):
    document = json.loads(written(kind, "json"))
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    lengths = {len(column) for column in document["timeline"].values()}
    assert len(lengths) == 1
    for site in document["sites"]:
        assert all(index < len(document["frames"]) for index in site["frames"])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", ["prometheus", "openmetrics"])
def test_metrics_are_what_promtool_expects(kind, form):
    text = written(kind, form)
    if form == "prometheus":  # promtool reads nothing else
        done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    names = set(re.findall(rb"^(shale_heap_\w+?)(?:_bucket|_sum|_count)?[ {]", text, re.M))
    assert {b"shale_heap_allocations_total", b"shale_heap_frees_total", b"shale_heap_live_bytes",
            b"shale_heap_allocated_bytes_total", b"shale_heap_freed_bytes_total",
            b"shale_heap_peak_bytes", b"shale_heap_allocation_duration_seconds",
            b"shale_heap_free_duration_seconds"} <= names


@functools.lru_cache(maxsize=None)
def pprof_tool():
    """Go's pprof; newer releases of Go compile it when it is first asked for, and keep it below HOME."""
    home = {"HOME": os.environ.get("HOME", str(BUILD)), "GOTOOLCHAIN": "local"}
    return subprocess.run(["go", "tool", "-n", "pprof"], capture_output=True, text=True, check=True,
                          env=dict(os.environ) | home).stdout.strip()


def go_tool_pprof(tmp_path, profile, *options):
    path = tmp_path / "profile.pb.gz"
    path.write_bytes(profile)
    return subprocess.run([pprof_tool(), *options, path], text=True, capture_output=True, check=True,
                          env=dict(os.environ) | {"HOME": str(tmp_path)}).stdout


VALUES = {"alloc_objects": "allocations", "alloc_space": "allocated_bytes",
          "inuse_objects": "live_blocks", "inuse_space": "live_bytes"}


def test_pprof_has_the_totals_of_the_json(tmp_path):
    document = json.loads(written("full", "json"))
    raw = go_tool_pprof(tmp_path, written("full", "pprof"), "-raw")
    head, samples = raw.split("Samples:\n")
    samples = samples.split("Locations\n")[0].splitlines()
    assert samples[0].replace("[dflt]", "").split() == [
        f"{name}/{'count' if name.endswith('objects') else 'bytes'}" for name in VALUES]
    assert samples[0].split()[3].endswith("[dflt]")
    sums = [sum(column) for column in zip(*(map(int, line.split(":")[0].split())
                                            for line in samples[1:]))]
    assert sums == [document["totals"][name] for name in VALUES.values()]
    assert "Time: 2023-11-14 22:13:20" in head


def test_pprof_shows_functions_and_build_ids(tmp_path):
    document = json.loads(written("full", "json"))
    top = go_tool_pprof(tmp_path, written("full", "pprof"), "-top", "-sample_index=alloc_objects")
    flat = {line.split()[5]: line.split()[0] for line in top.splitlines() if re.match(r" +\d", line)}
    for site in document["sites"]:
        name = document["frames"][site["frames"][0]]["lines"][0]["function"]
        assert flat[name] == str(site["allocations"])
    assert document["modules"][0]["build_id"] in go_tool_pprof(tmp_path, written("full", "pprof"), "-raw")


@pytest.mark.parametrize("kind", KINDS)
def test_pprof_opens_any(kind, tmp_path):
    assert "PeriodType: space bytes" in go_tool_pprof(tmp_path, written(kind, "pprof"), "-raw")


@pytest.mark.parametrize("kind", KINDS)
def test_speedscope_is_by_its_own_schema(kind):
    modules = pathlib.Path(os.environ["WEB_MODULES"])
    schema = json.loads((modules / "node_modules/speedscope/dist/release/file-format-schema.json").read_text())
    document = json.loads(written(kind, "speedscope"))
    jsonschema.Draft7Validator(schema).validate(document)
    profile = json.loads(written(kind, "json"))
    found = document["profiles"][0]
    assert len(found["samples"]) == len(found["weights"]) == len(profile["sites"])
    assert sum(found["weights"]) == found["endValue"] == sum(s["allocated_bytes"] for s in profile["sites"])
    frames = len(document["shared"]["frames"])
    assert all(0 <= index < frames for stack in found["samples"] for index in stack)


def test_collapsed_stacks_add_up():
    profile = json.loads(written("full", "json"))
    stacks = collections.Counter()
    for line in written("full", "flame").decode().splitlines():
        stack, value = line.rsplit(" ", 1)
        stacks[stack] += int(value)
    assert sum(stacks.values()) == profile["totals"]["allocated_bytes"]
    assert any(stack.startswith("worker_run;") for stack in stacks)


def test_hostile_names_stay_in_their_line_and_cell():
    sites = len(json.loads(written("hostile", "json"))["sites"])
    assert len(written("hostile", "flame").splitlines()) == sites
    text = written("hostile", "csv").decode("utf-8", "replace")
    rows = list(csv.reader(io.StringIO(text)))
    assert len(rows) == sites + 1
    assert {len(row) for row in rows} == {12}


def exported():
    """Every name under which a query may find something."""
    text = written("full", "prometheus").decode()
    return set(re.findall(r"^(shale_heap_\w+)", text, re.M))


def test_alert_rules_are_rules_about_what_is_exported():
    rules = SOURCE / "share/prometheus/shale-heap.rules.yml"
    done = subprocess.run(["promtool", "check", "rules", rules], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(re.findall(r"shale_heap_\w+", rules.read_text())) <= exported()


def test_grafana_dashboard_asks_for_what_is_exported():
    dashboard = json.loads((SOURCE / "share/grafana/shale-heap.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    assert len(queries) >= 10 and len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    assert set(re.findall(r"shale_heap_\w+", " ".join(queries))) <= exported()
