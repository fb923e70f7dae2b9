# SPDX-License-Identifier: MIT
"""`shale stats --doctor` on programs built to be sick, and on one that is not: the cause, with the
figures that it rests on, from outside and from inside."""
import contextlib
import json
import os
import pathlib
import re
import subprocess

import jsonschema
import pytest

SHALE = os.environ["SHALE"]
PROGRAM = os.environ["SICK_PROGRAM"]
SCHEMA = json.loads((pathlib.Path(os.environ["SHALE_SOURCE"]) /
                     "share/schema/stats.schema.json").read_text())
COUNT = 60000


@contextlib.contextmanager
def running(name):
    """The process, and what it found in itself: (cause, count) each."""
    with subprocess.Popen([PROGRAM, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as process:
        own = []
        for line in process.stdout:
            if line == "ready\n":
                break
            cause, count = line.split()
            own.append((cause, int(count)))
        else:
            raise AssertionError(f"{name} ended with {process.wait()}")
        yield process, own
        process.stdin.close()


def doctor(pid, *arguments):
    return subprocess.run([SHALE, "stats", "--doctor", *arguments, str(pid)], text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)


SICK = {
    "leak": ("leaking-epoch", COUNT,
             rf"leaking-epoch: epoch 'session cache' is open for [\d.]+ s and has {COUNT} live "
             r"blocks, 1[12]\.\d MiB\n  try: close it"),
    "survivor": ("survivors", 200,
                 r"survivors: in epoch 'batch' \d+ live blocks, [\d.]+ KiB, keep \d+ slabs with "
                 r"1[01]\.\d MiB of free blocks\n  try: allocate what lives on in another epoch"),
    "storm": ("remote-frees", 4 * COUNT,
              rf"remote-frees: {4 * COUNT} of \d+ frees were of another thread's blocks: \d+ "
              r"batches, \d+ messages\n  try: let threads free what they allocated"),
    "stale": ("stale-allocs", 25,
              r"stale-allocs: 25 allocations were refused: the epoch was closed\n  try: look for"),
    "unfinished": ("unfinished-close", 1,
                   r"unfinished-close: epoch 'upload' is closed but not ended, [\d.]+ s after it was "
                   r"opened: 1 live block, 208 B, 0 references\n  try: free the blocks"),
}


@pytest.mark.parametrize("name", SICK)
def test_sick_program_gets_its_cause(name):
    cause, count, text = SICK[name]
    with running(name) as (process, own):
        done = doctor(process.pid, "--epoch-age", "0.000001")
        assert done.returncode == 2 and re.search(text, done.stdout), done.stdout + done.stderr
        assert "healthy" not in done.stdout
        done = doctor(process.pid, "--json", "--epoch-age", "0.000001")
        report = json.loads(done.stdout)
        jsonschema.validate(report, SCHEMA)
    [finding] = [f for f in report["engines"][0]["findings"] if f["cause"] == cause]
    assert done.returncode == 2
    assert finding["count"] >= count * 0.9 and finding["count"] <= count
    assert (cause, finding["count"]) in own
    assert re.search(text, f"{cause}: {finding['text']}\n  try: {finding['remedy']}")


@pytest.mark.parametrize("name", SICK)
def test_nothing_else_is_found(name):
    """One survivor in three hundred leaks its epoch too, by an age of nothing."""
    with running(name) as (process, own):
        done = doctor(process.pid, "--json", "--epoch-age", "0.000001")
    found = {f["cause"] for f in json.loads(done.stdout)["engines"][0]["findings"]}
    assert found == {SICK[name][0]} | ({"leaking-epoch"} if name == "survivor" else set())
    assert {cause for cause, _ in own} == found


def test_healthy_program_is_called_so():
    with running("healthy") as (process, own):
        done = doctor(process.pid)
        report = json.loads(doctor(process.pid, "--json").stdout)
    assert done.returncode == 0 and own == []
    assert re.search(r"^healthy: nothing found$", done.stdout, re.M) and "try:" not in done.stdout
    assert report["engines"][0]["findings"] == []


def test_age_of_a_minute_is_the_default():
    with running("leak") as (process, _):
        assert doctor(process.pid).returncode == 0
        assert doctor(process.pid, "--epoch-age", "3600").returncode == 0


def test_epochs_add_up_to_the_whole():
    with running("leak") as (process, _):
        [engine] = json.loads(doctor(process.pid, "--json").stdout)["engines"]
    [epoch] = [e for e in engine["epochs"] if e["label"] == "session cache"]
    assert (epoch["live_blocks"], epoch["state"]) == (COUNT, "open")
    assert epoch["live_bytes"] == COUNT * 208
    assert sum(e["live_blocks"] for e in engine["epochs"]) == engine["stats"]["live_blocks"]
    assert sum(e["used_bytes"] for e in engine["epochs"]) == engine["stats"]["used_bytes"]


def test_reckoned_size_is_that_of_the_system():
    """Within a fifth and 2 MiB: metadata is resident too, and pages are touched as they are used."""
    with running("leak") as (process, _):
        [engine] = json.loads(doctor(process.pid, "--json").stdout)["engines"]
    resident = engine["resident"]["resident_bytes"]
    assert abs(engine["derived"]["estimated_bytes"] - resident) < resident / 5 + (2 << 20), engine


def test_both_forms_at_once():
    with running("stale") as (process, _):
        done = doctor(process.pid, "--both")
    assert json.loads(done.stdout)["pid"] == process.pid and "stale-allocs: " in done.stderr


@pytest.mark.parametrize("arguments", [["--watch"], ["--prometheus"], ["--epoch-age", "0"]])
def test_wrong_arguments_are_refused(arguments):
    done = doctor(1, *arguments)
    assert done.returncode == 64 and done.stderr.startswith("shale stats: ")
