# SPDX-License-Identifier: MIT
"""shale doctor: its output and exit status; the checks themselves are unit tests."""
import json
import re

import jsonschema
import pytest

from programs import SOURCE, compile_c, installed, shale

SCHEMA = json.loads((SOURCE / "share/schema/doctor.schema.json").read_text())


def examine(*arguments, **options):
    result = shale("doctor", "--json", *arguments, **options)
    assert result.stderr == ""
    found = json.loads(result.stdout)
    jsonschema.validate(found, SCHEMA)
    return result.returncode, {check["name"]: check for check in found["checks"]}


def test_machine_can_prove_programs():
    status, checks = examine()
    assert status == 0
    assert checks["proof"]["state"] == "ok"
    assert checks["allocators"]["state"] == "ok"
    assert all(check["subject"] == "machine" for check in checks.values())
    for check in checks.values():
        assert (check["state"] == "ok") == (check["meaning"] is None)


def test_text_shows_every_check_and_the_counts():
    text = shale("doctor", "--", "true").stdout
    shown = re.findall(r"^(?:ok  |warn|fail)  (\S+(?: \S+)?)", text, re.M)
    _, checks = examine("true")
    assert [name.split("  ")[0] for name in shown] == list(checks)
    assert max(map(len, text.splitlines())) <= 80
    counts = [sum(check["state"] == state for check in checks.values())
              for state in ["ok", "warn", "fail"]]
    assert abs(int(re.search(r"^(\d+) ok", text, re.M)[1]) - counts[0]) <= 1  # noise may change
    assert text.endswith(f" {counts[2]} that will not work\n")


def test_options_after_the_program_are_its_own():
    status, checks = examine("redis-server", "--json", "--frobnicate")
    assert status == 0
    assert checks["preloading"]["state"] == "ok"


def test_missing_program_fails():
    status, checks = examine("--", "no-such-program")
    assert status == 1
    assert checks["executable"]["state"] == "fail"
    assert "No such file or directory" in checks["executable"]["found"]


@pytest.mark.parametrize("flags, source, word", [
    (["-static"], "int main(void){return 0;}", "statically"),
    (["-rdynamic"], "#include <stddef.h>\nvoid *malloc(size_t n){return NULL;} void free(void *p){}"
                    "int main(void){return 0;}", "malloc"),
])
def test_program_that_cannot_be_preloaded_fails(tmp_path, flags, source, word):
    status, checks = examine("--", compile_c(tmp_path, "program", source, "-w", *flags))
    assert status == 1
    assert checks["preloading"]["state"] == "fail"
    assert word in checks["preloading"]["found"]
    assert checks["preloading"]["advice"]


def test_python_has_a_heap_of_its_own():
    _, checks = examine("/usr/bin/python3")
    assert checks["own heap"]["state"] == "warn"
    assert "pymalloc" in checks["own heap"]["found"]


def test_environment_that_changes_allocators_is_named():
    _, checks = examine(env={"MALLOC_ARENA_MAX": "1", "LD_PRELOAD": installed("jemalloc")})
    assert checks["environment"]["state"] == "warn"
    assert "MALLOC_ARENA_MAX" in checks["environment"]["found"]
    assert "LD_PRELOAD" in checks["environment"]["found"]
