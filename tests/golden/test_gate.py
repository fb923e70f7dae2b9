# SPDX-License-Identifier: MIT
"""`shale gate`: seeded faults are never GO, each kind of bad input ends clearly, reports hold."""
import json
import os
import signal
import subprocess
import time
import xml.etree.ElementTree

import jsonschema
import pytest

from marking import mark  # noqa: F401
from programs import SHALE, SOURCE, allocators, compile_c

GO, NO_GO, CONDITIONAL, INCONCLUSIVE, USAGE, DATA, UNAVAILABLE = 0, 1, 2, 3, 64, 65, 69
ENOUGH = (GO, CONDITIONAL, INCONCLUSIVE)  # of two equal sides: a busy machine is no NO-GO

# A program with a fault that a side's environment plants.
PROGRAM = r"""
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void spin(double milliseconds)
{
    struct timespec now, end;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    end.tv_nsec += (long)(milliseconds * 1e6);
    do
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    while (now.tv_sec * 1000000000L + now.tv_nsec < end.tv_sec * 1000000000L + end.tv_nsec);
}

static void lose(void)
{
    for (int i = 0; i < 10; i++)
        memset(malloc(1000), 1, 1000);
}

/* A number that follows its cost to within half a per cent, whatever the machine does. */
static void tell_cost(double cost)
{
    unsigned seed = (unsigned)getpid() * 2654435761u;
    printf("cost %.3f\n", cost * (1 + ((seed >> 16) % 1000 - 500.0) / 100000));
}

static long resident(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file && fscanf(file, "%*s %ld", &pages) != 1)
        pages = 0;
    if (file)
        fclose(file);
    return pages * 4096;
}

/* Frees all but one in eight blocks, or none, and tells what is resident for what is used. */
static void tell_holes(int holes)
{
    enum { BLOCKS = 8192, SIZE = 4000 };
    static char *blocks[BLOCKS];
    size_t used = 0;
    long before = resident();
    for (size_t i = 0; i < BLOCKS; i++)
        memset(blocks[i] = malloc(SIZE), 1, SIZE);
    for (size_t i = 0; i < BLOCKS; i++)
        if (holes && i % 8)
            free(blocks[i]);
        else
            used += SIZE;
    printf("resident/used %.3f\n", (double)(resident() - before) / (double)used);
}

int main(void)
{
    const char *fault = getenv("FAULT") ? getenv("FAULT") : "";
    size_t size = strcmp(fault, "memory") == 0 ? 50 << 20 : 40 << 20; /* a quarter more */
    char *block = malloc(size);
    memset(block, 1, size);
    spin(strcmp(fault, "slow") == 0 ? 40 : 15);
    if (strcmp(fault, "crash") == 0)
        raise(SIGSEGV);
    if (strcmp(fault, "hang") == 0)
        pause();
    if (strcmp(fault, "leak") == 0)
        lose();
    if (strcmp(fault, "overrun") == 0)
        block[size] = 1;
    tell_cost(strcmp(fault, "slower") == 0 ? 112 : 100);
    if (getenv("HOLES"))
        tell_holes(strcmp(fault, "fragments") == 0);
    puts(strcmp(fault, "tests") == 0 ? "9 passed, 1 failed" : "10 passed, 0 failed");
    free(block);
    return 0;
}
"""

# A server of one connection at a time: "load" touches a block; with FAULT=grow it keeps a megabyte.
SERVER = """
import os, socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
kept = []
while True:
    peer, _ = listener.accept()
    peer.recv(100)
    if os.environ.get("FAULT") == "grow":
        kept.append(b"x" * int(os.environ.get("GROW", 1 << 20)))
    peer.sendall(b"done")
    peer.close()
"""
LOAD = """
import socket, sys, time
end = time.monotonic() + 0.1
while time.monotonic() < end:
    peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    peer.sendall(b"load")
    peer.recv(10)
    peer.close()
    time.sleep(0.02)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("gate")
    compile_c(path, "program", PROGRAM, "-O0", "-fno-builtin")
    compile_c(path, "static", PROGRAM, "-O0", "-static")
    (path / "server.py").write_text(SERVER)
    (path / "load.py").write_text(LOAD)
    return path


def gate(env, *arguments, timeout=150, **options):
    return subprocess.run([SHALE, "gate", *map(str, arguments)], env=env, text=True, timeout=timeout,
                          capture_output=True, **options)


def plan_text(command, fault="", phases="", program="", limits=""):
    """A plan whose candidate is the baseline with a fault."""
    return f"""
version: 1
program:
  command: {json.dumps([str(word) for word in command])}
  timeout: 3s
{program}
baseline: {{allocator: system}}
candidate: {{allocator: system, name: faulty, environment: ['FAULT={fault}']}}
phases:
{phases}
limits: {{{limits}}}
"""


ONLY = {
    "smoke": "  leaks: {skip: true}\n  stress: {skip: true}\n  benchmark: {skip: true}\n"
             "  soak: {skip: true}\n",
    "leaks": "  smoke: {skip: true}\n  stress: {skip: true}\n  benchmark: {skip: true}\n"
             "  soak: {skip: true}\n",
    "benchmark": "  smoke: {skip: true}\n  leaks: {skip: true}\n  stress: {skip: true}\n"
                 "  soak: {skip: true}\n  benchmark: {pairs: 8, remedies: false}\n",
    "stress": "  smoke: {skip: true}\n  leaks: {skip: true}\n  benchmark: {skip: true}\n"
              "  soak: {skip: true}\n  stress: {cycles: 8}\n",
    "soak": "  smoke: {skip: true}\n  leaks: {skip: true}\n  benchmark: {skip: true}\n"
            "  stress: {skip: true}\n  soak: {duration: 4s}\n",
}


def hold(env, tmp_path, text, *arguments, **options):
    """Holds the gate over that plan; (exit status, the document, what was printed)."""
    plan = tmp_path / "plan.yaml"
    plan.write_text(text)
    done = gate(env, "--plan", plan, "--quiet", "--json", tmp_path / "gate.json", *arguments,
                **options)
    result = tmp_path / "gate.json"
    document = json.loads(result.read_text()) if result.exists() else None
    if document:
        schema = json.loads((SOURCE / "share/schema/gate.schema.json").read_text())
        jsonschema.validate(document, schema)
    return done.returncode, document, done.stdout + done.stderr


def finding(document, phase, metric):
    phases = {item["phase"]: item for item in document["phases"]}
    return next(item for item in phases[phase]["findings"] if item["metric"] == metric)


# ------------------------------------------------------------------------------ seeded faults

def test_equal_sides_are_not_no_go(mark, folder, tmp_path):
    phases = "  smoke: {runs: 1}\n  stress: {cycles: 8}\n  soak: {skip: true}\n" \
             "  benchmark: {pairs: 10}\n"
    status, document, said = hold(mark, tmp_path, plan_text([folder / "program"], phases=phases))
    assert status in ENOUGH, said
    assert document["complete"] and document["reason"] in said
    assert document["candidate"]["verified"]["allocator"] == "system"
    assert document["baseline"]["verified"]["verdict"] == "ACTIVE"
    assert finding(document, "leaks", "definitely_lost_bytes")["value"] == 0
    assert finding(document, "leaks", "invalid_accesses")["value"] == 0


def test_smoke_says_what_rate_of_crashes_it_excludes(mark, folder, tmp_path):
    text = plan_text([folder / "program"], "", ONLY["smoke"] + "  smoke: {runs: 30, command: 'true'}\n")
    status, document, said = hold(mark, tmp_path, text)
    assert status == GO, said
    note = next(item["note"] for item in document["phases"] if item["phase"] == "smoke")
    assert note == "No crash in 30 runs: a rate of more than 1 in 10 is excluded at 95 %."


@pytest.mark.parametrize("fault, metric", [("slow", "cpu_s"), ("memory", "rss_peak_bytes")])
def test_figures_beyond_the_limit_are_no_go(mark, folder, tmp_path, fault, metric):
    status, document, said = hold(
        mark, tmp_path, plan_text([folder / "program"], fault, ONLY["benchmark"]))
    assert status == NO_GO, said
    found = finding(document, "benchmark", metric)
    assert found["verdict"] == "NO-GO" and found["low"] > found["fail"]
    assert "(faulty)" in document["candidate"]["label"]


def test_twelve_per_cent_slower_is_no_go(mark, folder, tmp_path):
    metrics = "  metrics: [{name: cost, pattern: 'cost ([0-9.]+)'}]\n"
    text = plan_text([folder / "program"], "slower", ONLY["benchmark"], metrics)
    status, document, said = hold(mark, tmp_path, text)
    assert status == NO_GO, said
    found = finding(document, "benchmark", "cost")
    assert found["verdict"] == "NO-GO" and found["value"] == pytest.approx(0.12, abs=0.01)


def test_fragmentation_is_judged_as_it_is(mark, folder, tmp_path):
    program = "  environment: ['HOLES=1']\n  metrics: [{name: holes, kind: fragmentation, " \
              "pattern: 'resident/used ([0-9.]+)'}]\n"
    text = plan_text([folder / "program"], "fragments", ONLY["benchmark"], program)
    document = hold(mark, tmp_path, text)[1]
    found = finding(document, "benchmark", "holes")
    assert found["verdict"] == "CONDITIONAL GO" and found["value"] > 2
    text = plan_text([folder / "program"], "fragments", ONLY["benchmark"], program,
                     "fragmentation: {warn: 15, fail: 50}")
    status, document, said = hold(mark, tmp_path, text)
    assert status == NO_GO, said
    assert "holes" in document["reason"]
    document = hold(mark, tmp_path, text.replace("FAULT=fragments", "FAULT="))[1]
    assert finding(document, "benchmark", "holes")["verdict"] == "GO"


@pytest.mark.parametrize("phase", ["smoke", "benchmark"])
def test_crash_is_no_go_wherever_it_shows(mark, folder, tmp_path, phase):
    text = plan_text([folder / "program"], "crash", ONLY[phase])
    status, document, said = hold(mark, tmp_path, text)
    assert status == NO_GO, said
    assert finding(document, "start", "runs")["verdict"] == "NO-GO"
    assert "signal 11" in document["reason"]


def test_crash_now_and_then_is_found_by_the_tests(mark, folder, tmp_path):
    """The program itself is well; of the runs of its tests one in ten crashes."""
    count = tmp_path / "count"
    command = (f"echo x >>{count}; [ \"$FAULT\" != rare ] || "
               f"[ $(wc -l <{count}) -ne 15 ] || kill -SEGV $$")
    text = plan_text([folder / "program"], "rare",
                     ONLY["smoke"] + f"  smoke: {{runs: 10, command: {json.dumps(command)}}}\n")
    status, document, said = hold(mark, tmp_path, text)
    assert status == NO_GO, said
    assert finding(document, "smoke", "crashes")["value"] == 1


def test_tests_that_fail_under_the_candidate_only(mark, folder, tmp_path):
    smoke = f"  smoke: {{runs: 1, command: '{folder}/program', passed: '([0-9]+) passed', " \
            "failed: '([0-9]+) failed'}\n"
    text = plan_text([folder / "program"], "tests", ONLY["smoke"] + smoke)
    status, document, said = hold(mark, tmp_path, text)
    assert status == NO_GO, said
    assert finding(document, "smoke", "tests")["value"] == pytest.approx(0.1)
    text = plan_text([folder / "program"], "tests", ONLY["smoke"] + smoke,
                     limits="tests: {warn: 0, fail: 20}")
    assert hold(mark, tmp_path, text)[0] == CONDITIONAL


def test_hang_is_no_go(mark, folder, tmp_path):
    text = plan_text([folder / "program"], "hang", ONLY["smoke"])
    status, document, said = hold(mark, tmp_path, text)
    assert status == NO_GO, said
    assert "took longer than 3 s" in document["reason"]


@pytest.mark.parametrize("fault, metric", [("leak", "definitely_lost_bytes"),
                                           ("overrun", "invalid_accesses")])
def test_memcheck_finds_what_the_program_does(mark, folder, tmp_path, fault, metric):
    """Both sides run the same program: it is a condition, and told. (A side of its own: NO-GO.)"""
    text = plan_text([folder / "program"], "", ONLY["leaks"]).replace(
        "  timeout: 3s", f"  timeout: 30s\n  environment: ['FAULT={fault}']").replace(
        "environment: ['FAULT=']", "environment: []")
    status, document, said = hold(mark, tmp_path, text)
    assert status == CONDITIONAL, said
    assert finding(document, "leaks", metric)["value"] > 0


def test_candidate_that_never_becomes_active_is_no_go(mark, folder, tmp_path):
    """A static program takes no preload, and nobody says so at run time."""
    result = tmp_path / "gate.json"
    done = gate(mark, "-b", "system", "-c", "jemalloc", "--quiet", "--only", "smoke", "--json",
                result, "--", folder / "static")
    assert done.returncode == NO_GO, done.stderr
    document = json.loads(result.read_text())
    assert "cannot become active" in document["reason"] and "static" in document["reason"]
    assert document["candidate"]["verified"]["verdict"] != "ACTIVE"


@pytest.fixture
def server(folder):
    import socket
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    return (["python3", str(folder / "server.py"), str(port)],
            f"  ready: TCP:{port}\n  load: python3 {folder}/load.py {port}\n")


@pytest.mark.parametrize("phase", ["stress", "soak"])
def test_growth_under_load_is_no_go(mark, tmp_path, server, phase):
    command, program = server
    text = plan_text(command, "grow", ONLY[phase], program)
    status, document, said = hold(mark, tmp_path, text)
    assert status == NO_GO, said
    assert finding(document, phase, "growth")["low"] > finding(document, phase, "growth")["fail"]


@pytest.mark.parametrize("phase", ["stress", "soak"])
def test_server_that_stays_as_it_is_passes(mark, tmp_path, server, phase):
    command, program = server
    status, document, said = hold(mark, tmp_path,
                                  plan_text(command, "", ONLY[phase], program))
    assert status in (GO, CONDITIONAL), said
    if phase == "soak":
        note = next(item["note"] for item in document["phases"] if item["phase"] == "soak")
        assert "tells growth to within" in note


# ---------------------------------------------------------------------------------- remedies

def test_setting_that_helps_makes_it_conditional(mark, folder, tmp_path):
    """A program that takes twice the memory unless jemalloc is told to purge at once."""
    wrapper = tmp_path / "wrapper.sh"
    wrapper.write_text(f"""#!/bin/sh
case $LD_PRELOAD:$MALLOC_CONF in
*jemalloc*dirty_decay_ms:0*) ;;
*jemalloc*) export FAULT=memory ;;
esac
exec {folder}/program
""")
    wrapper.chmod(0o755)
    text = plan_text([wrapper], "", ONLY["benchmark"]).replace(
        "{allocator: system, name: faulty, environment: ['FAULT=']}",
        "{allocator: jemalloc}").replace("remedies: false", "remedies: true")
    status, document, said = hold(mark, tmp_path, text)
    assert status == CONDITIONAL, said
    assert "dirty_decay_ms:0" in document["reason"]
    verdicts = {item["setting"]: item["verdict"] for item in document["remedies"]}
    assert verdicts["MALLOC_CONF=narenas:2"] == "NO-GO"


# -------------------------------------------------------------------------- bad input and ends

def refused(env, status, says, *arguments):
    done = gate(env, *arguments)
    assert done.returncode == status, done.stderr
    assert says in done.stderr and done.stdout == ""


def test_bad_arguments(mark, tmp_path):
    sides = ["-b", "system", "-c", "jemalloc"]
    refused(mark, USAGE, "there is no program")
    refused(mark, USAGE, "there is no baseline", "--", "true")
    refused(mark, USAGE, "there is no candidate", "-b", "system", "--", "true")
    refused(mark, USAGE, "pairs is not between", *sides, "--pairs", "0", "--", "true")
    refused(mark, USAGE, "there is no phase 'tests'", *sides, "--skip", "tests", "--", "true")
    refused(mark, USAGE, "'soon' is no time", *sides, "--soak", "soon", "--", "true")
    refused(mark, USAGE, "a load needs `ready`", *sides, "--load", "true", "--", "true")
    refused(mark, USAGE, "two reports", *sides, "--json", "-", "--html", "-", "--", "true")
    refused(mark, USAGE, "--resume needs --json", *sides, "--resume", "--", "true")
    refused(mark, USAGE, "names no allocator", "-b", "system", "-c", "A=1", "--", "true")
    refused(mark, USAGE, "LD_PRELOAD is what", "-b", "system", "-c", "LD_PRELOAD=x system", "--",
            "true")
    refused(mark, UNAVAILABLE, "cannot use 'mimalloc@0.1'", "-b", "system", "-c", "mimalloc@0.1",
            "--", "true")
    refused(mark, UNAVAILABLE, "cannot use 'nosuch'", "-b", "system", "-c", "nosuch", "--", "true")
    refused(mark, DATA, "cannot run '/nonexistent/program'", *sides, "--", "/nonexistent/program")


def test_bad_plans_are_never_go(mark, tmp_path):
    plan = tmp_path / "plan.yaml"
    refused(mark, DATA, "No such file", "--plan", plan)
    for text, says in [("", "there is no plan"), ("version: 1\nlimit: {}\n", "limit"),
                       ("\0\1garbage", "cannot read the plan")]:
        plan.write_text(text)
        refused(mark, DATA, says, "--plan", plan)


def test_baseline_that_does_not_run_is_no_verdict(mark, folder, tmp_path):
    done = gate({**mark, "FAULT": "crash"}, "-b", "system", "-c", "jemalloc", "--quiet", "--",
                folder / "program")
    assert done.returncode == DATA
    assert "under the baseline" in done.stderr and "signal 11" in done.stderr


def test_missing_tool_is_named(mark, folder, tmp_path):
    done = gate({**mark, "PATH": "/nonexistent"}, "-b", "system", "-c", "jemalloc", "--quiet",
                "--only", "leaks", "--", folder / "program")
    assert done.returncode == UNAVAILABLE
    assert "valgrind is not installed" in done.stderr and "--skip leaks" in done.stderr


def test_full_disk_is_said_before_the_work(mark, folder):
    began = time.monotonic()
    done = gate(mark, "-b", "system", "-c", "jemalloc", "--json", "/proc/none/gate.json", "--",
                folder / "program")
    assert done.returncode == 74 and time.monotonic() - began < 2


# ------------------------------------------------------------------------- interrupted, resumed

def test_interrupted_gate_goes_on_where_it_was(mark, folder, tmp_path):
    phases = "  smoke: {runs: 1}\n  leaks: {skip: true}\n  stress: {skip: true}\n" \
             "  benchmark: {skip: true}\n  soak: {duration: 30s}\n"
    plan = tmp_path / "plan.yaml"
    plan.write_text(plan_text([folder / "program"], phases=phases))
    result = tmp_path / "gate.json"
    process = subprocess.Popen([SHALE, "gate", "--plan", plan, "--json", result], env=mark,
                               stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if line.startswith("soak:"):
            break
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    assert "--resume" in process.stderr.read()
    document = json.loads(result.read_text())
    assert document["verdict"] is None and not document["complete"]
    kept = [item for item in document["phases"] if item["phase"] == "smoke"]
    other = tmp_path / "other.yaml"
    other.write_text(plan.read_text().replace("30s", "31s"))
    refused(mark, DATA, "another plan", "--plan", other, "--json", result, "--resume", "--quiet")
    text = plan.read_text().replace("duration: 30s", "duration: 2s")
    plan.write_text(text)
    document["plan"]["soak_s"] = 2.0
    result.write_text(json.dumps(document))
    done = gate(mark, "--plan", plan, "--json", result, "--resume", "--quiet")
    assert done.returncode in (GO, CONDITIONAL), done.stderr
    document = json.loads(result.read_text())
    assert document["complete"]
    assert [item for item in document["phases"] if item["phase"] == "smoke"] == kept


@pytest.mark.parametrize("text", ["", "garbage", "[]", '{"schema": 1}',
                                  '{"schema": 1, "phases": [1, 2, 3, 4, 5, 6]}'])
def test_garbage_is_not_resumed(mark, folder, tmp_path, text):
    result = tmp_path / "gate.json"
    result.write_text(text)
    refused(mark, DATA, "cannot resume", "-b", "system", "-c", "jemalloc", "--only", "smoke",
            "--json", result, "--resume", "--quiet", "--", folder / "program")


# ---------------------------------------------------------------------------------- reports

def test_reports_agree(mark, folder, tmp_path):
    paths = {name: tmp_path / f"gate.{name}" for name in
             ("json", "junit", "markdown", "html", "prometheus")}
    plan = tmp_path / "plan.yaml"
    plan.write_text(plan_text([folder / "program"], "memory", ONLY["benchmark"]))
    arguments = [word for name, path in paths.items() for word in (f"--{name}", path)]
    done = gate(mark, "--plan", plan, "--quiet", "--github", *arguments)
    assert done.returncode == NO_GO, done.stderr
    suites = xml.etree.ElementTree.parse(paths["junit"]).getroot()
    failures = [case.get("name") for case in suites.iter("testcase") if case.find("failure") is not None]
    assert "rss_peak_bytes" in failures
    assert sum(int(suite.get("failures")) for suite in suites) == len(failures)
    assert "## Gate: NO-GO" in paths["markdown"].read_text()
    html = paths["html"].read_text()
    assert "<h1><span class=\"v3\">NO-GO</span></h1>" in html
    assert "http" not in html and "<script" not in html
    assert 'verdict="NO-GO"} 1' in paths["prometheus"].read_text()
    assert "::error title=shale gate, benchmark: peak RSS::" in done.stdout
    assert "NO-GO: benchmark" in done.stdout


def test_init_writes_a_plan_that_is_accepted(mark, folder, tmp_path):
    plan = tmp_path / "plan.yaml"
    assert gate(mark, "--init", plan, "-b", "system", "-c", "jemalloc", "--",
                folder / "program").returncode == 0
    done = gate(mark, "--plan", plan, "--only", "smoke", "--quiet")
    assert done.returncode == GO, done.stderr


def test_two_settings_of_one_allocator_are_told_apart(mark, folder, tmp_path):
    result = tmp_path / "gate.json"
    done = gate(mark, "-b", "system", "-c", "FAULT=memory system", "--only", "benchmark", "--pairs",
                "8", "--quiet", "--json", result, "--", folder / "program")
    assert done.returncode == NO_GO, done.stderr
    document = json.loads(result.read_text())
    assert document["candidate"]["label"].endswith("(FAULT=memory)")
    assert document["plan"]["candidate"]["environment"] == ["FAULT=memory"]
    assert finding(document, "benchmark", "rss_peak_bytes")["verdict"] == "NO-GO"


@pytest.mark.parametrize("kind", ["name", "version", "path", "shale"])
def test_candidate_is_what_was_asked_for(mark, folder, tmp_path, kind):
    """A name, a version, a path, and our own: each is proven in the document."""
    item = next(item for item in allocators() if item["name"] == "mimalloc" and item["loadable"])
    request, name = {"name": ("jemalloc", "jemalloc"), "shale": ("shale", "shale"),
                     "version": (f"mimalloc@{item['version']}", "mimalloc"),
                     "path": (item["path"], "mimalloc")}[kind]
    result = tmp_path / "gate.json"
    done = gate(mark, "-b", "system", "-c", request, "--only", "smoke", "--quiet", "--json", result,
                "--", folder / "program")
    assert done.returncode == GO, done.stderr
    verified = json.loads(result.read_text())["candidate"]["verified"]
    assert (verified["verdict"], verified["allocator"]) == ("ACTIVE", name)
    if kind in ("version", "path"):
        assert verified["version"] == item["version"]


def test_two_builds_are_told_apart(mark, folder, tmp_path):
    done = gate(mark, "-b", "system", "--baseline-cmd", f"{folder}/program", "--candidate-cmd",
                f"env FAULT=memory {folder}/program", "--only", "benchmark", "--pairs", "8",
                "--quiet")
    assert done.returncode == NO_GO, done.stderr
    assert "peak RSS" in done.stdout


def test_rollback_tells_the_steps(mark):
    done = gate(mark, "--rollback-to", "system", "-c", "jemalloc")
    assert done.returncode == 0
    assert "libjemalloc.so.2 from LD_PRELOAD" in done.stdout
    assert "shale verify --expect system PID" in done.stdout
