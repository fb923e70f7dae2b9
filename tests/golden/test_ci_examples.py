# SPDX-License-Identifier: MIT
"""The examples for CI services: they are what those services read, and what they call exists."""
import pathlib
import re
import shlex
import subprocess

import jsonschema
import pytest
import yaml

from programs import SHALE, SOURCE, shale

FOLDER = SOURCE / "examples/ci"

# What of the services' own formats is used here, and nothing else.
STEP = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"name": {"type": "string"}, "run": {"type": "string"}, "if": {"type": "string"},
                   "uses": {"type": "string", "pattern": r"^actions/[a-z-]+@v\d+$"},
                   "with": {"type": "object", "additionalProperties": {"type": "string"}}},
    "oneOf": [{"required": ["run"]}, {"required": ["uses"]}],
}
GITHUB = {
    "type": "object",
    "required": ["name", "on", "jobs"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string"}, "on": {"type": "object"},
        "permissions": {"type": "object", "additionalProperties": {"enum": ["read", "write"]}},
        "jobs": {"type": "object", "minProperties": 1, "additionalProperties": {
            "type": "object",
            "required": ["runs-on", "steps"],
            "additionalProperties": False,
            "properties": {"runs-on": {"type": "string"}, "timeout-minutes": {"type": "integer"},
                           "steps": {"type": "array", "items": STEP, "minItems": 1}}}},
    },
}
PATHS = {"type": "array", "items": {"type": "string"}, "minItems": 1}
GITLAB = {
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "required": ["script"],
        "additionalProperties": False,
        "properties": {
            "image": {"type": "string"}, "stage": {"type": "string"}, "timeout": {"type": "string"},
            "rules": {"type": "array", "items": {"type": "object", "required": ["if"]}},
            "cache": {"type": "object", "properties": {"key": {"type": "string"}, "paths": PATHS}},
            "script": PATHS,
            "allow_failure": {"type": "object", "properties": {
                "exit_codes": {"type": "array", "items": {"type": "integer"}}}},
            "artifacts": {"type": "object", "properties": {
                "when": {"enum": ["always", "on_success", "on_failure"]}, "paths": PATHS,
                "reports": {"type": "object", "properties": {"junit": {"type": "string"}}}}},
        },
    },
}


class Strict(yaml.SafeLoader):
    """YAML 1.2's truths, as both services have them: `on` is a word."""


Strict.yaml_implicit_resolvers = {
    first: [(tag, regex) for tag, regex in pairs if tag != "tag:yaml.org,2002:bool"]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()}


def load(name):
    return yaml.load((FOLDER / name).read_text(), Strict)


def scripts(name):
    """Every text of the file that a shell runs."""
    document = load(name)
    if name == "gitlab-ci.yml":
        return [line for job in document.values() for line in job["script"]]
    return [step["run"] for job in document["jobs"].values() for step in job["steps"] if "run" in step]


@pytest.mark.parametrize("name, schema", [("github-actions.yml", GITHUB), ("gitlab-ci.yml", GITLAB)])
def test_is_what_the_service_reads(name, schema):
    jsonschema.validate(load(name), schema)


@pytest.mark.parametrize("name", ["github-actions.yml", "gitlab-ci.yml"])
def test_what_it_calls_is_there(name):
    known = set(re.findall(r"--[a-z][\w-]*", shale("help", "gate").stdout))
    called = 0
    for script in scripts(name):
        assert subprocess.run(["sh", "-n"], input=script, text=True, check=False).returncode == 0
        for line in script.replace("\\\n", " ").splitlines():
            match = re.search(r"shale gate .*", line)
            if not match:
                continue
            words = shlex.split(match.group().split("||")[0])
            called += 1
            assert {word for word in words if word.startswith("--")} <= known
            assert (SOURCE / words[words.index("--plan") + 1]).exists()
    assert called == 1


@pytest.mark.parametrize("plan", ["examples/ci/gate.yaml"])
def test_plan_is_accepted(plan, tmp_path):
    """Whether it is well formed; what it says is held by .ci/run."""
    done = subprocess.run([SHALE, "gate", "--plan", plan, "--only", "smoke", "--quick", "--quiet",
                           "--no-history", "-c", "jemalloc"], cwd=SOURCE, text=True,
                          capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_ci_holds_the_gate():
    """The project takes its own advice."""
    assert "tools/ci-gate.sh" in (SOURCE / ".ci/run").read_text()
    assert "examples/ci/gate.yaml" in pathlib.Path(SOURCE / "tools/ci-gate.sh").read_text()
