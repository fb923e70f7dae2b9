# SPDX-License-Identifier: MIT
"""`shale compare` on redis-server with redis-benchmark, and the demo's recipes, in their short form."""
import json
import os
import pathlib
import socket
import subprocess

import jsonschema

SHALE = os.environ["SHALE"]
SOURCE = pathlib.Path(os.environ["SHALE_SOURCE"])


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return str(listener.getsockname()[1])


def read_report(path):
    document = json.loads(path.read_text())
    schema = json.loads((SOURCE / "share/schema/compare.schema.json").read_text())
    jsonschema.validate(document, schema)
    return document


def test_redis_gives_back_more_under_jemalloc_than_under_glibc(tmp_path):
    report = tmp_path / "redis.json"
    env = {**os.environ, "SHALE": SHALE, "PORT": free_port(), "REQUESTS": "25000",
           "CANDIDATES": "jemalloc mimalloc@2"}
    done = subprocess.run([SOURCE / "workloads/recipes/redis.sh", "--pairs", "1", "--json", report],
                          env=env, cwd=tmp_path, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    document = read_report(report)
    arms = {arm["name"]: arm for arm in document["arms"]}
    # Debian's redis is linked with jemalloc: for "system" the C library must come first, proven.
    assert arms["system"]["verified"]["allocator"] == "system"
    assert arms["system"]["preload"].endswith("libc.so.6")
    assert "serves this program by itself" in arms["system"]["note"]
    assert arms["mimalloc"]["verified"]["allocator"] == "mimalloc"
    labels = [document["arms"][c["candidate"]]["name"] for c in document["comparisons"]]
    pair = document["comparisons"][labels.index("jemalloc")]["pairs"][0]
    baseline, candidate = pair["baseline"]["values"], pair["candidate"]["values"]
    for values in (baseline, candidate):
        assert values["rss_loaded_bytes"] > 10 << 20
        assert values["set_rps"] > 100
    assert candidate["rss_flushed_bytes"] < candidate["rss_loaded_bytes"]
    assert candidate["rss_flushed_bytes"] < baseline["rss_flushed_bytes"]


def test_demo_ends_with_the_table_the_sentence_and_the_reports(tmp_path):
    done = subprocess.run([SOURCE / "tools/demo.sh", SHALE, tmp_path], cwd=SOURCE, timeout=150,
                          env={**os.environ, "DEMO_PAIRS": "1"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "Reports: " in lines[-1]
    assert any(line.startswith("In short") for line in lines[-8:])
    for name in ("sqlite3", "python3"):
        document = read_report(tmp_path / f"{name}.json")
        assert [arm["verified"]["allocator"] for arm in document["arms"]] == [
            "system", "jemalloc", "mimalloc", "tcmalloc"]
        assert (tmp_path / f"{name}.md").read_text().startswith("## Allocators compared")
    assert "every object is a malloc call" in document["arms"][0]["verified"]["layers"]
