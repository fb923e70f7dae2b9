# SPDX-License-Identifier: MIT
"""`shale bench`: its outputs and their schema, failing workloads, bad arguments, interruption."""
import csv
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import jsonschema
import pytest

SHALE = os.environ["SHALE"]
SOURCE = Path(os.environ["SHALE_SOURCE"])
CRASHING = os.environ["BENCH_CRASHING_MALLOC"]
WORKLOADS = os.environ["MALLOC_BENCH"]


def bench(*arguments, **options):
    return subprocess.run([SHALE, "bench", *map(str, arguments)], capture_output=True, text=True,
                          timeout=120, **options)


def malloc_bench(*arguments, **options):
    return subprocess.run([WORKLOADS, *map(str, arguments)], capture_output=True, text=True,
                          timeout=60, **options)


def workload_names():
    return [line.split()[0] for line in malloc_bench("--list").stdout.splitlines()]


def children_named(name):
    found = []
    for status in Path("/proc").glob("[0-9]*/comm"):
        try:
            found += [status.parent.name] if status.read_text().strip() == name else []
        except OSError:
            pass
    return found


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """One round of one workload under two allocators, in every form of output."""
    folder = tmp_path_factory.mktemp("bench")
    run = bench("--quick", "--workload", "ping-pong", "--rounds", 1, "-a", "system", "-a",
                "mimalloc@2.0.9", "--csv", folder / "b.csv", "--json", folder / "b.json", "--plot",
                folder / "plot")
    assert (run.returncode, run.stderr) == (0, "")
    return run.stdout, folder


def test_table_names_workload_machine_and_allocators(quick):
    text = quick[0]
    assert "ping-pong time [ns]" in text
    assert "each run proven" in text
    assert f"Linux {os.uname().release}" in text
    assert "libmimalloc.so.2" in text
    assert "Failed" not in text and "Interrupted" not in text


def test_json_fits_its_schema(quick):
    report = json.loads((quick[1] / "b.json").read_text())
    schema = json.loads((SOURCE / "share/schema/bench.schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.validate(report, schema)
    assert [a["label"] for a in report["allocators"]] == ["system", "mimalloc"]
    assert report["allocators"][1]["version"] == "2.0.9"
    assert report["rounds"] == 1 and report["seed"] == 1 and report["failures"] == []


def test_json_holds_plausible_figures(quick):
    (case,) = json.loads((quick[1] / "b.json").read_text())["cases"]
    figures = {figure["name"]: figure for figure in case["figures"]}
    assert case["name"] == "ping-pong"
    assert figures["time_ns"]["lead"] and not figures["time_ns"]["note"]
    for result in figures["time_ns"]["results"]:
        assert 0.5 < result["median"] < 1000
        assert result["samples"] == [result["median"]]
    assert figures["time_ns"]["results"][0]["ratio_to_first"] == 1
    for result in figures["cores"]["results"]:
        assert 0.05 < result["median"] < 1.2
    for result in figures["operations"]["results"]:
        assert result["median"] > 10000


def test_csv_has_a_line_per_value(quick):
    with open(quick[1] / "b.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    times = [row for row in rows if row["figure"] == "time_ns"]
    assert {row["allocator"] for row in times} == {"system", "mimalloc"}
    assert all(float(row["value"]) > 0 and row["round"] == "1" for row in times)
    assert all("Linux" in row["machine"] for row in rows)


def test_plot_is_drawn(quick):
    drawing = (quick[1] / "plot/bench.svg").read_text()
    assert "<svg" in drawing and "ping-pong" in drawing and "mimalloc" in drawing
    assert "# AMD" in (quick[1] / "plot/bench.dat").read_text() or "CPU" in (
        quick[1] / "plot/bench.dat").read_text()


def test_workload_that_crashes_is_reported_and_the_suite_goes_on(tmp_path):
    run = bench("--quick", "-w", "calloc-large", "-w", "ping-pong", "-a", "system", "-a", CRASHING,
                "--json", tmp_path / "b.json")
    report = json.loads((tmp_path / "b.json").read_text())
    assert run.returncode == 1
    assert "calloc-large under" in run.stdout and "ended by SIG" in run.stdout
    (failure,) = report["failures"]
    assert failure["workload"] == "calloc-large" and failure["allocator"] != "system"
    medians = {case["name"]: [result["median"] for figure in case["figures"] if figure["lead"]
                              for result in figure["results"]] for case in report["cases"]}
    assert all(medians["ping-pong"])
    assert medians["calloc-large"][0] > 0 and medians["calloc-large"][1] is None


def test_program_gives_time_and_peak_rss(tmp_path):
    run = bench("-s", "programs", "-w", "python-objects", "-r", 1, "-a", "system", "--json",
                tmp_path / "b.json", env={**os.environ, "TMPDIR": str(tmp_path)})
    assert run.returncode == 0, run.stdout + run.stderr
    (case,) = json.loads((tmp_path / "b.json").read_text())["cases"]
    values = {figure["name"]: figure["results"][0]["median"] for figure in case["figures"]}
    assert values["rss_peak_kib"] > 20_000
    assert 0.05 < values["time_s"] == values["cpu_s"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["b.json"]


def test_smr_suite_has_figures_of_every_scheme():
    run = bench("-s", "smr", "-w", "guard", "--quick", "-a", "system")
    assert run.returncode == 0, run.stderr
    for subject in ("shale_ebr", "shale_ebr_fenced", "shale_ibr", "shale_neutralize"):
        assert re.search(rf"^guard {subject} \[ns\] +[0-9.]+ ", run.stdout, re.M), run.stdout


def test_collections_suite_has_a_column_for_each_peer_and_a_table_for_each_kind():
    run = bench("-s", "collections", "-w", "queue-pairs-1t", "-w", "map-100k-90-5-5-uniform-1t",
                "--quick", "-p", "shale_skiplist", "-p", "shale_ring", "-p", "shale_queue")
    assert run.returncode == 0, run.stdout + run.stderr
    assert re.search(r"^ +shale_skiplist\n"
                     r"map-100k-90-5-5-uniform-1t time \[ns\] +[0-9.]+ ", run.stdout, re.M)
    assert re.search(r"^ +shale_ring +shale_queue\n"
                     r"queue-pairs-1t time \[ns\] +[0-9.]+ +[0-9.]+ ", run.stdout, re.M)
    assert re.search(r"^map-100k-90-5-5-uniform-1t entry \[B\] +[2-4][0-9]", run.stdout, re.M)
    assert "each run a process" in run.stdout


def test_epochs_suite_has_a_column_for_each_peer_and_allocator():
    run = bench("-s", "epochs", "-w", "frames", "-w", "scope-latency", "--quick", "-p", "shale-slab",
                "-p", "bump", "-p", "mimalloc-heap@2.0.9")
    assert run.returncode == 0, run.stdout + run.stderr
    number = r" +[0-9.]+ "
    assert re.search(r"^ +shale-slab +bump +mimalloc-heap@2.0.9", run.stdout, re.M)
    assert re.search(rf"^frames time \[ns\]{number}{number}{number}", run.stdout, re.M)
    assert re.search(rf"^scope-latency malloc_p999 \[ns\]{number}{number} *[0-9.]*$", run.stdout, re.M)


def epochs_bench(*arguments):
    program = Path(WORKLOADS).parents[1] / "epochs/epochs-bench"
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("peer, name", [
    (line.split()[0], name) for line in epochs_bench("--peers").stdout.splitlines()
    for name in line.split()[2].strip("@()").split("|") if line.split()[1][0] != "@"])
def test_scope_prints_its_figures(peer, name):
    run = epochs_bench("--seconds=0.003", "--seed=7", f"--peer={peer}", name)
    assert (run.returncode, run.stderr) == (0, "")
    printed = json.loads(run.stdout)
    assert printed["workload"] == name and printed["operations"] > 0
    assert all(value >= 0 for value in printed["figures"].values())
    assert list(printed["figures"].values())[0] > 0


def test_scopes_refuse_a_peer_that_is_not_there():
    assert (epochs_bench("--peer=nonsense", "request").returncode, "there is no peer 'nonsense'" in
            epochs_bench("--peer=nonsense", "request").stderr) == (64, True)


def collections_bench(*arguments):
    program = Path(WORKLOADS).parents[1] / "collections/collections-bench"
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=120)


def collections_workloads():
    """Those of a million entries differ from the others by that number alone."""
    names = [line.split()[0] for line in collections_bench("--list").stdout.splitlines()]
    return [name for name in names if "-1m-" not in name]


@pytest.mark.parametrize("name", collections_workloads())
def test_collection_prints_its_figures(name):
    kind = "shale_skiplist" if name.startswith("map") else "shale_queue"
    run = collections_bench("--seconds=0.003", "--seed=7", f"--peer={kind}", name)
    assert (run.returncode, run.stderr) == (0, "")
    printed = json.loads(run.stdout)
    assert printed["workload"] == name and printed["seed"] == 7
    assert printed["operations"] > 0 and 0 < printed["notes"]["cores"] < 64
    assert 0.3 < printed["figures"]["time_ns"] < 1e9


def test_collections_peer_refuses_what_it_cannot_run():
    run = collections_bench("--peer=shale_ring", "queue-fill")
    assert (run.returncode, run.stdout) == (64, "")
    assert "shale_ring runs 'queue-[!f]*' only" in run.stderr


def test_list_names_every_workload():
    run = bench("--list", "--suite", "all")
    names = [line.split()[1] for line in run.stdout.splitlines()]
    assert run.returncode == 0
    assert len(names) == len(set(names))
    assert len([line for line in run.stdout.splitlines() if line.startswith("programs")]) >= 12
    assert {"ping-pong", "larson", "latency-64-768", "rss-survivors-10", "redis"} <= set(names)


@pytest.mark.parametrize("arguments, status, message", [
    (["--suite", "nonsense"], 64, "unknown suite 'nonsense'"),
    (["--workload", "nonsense"], 64, "no workload fits 'nonsense'"),
    (["--rounds", "0"], 64, "--rounds is 1 to 1000, not 0"),
    (["--rounds", "-3"], 64, "--rounds is 1 to 1000, not -3"),
    (["--rounds", "many"], 64, "many: invalid numeric value"),
    (["--seed", "0"], 64, "--seed"),
    (["--csv", "-", "--json", "-"], 64, "only one"),
    (["ping-pong"], 64, "there is no argument 'ping-pong'; try --workload ping-pong"),
    (["--allocator", "nonsense"], 69, "nonsense"),
    (["--suite", "collections", "--peer", "nonsense"], 69, "there is no peer 'nonsense'"),
    (["--suite", "collections", "-a", "system"], 64, "--peer goes with the suites collections"),
    (["--peer", "shale_queue"], 64, "--peer goes with the suites collections"),
    (["--quick", "-w", "idle", "-a", "system", "--json", "/dev/full"], 74, "'/dev/full'"),
    (["--quick", "-w", "idle", "-a", "system", "--plot", "/dev/null/x"], 74, "'/dev/null/x'"),
])
def test_bad_arguments_are_named(arguments, status, message):
    run = bench(*arguments)
    assert run.returncode == status, run.stderr
    assert run.stderr.startswith("shale bench: ") and message in run.stderr


@pytest.mark.parametrize("option", ["--csv", "--json", "--plot"])
def test_place_that_cannot_be_written_is_refused_before_the_runs(tmp_path, option):
    place = tmp_path / "missing" / "place"
    result = bench("--quick", "--allocator", "system", option, str(place))
    assert result.returncode == 74
    assert result.stdout == "" and str(place) in result.stderr


def test_missing_parts_are_named(tmp_path):
    run = bench("-w", "ping-pong", env={**os.environ, "SHALE_BENCH_DIR": str(tmp_path)})
    assert run.returncode == 69
    assert "malloc-bench" in run.stderr and "SHALE_BENCH_DIR" in run.stderr


def test_interrupt_reports_what_was_measured_and_leaves_no_process():
    process = subprocess.Popen([SHALE, "bench", "-w", "ping-pong", "-a", "system", "-r", "1000"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    text, errors = process.communicate(timeout=30)
    assert process.returncode == 130, errors
    assert re.search(r"Interrupted after [1-9]\d* of 1000 runs\.", text)
    assert "ping-pong time [ns]" in text
    assert not [pid for pid in children_named("malloc-bench")
                if Path(f"/proc/{pid}/status").exists()
                and f"PPid:\t{process.pid}" in Path(f"/proc/{pid}/status").read_text()]


@pytest.mark.parametrize("name", workload_names())
def test_workload_prints_its_figures(name):
    run = malloc_bench("--seconds=0.003", "--seed=7", name)
    assert (run.returncode, run.stderr) == (0, "")
    printed = json.loads(run.stdout)
    assert printed["workload"] == name and printed["seed"] == 7
    assert printed["figures"] and printed["notes"]["rss_peak_kib"] > 500
    assert all(value >= 0 for value in printed["figures"].values())
    if "time_ns" in printed["figures"]:
        assert printed["operations"] > 0 and 0.3 < printed["figures"]["time_ns"] < 1e9


def test_workload_with_a_given_count_does_that_many_whole_batches():
    assert json.loads(malloc_bench("--operations=5000", "ping-pong").stdout)["operations"] == 5000
    batch = json.loads(malloc_bench("--operations=1500", "batch-1000-fifo").stdout)
    assert batch["operations"] == 2000


def test_workload_that_runs_out_of_memory_says_so():
    limited = ["sh", "-c", 'ulimit -v 60000; exec "$0" --seconds=0.003 batch-100k-random', WORKLOADS]
    whole = subprocess.run(limited, capture_output=True, text=True, timeout=60)
    limited[2] = 'ulimit -v 9000; exec "$0" --seconds=0.003 batch-100k-random'
    short = subprocess.run(limited, capture_output=True, text=True, timeout=60)
    assert whole.returncode == 0
    assert short.returncode == 70
    assert short.stderr in ("malloc-bench: cannot allocate: Cannot allocate memory\n",
                            "malloc-bench: cannot map memory: Cannot allocate memory\n")


@pytest.mark.parametrize("arguments, message", [
    ([], "usage: malloc-bench"),
    (["nonsense"], "no workload 'nonsense'"),
    (["--seconds=0", "ping-pong"], "--seconds needs a number above 0"),
    (["--seconds=x", "ping-pong"], "not 'x'"),
    (["--threads=1000", "larson"], "at most 256"),
    (["--touch=some", "ping-pong"], "not 'some'"),
])
def test_workload_program_names_bad_arguments(arguments, message):
    run = malloc_bench(*arguments)
    assert run.returncode == 64 and message in run.stderr and run.stdout == ""
