# SPDX-License-Identifier: MIT
"""`shale stats` on processes that run: preloaded, linked, static; its forms and its errors."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import time

import jsonschema
import pytest

SHALE = os.environ["SHALE"]
SOURCE = pathlib.Path(os.environ["SHALE_SOURCE"])
LIBRARY = pathlib.Path(os.environ["SHALE_MALLOC_LIB"])
# The last two where the build's front door is the engine's.
PROGRAMS = {form: os.environ[f"STATS_{form.upper()}"] for form in ("malloc", "linked", "static")
            if f"STATS_{form.upper()}" in os.environ}
SCHEMA = json.loads((SOURCE / "share/schema/stats.schema.json").read_text())
NOBODY = 65534
LIVE, SIZE, CLASS = 9000, 1500, 1536


def stats(*arguments, **options):
    return subprocess.run([SHALE, "stats", *map(str, arguments)], capture_output=True, text=True,
                          timeout=60, **options)


@contextlib.contextmanager
def running(form="malloc", library=LIBRARY):
    """A process that has its blocks and waits."""
    environment = {**os.environ, "LD_PRELOAD": str(library)} if form == "malloc" else None
    process = subprocess.Popen([PROGRAMS[form]], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               env=environment)
    try:
        assert process.stdout.readline() == b"ready\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stdin.close()


def read(pid):
    done = stats("--json", pid)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    jsonschema.validate(found, SCHEMA)
    return found


@pytest.mark.parametrize("form", list(PROGRAMS))
def test_known_blocks_are_counted(form):
    with running(form) as process:
        found = read(process.pid)
        [engine] = found["engines"]
        figures = engine["stats"]
        of_size = {row["block_bytes"]: row for row in engine["classes"]}[CLASS]
        assert (found["pid"], engine["readable"], engine["started"]) == (process.pid, True, True)
        assert of_size["live_blocks"] == LIVE and of_size["allocs"] == 10000
        assert figures["large_blocks"] == 2
        assert figures["large_bytes"] == 5 * 65536 + 2 * 2097152
        assert figures["remote_frees"] == 1000 and figures["misuses"] == 0
        assert figures["live_bytes"] >= LIVE * CLASS + figures["large_bytes"]
        assert found["rss_bytes"] > LIVE * SIZE
        assert len(engine["threads"]) == figures["threads"] == 1
        carrier = {"malloc": "libshale-malloc.so", "linked": "libshale.so"}.get(form, "stats_static")
        assert carrier in engine["object"]


def test_the_process_runs_on_untouched():
    """Its RSS does not grow by being read, and it ends as it would have."""
    with running() as process:
        before = read(process.pid)["rss_bytes"]
        for _ in range(20):
            after = read(process.pid)["rss_bytes"]
        assert after <= before + 65536
        process.stdin.write(b"x")
        process.stdin.flush()
        assert process.wait(10) == 0


@pytest.mark.skipif("linked" not in PROGRAMS, reason="this build has another backend")
def test_two_engines_are_both_shown():
    environment = {**os.environ, "LD_PRELOAD": str(LIBRARY)}
    with subprocess.Popen([PROGRAMS["linked"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          env=environment) as process:
        assert process.stdout.readline() == b"ready\n"
        engines = {pathlib.Path(engine["object"]).name.split(".so")[0]: engine
                   for engine in read(process.pid)["engines"]}
        process.stdin.close()
    assert sorted(engines) == ["libshale", "libshale-malloc"]
    assert engines["libshale"]["stats"]["live_blocks"] == LIVE + 3
    assert engines["libshale-malloc"]["stats"]["live_blocks"] < LIVE


def test_stripped_engine_is_found(tmp_path):
    library = tmp_path / "libshale-malloc.so.0"
    subprocess.run(["strip", "-o", library, LIBRARY], check=True)
    with running(library=library) as process:
        assert read(process.pid)["engines"][0]["stats"]["large_blocks"] == 2


def test_library_that_was_replaced_meanwhile_is_read(tmp_path):
    library = tmp_path / "libshale-malloc.so.0"
    shutil.copy(LIBRARY, library)
    with running(library=library) as process:
        library.unlink()
        [engine] = read(process.pid)["engines"]
        assert engine["stats"]["large_blocks"] == 2


TEXT = r"""process \d+ \(stats_malloc\), [\d.]+ MiB resident
engine of Shale \d+\.\d+\.\d+ in \S+/libshale-malloc.so\S*
now
(?:  \w+ +[\d.]+(?: [KMGT]?i?B)?  \S.*
)+since its start
(?:  \w+ +[\d.]+(?: [KMGT]?i?B)?  \S.*
)+size classes
     bytes       allocs         live    pending       free  untouched    slabs
(?:(?: +\d+){7}
)+threads
    heap    slabs  slow_allocs   slow_frees remote_frees    collected lock_waits  misuses
(?: +\d+){8}
"""


def test_text_has_its_form():
    with running() as process:
        text = stats("--classes", "--threads", process.pid).stdout
        assert re.fullmatch(TEXT, text), text
        assert re.search(r"^  large_blocks +2  ", text, re.M)
        assert "misuses   " not in text  # zero
        assert re.search(r"^  misuses +0  ", stats("--all", process.pid).stdout, re.M)


def test_both_separates_json_from_text():
    with running() as process:
        done = stats("--both", process.pid)
        jsonschema.validate(json.loads(done.stdout), SCHEMA)
        assert done.stderr.startswith("process ") and "since its start" in done.stderr


def test_watching_gives_lines_until_the_process_ends():
    with running() as process:
        watcher = subprocess.Popen([SHALE, "stats", "--watch", "--interval", "0.1",
                                    str(process.pid)], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        lines = [watcher.stdout.readline() for _ in range(4)]
        process.stdin.close()
        process.wait(10)
        rest, errors = watcher.communicate(timeout=10)
    assert lines[0].split()[:4] == ["live_MiB", "used_MiB", "dirty_MiB", "rss_MiB"]
    assert lines[1].split()[-1] == "-" and float(lines[2].split()[0]) > 13
    assert watcher.returncode == 0 and "the process ended" in errors


def test_watching_as_json_gives_one_document_a_line():
    with running() as process:
        done = stats("--watch", "--json", "--interval", "0.05", "--looks", 3, process.pid)
        found = [json.loads(line) for line in done.stdout.splitlines()]
        assert done.returncode == 0 and len(found) == 3
        assert found[0]["time_ns"] < found[1]["time_ns"] < found[2]["time_ns"]


def test_prometheus_form():
    """Each metric has its help and type once, before its samples, and the labels that tell whose. As
    `promtool check metrics` wants it: counters, and they alone, end in _total."""
    with running() as process:
        text = stats("--prometheus", process.pid).stdout
    typed = re.findall(r"^# TYPE (\w+) (gauge|counter)$", text, re.M)
    assert len(typed) == len(set(typed)) > 40
    assert all(name.endswith("_total") == (kind == "counter") for name, kind in typed)
    sampled = re.findall(r'^(\w+)\{pid="\d+",command="stats_malloc"[^}]*\} \d+$', text, re.M)
    assert set(sampled) == {name for name, _ in typed}
    assert len(sampled) + 2 * len(typed) == len(text.splitlines())
    assert re.search(rf'^shale_class_live_blocks\{{.*block_bytes="{CLASS}"\}} {LIVE}$', text, re.M)


def test_own_needs_a_preload():
    assert stats("--own").returncode == 1
    done = stats("--own", "--json", env={**os.environ, "LD_PRELOAD": str(LIBRARY)})
    assert json.loads(done.stdout)["command"] == "shale"


def failing(*arguments, **options):
    done = stats(*arguments, **options)
    assert done.stdout == ""
    return done.returncode, done.stderr


def test_no_such_process():
    assert failing(999999999) == (69, "shale stats: cannot read process 999999999: no such process\n")


def test_process_without_the_engine_is_told_what_to_do():
    status, error = failing(os.getpid())
    assert status == 1
    assert "has no engine of Shale; try `shale run --allocator shale -- COMMAND`" in error


def test_process_of_another_user_is_refused():
    if os.geteuid() != 0:
        assert failing(1)[0] == 69
        return
    with running() as process:
        status, error = failing(process.pid, user=NOBODY)
    assert (status, "permission denied; try it as the user of that process" in error) == (69, True)


def test_zombie_has_ended():
    with subprocess.Popen(["true"]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        status, error = failing(process.pid)
    assert (status, "the process ended" in error) == (69, True)


def test_process_that_dies_while_it_is_read_is_an_error_or_whole():
    """Many tries: whatever moment is hit, the answer is figures or a clear error."""
    for delay in range(30):
        with running() as process:
            reader = subprocess.Popen([SHALE, "stats", "--json", str(process.pid)], text=True,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            time.sleep(delay * 0.0002)
            process.kill()
            process.wait()
            output, error = reader.communicate(timeout=10)
        if reader.returncode == 0:
            jsonschema.validate(json.loads(output), SCHEMA)
        else:
            assert reader.returncode == 69, error
            assert "the process ended" in error or "no such process" in error


def with_release(tmp_path, release, flip):
    """The library with another release in its map, and another fingerprint where `flip`."""
    image = bytearray(LIBRARY.read_bytes())
    at = image.index((0x70616d2d656c6873).to_bytes(8, "little"))
    while image[at + 8:at + 12] != (1).to_bytes(4, "little"):
        at = image.index((0x70616d2d656c6873).to_bytes(8, "little"), at + 1)
    image[at + 16] ^= flip
    image[at + 24:at + 40] = release.encode().ljust(16, b"\0")
    library = tmp_path / "libshale-malloc.so.0"
    library.write_bytes(image)
    return library


@pytest.mark.parametrize("release", ["0.0.9", "9.9.9"])
def test_engine_of_another_release_is_named(tmp_path, release):
    with running(library=with_release(tmp_path, release, flip=1)) as process:
        status, error = failing("--json", process.pid)
    assert status == 69
    assert f"it is of Shale {release} and this is 0.1.0" in error.replace("  ", " ")
    assert "try the `shale` it came with" in error


@pytest.mark.parametrize("arguments", [
    [], ["--own", "1"], ["1", "2"], ["nginx"], ["12345678901"], ["--json", "--text", "1"],
    ["--interval", "2", "1"], ["--looks", "2", "1"], ["--watch", "--interval", "0", "1"],
    ["--watch", "--prometheus", "1"], ["--watch", "--looks", "-1", "1"],
])
def test_wrong_arguments_are_refused(arguments):
    status, error = failing(*arguments)
    assert status == 64 and error.startswith("shale stats: ")
