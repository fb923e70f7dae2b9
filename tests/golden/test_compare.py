# SPDX-License-Identifier: MIT
"""`shale compare`: what it writes, and how each kind of bad input ends."""
import csv
import json
import os
import pathlib
import shlex
import signal
import socket
import subprocess
import sys
import time

import jsonschema
import pytest

from marking import mark  # noqa: F401

SHALE = os.environ["SHALE"]
SOURCE = pathlib.Path(os.environ["SHALE_SOURCE"])
SYSTEM = ["--baseline", "system", "--candidate", "system"]
JEMALLOC = ["--baseline", "system", "--candidate", "jemalloc"]

# A server that answers, and on demand maps memory or unmaps it: no allocator keeps a part of it.
SERVER = """
import mmap, socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
kept = None
while True:
    peer, _ = listener.accept()
    word = peer.recv(100)
    if word == b"load":
        kept = mmap.mmap(-1, 20 << 20)
        kept.write(b"x" * (20 << 20))
    if word == b"drop":
        kept.close()
    if word == b"die":
        sys.exit(3)
    peer.sendall(b"done")
    peer.close()
"""
CLIENT = """
import json, socket, sys
peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
peer.sendall(sys.argv[2].encode())
peer.recv(10)
print(json.dumps({"latency": {"p99": 2.5}, "word": sys.argv[2]}))
"""


def compare(env, *arguments, **options):
    return subprocess.run([SHALE, "compare", *arguments], env=env, text=True, timeout=100,
                          capture_output=True, **options)


def refused(env, status, says, *arguments, **options):
    done = compare(env, *arguments, **options)
    assert done.returncode == status, done.stderr
    assert says in done.stderr
    assert done.stdout == ""
    return done


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.fixture
def server(tmp_path):
    port = str(free_port())
    (tmp_path / "server.py").write_text(SERVER)
    (tmp_path / "client.py").write_text(CLIENT)
    client = f"{sys.executable} {tmp_path}/client.py {port}"
    return port, client, ["--", sys.executable, f"{tmp_path}/server.py", port]


# ------------------------------------------------------------------------------ what it writes


def check_document(path):
    document = json.loads(pathlib.Path(path).read_text())
    schema = json.loads((SOURCE / "share/schema/compare.schema.json").read_text())
    jsonschema.validate(document, schema)
    return document


def test_json_fits_its_schema_and_every_run_is_verified(mark, tmp_path):
    report = tmp_path / "report.json"
    done = compare(mark, *JEMALLOC, "--pairs", "2", "--json", report, "--", "sh", "-c", "sleep 0.1")
    assert done.returncode == 0, done.stderr
    document = check_document(report)
    assert document["pairs"] == 2
    assert [arm["verified"]["allocator"] for arm in document["arms"]] == ["system", "jemalloc"]
    jemalloc, check = document["comparisons"]
    assert (jemalloc["aa"], check["aa"], document["aa"]["comparison"]) == (False, True, 1)
    for pair in jemalloc["pairs"]:
        assert pair["baseline"]["allocator"] == "system"
        assert pair["candidate"]["allocator"] == "jemalloc"
        assert pair["candidate"]["values"]["wall_s"] > 0.09
        assert len(pair["candidate"]["rss_over_time"]) > 3
    assert "jemalloc" in done.stdout and "A/A check" in done.stdout
    assert "2 pairs can show nothing" in done.stdout


def test_json_holds_what_is_no_utf8(mark, tmp_path):
    report = tmp_path / "report.json"
    done = compare(mark, *SYSTEM, "--pairs", "1", "--prepare", b"echo l\xe9t", "--json", report,
                   "--", "echo", b"l\xe9t", errors="replace")
    assert (done.returncode, done.stderr.count("out of memory")) == (0, 0), done.stderr
    assert check_document(report)["program"]["argv"] == ["echo", "l?t"]


def test_json_on_stdout_is_nothing_but_json(mark):
    done = compare(mark, *SYSTEM, "--pairs", "1", "--quiet", "--json", "-", "--", "true")
    assert done.returncode == 0
    assert json.loads(done.stdout)["pairs"] == 1
    assert done.stderr == ""


def test_runs_alternate_abba(mark, tmp_path):
    report = tmp_path / "report.json"
    done = compare(mark, *JEMALLOC, "--pairs", "4", "--json", report, "--", "true")
    assert done.returncode == 0, done.stderr
    for comparison in check_document(report)["comparisons"]:
        order = [pair["baseline"]["at_s"] < pair["candidate"]["at_s"]
                 for pair in comparison["pairs"]]
        assert order == [True, False, True, False]


def test_csv_and_markdown_hold_every_sample_and_the_table(mark, tmp_path):
    done = compare(mark, *JEMALLOC, "--pairs", "2", "--csv", tmp_path / "a.csv", "--markdown",
                   tmp_path / "a.md", "--", "sh", "-c", "sleep 0.05; echo rate 17")
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader((tmp_path / "a.csv").open()))
    walls = [row for row in rows if row["figure"] == "wall_s"]
    assert len(walls) == 8
    assert {row["verified_allocator"] for row in walls} == {"system", "jemalloc"}
    text = (tmp_path / "a.md").read_text()
    assert "| wall time |" in text and "proven ACTIVE" in text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "a.md"]


def test_markdown_command_can_be_pasted(mark, tmp_path):
    script = "printf '%s' \"$GIVEN\" > $0"
    out = tmp_path / "out put"
    done = compare(mark, *SYSTEM, "--pairs", "1", "--env", "GIVEN=it's 17", "--markdown",
                   tmp_path / "a.md", "--", "sh", "-c", script, out)
    assert done.returncode == 0, done.stderr
    command = (tmp_path / "a.md").read_text().split("```\n")[1]
    out.unlink()
    subprocess.run(["env"] + shlex.split(command), check=True)
    assert out.read_text() == "it's 17"


def test_system_against_itself_is_the_check_itself(mark, tmp_path):
    report = tmp_path / "report.json"
    done = compare(mark, *SYSTEM, "--pairs", "6", "--json", report, "--", "true")
    assert done.returncode == 0, done.stderr
    document = check_document(report)
    assert [comparison["aa"] for comparison in document["comparisons"]] == [True]
    assert "equal" not in done.stdout


def test_more_memory_is_shown_with_enough_pairs(mark, tmp_path):
    script = ("import os; x = bytearray(60 << 20) if 'jemalloc' in os.environ['LD_PRELOAD'] "
              "else bytearray(20 << 20)")
    report = tmp_path / "report.json"
    done = compare({**mark, "LD_PRELOAD": ""}, *JEMALLOC, "--pairs", "8", "--json", report, "--",
                   sys.executable, "-c", script)
    assert done.returncode == 0, done.stderr
    readings = check_document(report)["comparisons"][0]["readings"]
    peak = next(reading for reading in readings if reading["figure"] == "rss_peak_bytes")
    assert peak["verdict"] == "higher"
    assert 1.5 < peak["ratio_low"] <= peak["ratio"] <= peak["ratio_high"] < 3.5
    assert "peak RSS" in done.stdout


def test_server_is_read_after_load_and_each_phase(mark, server, tmp_path):
    port, client, command = server
    report = tmp_path / "report.json"
    # Without decay jemalloc gives back at once what is dropped, however busy the machine is.
    done = compare(mark, *JEMALLOC, "--env", "MALLOC_CONF=dirty_decay_ms:0,muzzy_decay_ms:0",
                   "--pairs", "1", "--ready", f"TCP:{port}", "--load", f"{client} load",
                   "--then", f"dropped={client} drop", "--idle", "0.1",
                   "--metric", "p99=json:latency.p99", "--metric", "word=p99.: ([0-9.]+)",
                   "--json", report, *command)
    assert done.returncode == 0, done.stderr
    for pair in check_document(report)["comparisons"][0]["pairs"]:
        values = pair["candidate"]["values"]
        assert values["rss_loaded_bytes"] - values["rss_dropped_bytes"] > 10 << 20
        assert values["rss_dropped_bytes"] > 1 << 20
        assert values["rss_idle_bytes"] > 1 << 20
        assert values["p99"] == values["word"] == 2.5
        assert values["load_wall_s"] > 0


def test_budget_ends_after_whole_blocks(mark, tmp_path):
    report = tmp_path / "report.json"
    done = compare(mark, *SYSTEM, "--budget", "1s", "--json", report, "--", "sleep", "0.15")
    assert done.returncode == 0, done.stderr
    document = check_document(report)
    assert document["stopped_by_budget"] and document["pairs"] % 2 == 0
    assert document["pairs"] < 10


def test_progress_is_plain_lines_without_a_terminal(mark):
    done = compare(mark, *SYSTEM, "--pairs", "2", "--", "true")
    assert "pair 2 of 2" in done.stderr
    assert "\r" not in done.stderr and "\x1b" not in done.stderr


def test_environment_reaches_the_program(mark):
    done = compare(mark, *SYSTEM, "--pairs", "1", "--env", "GIVEN=17", "--", "sh", "-c",
                   'test "$GIVEN" = 17')
    assert done.returncode == 0, done.stderr


def test_time_left_heeds_the_budget(mark):
    done = compare(mark, *SYSTEM, "--budget", "1s", "--", "sleep", "0.5")
    assert done.returncode == 0, done.stderr
    assert "pair 1 of 40\n" in done.stderr
    assert "pair 2 of 40, about 1 s left" in done.stderr


# ---------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize("says, arguments", [
    ("--baseline is missing", ["--candidate", "system", "--", "true"]),
    ("--candidate is missing", ["--baseline", "system", "--", "true"]),
    ("no program given", SYSTEM),
    ("--pairs: 0 is not between", [*SYSTEM, "--pairs", "0", "--", "true"]),
    ("--pairs: -1 is not between", [*SYSTEM, "--pairs", "-1", "--", "true"]),
    ("--pairs: -4 is not between", [*SYSTEM, "--pairs", "-4", "--", "true"]),
    ("many: invalid numeric value", [*SYSTEM, "--pairs", "many", "--", "true"]),
    ("'soon' is no time", [*SYSTEM, "--budget", "soon", "--", "true"]),
    ("regular expression", [*SYSTEM, "--metric", "x=([0-9", "--", "true"]),
    ("NAME=REGEX", [*SYSTEM, "--metric", "([0-9]+)", "--", "true"]),
    ("the name 'x' is taken", [*SYSTEM, "--metric", "x=1", "--metric", "x=2", "--", "true"]),
    ("goes with --load only", [*SYSTEM, "--ready", "TCP:7", "--", "true"]),
    ("goes with --load only", [*SYSTEM, "--then", "a=b", "--", "true"]),
    ("--load needs --ready", [*SYSTEM, "--load", "true", "--", "true"]),
    ("names no port", [*SYSTEM, "--load", "true", "--ready", "TCP:x", "--", "true"]),
    ("NAME=COMMAND", [*SYSTEM, "--load", "true", "--ready", "1", "--then", "x", "--", "true"]),
    ("is taken", [*SYSTEM, "--load", "true", "--ready", "1", "--then", "idle=x", "--", "true"]),
    ("LD_PRELOAD", [*SYSTEM, "--env", "LD_PRELOAD=x.so", "--", "true"]),
    ("cannot both go to '-'", [*SYSTEM, "--json", "-", "--markdown", "-", "--", "true"]),
    ("cannot both go to 'r'", [*SYSTEM, "--csv", "r", "--json", "r", "--", "true"]),
    ("did you mean '--candidate'", ["--candidat", "x", "--", "true"]),
])
def test_wrong_arguments_are_usage_errors(mark, says, arguments):
    refused(mark, 64, says, *arguments)


def test_no_such_program(mark):
    refused(mark, 127, "cannot run 'no-such-program': No such file", *SYSTEM, "--", "no-such-program")


def test_program_that_is_not_executable(mark, tmp_path):
    (tmp_path / "plain").write_text("text")
    refused(mark, 126, "plain", *SYSTEM, "--", str(tmp_path / "plain"))


def test_allocator_that_does_not_exist(mark):
    refused(mark, 69, "nomalloc", "-b", "system", "-c", "nomalloc", "--", "true")
    refused(mark, 69, "99.9", "-b", "system", "-c", "jemalloc@99.9", "--", "true")


def test_library_of_another_architecture(mark, tmp_path):
    original = next(pathlib.Path("/usr/lib").glob("*/libjemalloc.so.2"))
    library = bytearray(original.read_bytes())
    library[18:20] = b"\xb7\0" if library[18] != 0xb7 else b"\x3e\0"
    (tmp_path / "libjemalloc.so.2").write_bytes(library)
    refused(mark, 69, "libjemalloc", "-b", "system", "-c", str(tmp_path / "libjemalloc.so.2"), "--",
            "true")


def test_static_program_is_refused_with_a_reason(mark, tmp_path):
    program = tmp_path / "static"
    subprocess.run(["cc", "-static", "-x", "c", "-o", program, "-"], check=True, text=True,
                   input="int main(void) { return 0; }")
    refused(mark, 69, "linked statically", *JEMALLOC, "--", program)


def test_command_that_fails_shows_its_output(mark):
    done = refused(mark, 1, "exited with 3", *SYSTEM, "--", "sh", "-c", "echo why >&2; exit 3")
    assert "  | why" in done.stderr


def test_command_that_fails_is_seen_where_the_caller_ignores_sigchld(mark):
    refused(mark, 1, "exited with 3", *SYSTEM, "--pairs", "1", "--", "sh", "-c", "exit 3",
            preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))


def test_command_that_crashes(mark):
    refused(mark, 1, "signal 11", *SYSTEM, "--", "sh", "-c", "kill -SEGV $$")


def test_command_that_takes_too_long(mark):
    refused(mark, 1, "took longer than 0.3 s", *SYSTEM, "--timeout", "0.3s", "--", "sleep", "100")


def test_prepare_that_fails(mark):
    refused(mark, 1, "'exit 4' exited with 4", *SYSTEM, "--prepare", "exit 4", "--", "true")


def test_metric_that_is_not_in_the_output(mark):
    done = refused(mark, 65, "nothing in the output fits", *SYSTEM, "--metric", "x=rate ([0-9]+)",
                   "--", "echo", "no figures here")
    assert "  | no figures here" in done.stderr


def test_load_that_fails(mark, server):
    port, _, command = server
    refused(mark, 1, "'exit 7' exited with 7", *SYSTEM, "--ready", f"TCP:{port}", "--load",
            "exit 7", *command)


def test_server_that_dies_under_load(mark, server):
    port, client, command = server
    refused(mark, 1, "exited with 3", *SYSTEM, "--ready", f"TCP:{port}", "--load",
            f"{client} die; sleep 30", *command)


def test_server_that_dies_at_once(mark):
    refused(mark, 1, "before it was ready", *SYSTEM, "--ready", "10", "--load", "true", "--",
            "sh", "-c", "exit 5")


def test_server_that_never_gets_ready(mark, server):
    _, _, command = server
    refused(mark, 1, "was not ready within 0.5 s", *SYSTEM, "--ready", f"TCP:{free_port()}",
            "--ready-timeout", "0.5s", "--load", "true", *command)


def test_port_that_is_in_use(mark, server):
    _, _, command = server
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        refused(mark, 69, f"port {port} of 127.0.0.1 is served already", *SYSTEM, "--ready",
                f"TCP:{port}", "--load", "true", *command)


def test_server_that_ignores_sigterm_is_killed(mark, tmp_path):
    report = tmp_path / "report.json"
    ready = tmp_path / "ready"
    script = ("import pathlib, signal, time; signal.signal(15, signal.SIG_IGN); "
              f"pathlib.Path('{ready}').touch(); time.sleep(1000)")
    done = compare(mark, *SYSTEM, "--pairs", "1", "--prepare", f"rm -f {ready}", "--ready", ready,
                   "--load", "true", "--settle", "0", "--json", report, "--", sys.executable, "-c",
                   script)
    assert done.returncode == 0, done.stderr
    assert check_document(report)["comparisons"][0]["pairs"][0]["baseline"]["killed"] == 1
    assert "were killed" in done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGQUIT])
def test_interrupt_leaves_no_process_and_no_report(mark, server, tmp_path, number):
    port, client, command = server
    running = subprocess.Popen(
        [SHALE, "compare", *SYSTEM, "--pairs", "50", "--ready", f"TCP:{port}", "--load",
         f"{client} load; sleep 5", "--json", tmp_path / "r.json", *command],
        env=mark, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        # A shell ignores two of them in what it starts in the background; shale would keep to that.
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL))
    time.sleep(1)
    running.send_signal(number)
    out, err = running.communicate(timeout=20)
    assert running.returncode == 128 + number
    assert f"interrupted by signal {int(number)}" in err
    assert out == ""
    assert not (tmp_path / "r.json").exists()


def test_hangup_that_nohup_ignores_does_not_end_it(mark):
    running = subprocess.Popen(
        ["nohup", SHALE, "compare", *SYSTEM, "--pairs", "2", "--", "sleep", "0.3"], env=mark,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(0.5)
    running.send_signal(signal.SIGHUP)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 0, err
    assert "A/A check" in out


# ------------------------------------------------------------------------------- full disks


def test_full_device_is_an_error(mark):
    done = compare(mark, *SYSTEM, "--pairs", "1", "--json", "/dev/full", "--", "true")
    assert done.returncode == 74
    assert "cannot write '/dev/full': No space left" in done.stderr


def test_full_stdout_is_an_error(mark):
    with open("/dev/full", "w") as full:
        done = subprocess.run([SHALE, "compare", *SYSTEM, "--pairs", "1", "--", "true"], env=mark,
                              stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 74
    assert "No space left" in done.stderr


def test_full_disk_leaves_the_old_report(mark, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", disk],
                      capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root and CAP_SYS_ADMIN")
    try:
        (disk / "r.json").write_text("old")
        done = compare(mark, *JEMALLOC, "--pairs", "3", "--json", disk / "r.json", "--", "true")
        assert done.returncode == 74
        assert "No space left" in done.stderr
        assert "against system" in done.stdout  # what was measured is not lost
        assert (disk / "r.json").read_text() == "old"
        assert [path.name for path in disk.iterdir()] == ["r.json"]
    finally:
        subprocess.run(["umount", disk], check=True)


def test_folder_that_does_not_exist_is_found_before_measuring(mark, tmp_path):
    ran = tmp_path / "ran"
    refused(mark, 74, "No such file or directory", *SYSTEM, "--json", tmp_path / "no" / "r.json",
            "--", "touch", str(ran))
    refused(mark, 74, "directory", *SYSTEM, "--csv", tmp_path, "--", "touch", str(ran))
    assert not ran.exists()


def test_help_names_every_status(mark):
    done = compare(mark, "--help")
    assert done.returncode == 0
    for status in ("65", "69", "74", "126", "127", "130"):
        assert f"  {status} " in done.stdout
