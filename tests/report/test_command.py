# SPDX-License-Identifier: MIT
"""`shale report` on profiles of real programs."""
import gzip
import json
import re
import subprocess

import jsonschema
import pytest

from programs import SOURCE, shale

SCHEMA = json.loads((SOURCE / "share/schema/profile.schema.json").read_text())
SQL = ("create table t(a integer primary key, b text);"
       "with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000)"
       " insert into t select i, hex(randomblob(40)) from n; create index x on t(b);"
       "select count(*) from t where b > 'A';")
PROGRAMS = {
    "sqlite3": ["sqlite3", ":memory:", SQL],
    "python3": ["/usr/bin/python3", "-c",
                "import json; print(len(json.dumps([{str(i): i} for i in range(3000)])))"],
    "gcc": ["gcc", "-O1", "-xc", "-c", "-o", "/dev/null", "/dev/stdin"],
}
C_SOURCE = "#include <stdio.h>\nint main(void) { return printf(\"%d\\n\", 1) < 0; }\n"


@pytest.fixture(scope="module", params=PROGRAMS)
def profile(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    done = shale("profile", "--mode", "full", "-o", folder / "%p.shprof", "--quiet", "--",
                 *PROGRAMS[request.param], input=C_SOURCE, timeout=120)
    assert done.returncode == 0, done.stderr
    files = sorted(folder.glob("*.shprof"), key=lambda path: path.stat().st_size)
    return request.param, files[-1]


def report(path, *options):
    done = shale("report", *options, path, timeout=120)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def test_json_of_a_real_program(profile):
    name, path = profile
    document = json.loads(report(path, "--json"))
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    totals = document["totals"]
    assert totals["allocations"] > 500
    assert sum(site["allocations"] for site in document["sites"]) == totals["allocations"]
    assert sum(site["allocated_bytes"] for site in document["sites"]) == totals["allocated_bytes"]
    functions = {line["function"] for frame in document["frames"] for line in frame["lines"]}
    assert len(functions) > 10


def test_every_format_of_a_real_program(profile, tmp_path):
    _, path = profile
    assert "Totals\n" in report(path)
    assert "shale_heap_allocations_total" in report(path, "--no-symbols", "--prometheus")
    assert report(path, "--no-symbols", "--openmetrics").endswith("# EOF\n")
    assert json.loads(report(path, "--no-symbols", "--speedscope"))["profiles"]
    assert re.search(r";.* \d+$", report(path, "--flame"), re.M)
    assert report(path, "--no-symbols", "--csv", "--table", "timeline").startswith("time_ns,")
    out = tmp_path / "out.pb.gz"
    report(path, "--no-symbols", "--pprof", "-o", out)
    assert b"alloc_space" in gzip.decompress(out.read_bytes())
    page = tmp_path / "out.html"
    report(path, "--no-symbols", "--html", "-o", page)
    assert page.read_text().count("</script>") == 2


def test_two_runs_of_one_program_differ_little(profile):
    _, path = profile
    done = shale("report", "--no-symbols", "--diff", path, path)
    assert done.returncode == 0 and "\n  none\n" in done.stdout


def test_what_is_no_profile_is_told(tmp_path):
    path = tmp_path / "text"
    path.write_text("no profile\n" * 100)
    done = shale("report", path)
    assert (done.returncode, done.stdout) == (65, "") and f"cannot read '{path}'" in done.stderr
    done = shale("report", tmp_path / "missing")
    assert done.returncode == 69


@pytest.mark.parametrize("options", [["--html", "--json", "f"], ["--diff", "f"], ["f", "g"], [],
                                     ["--table", "sites", "f"], ["--weight", "none", "f"],
                                     ["--csv", "--table", "none", "f"], ["--diff", "--html", "f", "g"]])
def test_wrong_arguments(options):
    done = shale("report", *options)
    assert done.returncode == 64 and "shale report" in done.stderr
