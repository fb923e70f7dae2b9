# SPDX-License-Identifier: MIT
"""`shale history`: results are kept, shown over time, and held against the last GO."""
import concurrent.futures
import json
import sqlite3
import subprocess

import pytest

from marking import mark  # noqa: F401
from programs import SHALE

USAGE, DATA, UNAVAILABLE, IO = 64, 65, 69, 74


def history(env, *arguments, command="history"):
    return subprocess.run([SHALE, *command.split(), *map(str, arguments)], env=env, text=True,
                          timeout=60, capture_output=True)


def finding(metric, value, width=0.01, unit="ratio", verdict="GO"):
    return {"metric": metric, "title": metric.upper(), "verdict": verdict, "unit": unit,
            "value": value, "low": value - width, "high": value + width, "warn": 0.1, "fail": 0.2,
            "text": "as said"}


def gate_document(day, verdict="GO", peak=0.0, program="redis-server", candidate="mimalloc",
                  version="2.0.9"):
    """As --json writes it, with what the history reads."""
    def arm(name, label):
        return {"request": name, "name": name, "label": label}
    samples = {"candidate": {"rss_peak_bytes": {"candidate": [100.0, 300.0, 200.0], "baseline": []}}}
    return {"schema": 1, "shale": "0.1", "taken": f"2026-01-{day:02}T00:00:00Z", "verdict": verdict,
            "reason": f"reason of day {day}", "machine": {"cpu": "a cpu", "kernel": "a kernel"},
            "plan": {"load": "the load", "candidate": {"argv": [program, "--port", "7001"]}},
            "baseline": arm("system", "system 2.36"),
            "candidate": arm(candidate, f"{candidate} {version}"),
            "phases": [{"phase": "benchmark", "samples": samples, "findings": [
                finding("rss_peak_bytes", peak, verdict=verdict), finding("wall_s", 0.0)]}]}


@pytest.fixture
def add(mark, tmp_path):
    def add_documents(*documents):
        for index, document in enumerate(documents):
            path = tmp_path / f"added-{index}.json"
            path.write_text(json.dumps(document))
            done = history(mark, "--history", tmp_path / "h.db", "--add", path)
            assert done.returncode == 0, done.stderr
        return tmp_path / "h.db"
    return add_documents


def shown(mark, file, *arguments):
    done = history(mark, "--history", file, "--json", "-", *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_worse_than_the_last_go_is_told(mark, add):
    file = add(gate_document(1, "GO", 0.02), gate_document(2, "NO-GO", 0.50),
               gate_document(3, "GO", 0.03), gate_document(4, "CONDITIONAL GO", 0.12, version="3.0"),
               gate_document(5, "GO", 0.99, program="nginx"))
    runs = shown(mark, file)["runs"]
    assert [len(run["worse_than_last_go"]) for run in runs] == [0, 1, 0, 1, 0]
    said = "RSS_PEAK_BYTES: +12.0 % (+11.0..+13.0), at the last GO +3.0 % (+2.0..+4.0)"
    assert runs[3]["worse_than_last_go"][0] == {"metric": "rss_peak_bytes", "text": said}
    done = history(mark, "--history", file, command="gate history")
    assert f"worse than at the last GO: {said}" in done.stdout
    assert "reason of day 4" in done.stdout and "reason of day 1" not in done.stdout


def test_trend_of_a_figure_in_text_json_and_html(mark, add, tmp_path):
    file = add(*[gate_document(day, "GO", 0.01 * day) for day in (3, 1, 2, 4, 5, 6)])
    points = shown(mark, file, "--metric", "rss_peak_bytes")["points"]
    assert [point["value"] for point in points] == pytest.approx([0.01 * day for day in range(1, 7)])
    assert points[0]["median"] == 200
    done = history(mark, "--history", file, "-m", "rss_peak_bytes", "--html", tmp_path / "h.html")
    assert done.returncode == 0, done.stderr
    assert "rising: +1 % from one to the next" in done.stdout
    html = (tmp_path / "h.html").read_text()
    assert html.count("<circle") == 6 and "<script" not in html and "http" not in html
    assert "no trend shown" in history(mark, "--history", file, "-m", "wall_s").stdout
    assert "5 are the fewest" in history(mark, "--history", file, "-m", "wall_s", "-n", "2").stdout


def test_filters(mark, add):
    file = add(gate_document(1), gate_document(2, program="nginx"),
               gate_document(3, candidate="jemalloc", version="5.3.0"))
    days = lambda *words: [run["taken"][8:10] for run in shown(mark, file, *words)["runs"]]
    assert days() == ["01", "02", "03"]
    assert days("--program", "nginx") == ["02"]
    assert days("--candidate", "jemalloc") == ["03"]
    assert days("--last", "2") == ["02", "03"]
    assert days("--kind", "compare") == []


def test_prometheus_has_the_last_gate(mark, add):
    file = add(gate_document(1, "GO", 0.5), gate_document(2, "NO-GO", 0.25))
    text = history(mark, "--history", file, "--prometheus", "-").stdout
    assert 'shale_gate_change_ratio{candidate="mimalloc 2.0.9",metric="rss_peak_bytes"} 0.25' in text
    assert 'shale_gate_runs{verdict="GO"} 1' in text and "0.5" not in text


def test_results_are_kept_and_may_be_left_out(mark, tmp_path):
    state = tmp_path / "state"
    env = {**mark, "XDG_STATE_HOME": str(state)}
    sides = ["-b", "system", "-c", "jemalloc", "--quiet"]
    gate = [SHALE, "gate", *sides, "--only", "smoke"]
    subprocess.run([*gate, "--no-history", "--", "true"], env=env, check=True, timeout=60)
    assert not state.exists()
    assert history(env).returncode == UNAVAILABLE
    subprocess.run([*gate, "--", "true"], env=env, check=True, timeout=60)
    subprocess.run([SHALE, "compare", *sides, "--pairs", "1", "--", "true"], env=env, check=True,
                   timeout=60)
    done = history(env, "--json", "-")
    runs = json.loads(done.stdout)["runs"]
    assert [(run["kind"], run["verdict"]) for run in runs] == [("gate", "GO"), ("compare", None)]
    assert [run["candidate"] for run in runs] == ["jemalloc 5.3.0"] * 2
    assert (state / "shale").stat().st_mode & 0o777 == 0o700
    file = tmp_path / "own.db"
    subprocess.run([*gate, "--history", file, "--", "true"], env=env, check=True, timeout=60)
    assert len(shown(env, file)["runs"]) == 1
    assert len(json.loads(history(env, "--json", "-").stdout)["runs"]) == 2


def test_state_folder_that_cannot_be_written_costs_no_verdict(mark):
    env = {**mark, "XDG_STATE_HOME": "/proc/none"}
    gate = [SHALE, "gate", "-b", "system", "-c", "jemalloc", "--only", "smoke"]
    done = subprocess.run([*gate, "--", "true"], env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "the result is not kept" in done.stderr
    done = subprocess.run([*gate, "--history", "/proc/none/h.db", "--", "true"], env=env,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == IO and done.stdout == ""


def test_bad_files_and_arguments(mark, add, tmp_path):
    file = add(gate_document(1))
    garbage = tmp_path / "garbage"
    garbage.write_text("garbage, and not a database at all" * 100)
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as database:
        database.execute("CREATE TABLE mine(x)")
    for arguments, status, says in [
            (["--history", tmp_path / "none.db"], UNAVAILABLE, "No such file"),
            (["--history", garbage], DATA, "not a database"),
            (["--history", garbage, "--add", file], DATA, "not a database"),
            (["--history", other], DATA, "no history of this version"),
            (["--history", other, "--add", file], DATA, "no history of this version"),
            (["--history", file, "--add", garbage], DATA, "cannot read"),
            (["--history", file, "--metric", "nosuch"], DATA, "there are: rss_peak_bytes, wall_s"),
            (["--history", file, "--last", "0"], USAGE, "not above zero"),
            (["--history", file, "--kind", "x"], USAGE, "not gate or compare"),
            (["--history", file, "surplus"], USAGE, "'surplus' is no option")]:
        done = history(mark, *arguments)
        assert done.returncode == status, (arguments, done.stderr)
        assert says in done.stderr and done.stdout == ""
    for document in [[], {}, {"schema": 1, "taken": "x"}, {**gate_document(2), "verdict": None},
                     {"schema": 1, "taken": "x", "comparisons": []}]:
        path = tmp_path / "bad.json"
        path.write_text(json.dumps(document))
        done = history(mark, "--history", file, "--add", path)
        assert done.returncode == DATA, (document, done.stderr)
    assert len(shown(mark, file)["runs"]) == 1


def test_several_write_at_once(mark, tmp_path):
    path = tmp_path / "one.json"
    path.write_text(json.dumps(gate_document(1)))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda _: history(mark, "--history", tmp_path / "h.db", "--add", path),
                             range(24)))
    assert [item.stderr for item in done if item.returncode] == []
    assert len(shown(mark, tmp_path / "h.db")["runs"]) == 24
