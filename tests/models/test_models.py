# SPDX-License-Identifier: MIT
"""Checks every Promela model: the good form holds, and each broken form is found out.

A model's header names its forms: `good:` with the macros of the right one, `broken: NAME` for each
macro that takes a necessary step away. A broken form that passes means that the model does not model.
"""
import pathlib
import re
import shutil
import subprocess

import pytest

HERE = pathlib.Path(__file__).parent
MODELS = sorted(HERE.glob("*.pml"))


def forms():
    for model in MODELS:
        text = model.read_text(encoding="ascii")
        yield model, "", True
        names = re.findall(r"^ \* broken: (\w+)", text, re.MULTILINE)
        assert names, f"{model.name} names no broken form"
        for name in names:
            assert f"ifdef {name}" in text or f"ifndef {name}" in text, f"{model.name}: {name}"
            yield model, name, False


def run(command, folder):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120,
                          check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def errors(model, macro, folder):
    run(["spin", "-a", *([f"-D{macro}"] if macro else []), str(model)], folder)
    run(["cc", "-O0", "-w", "-DSAFETY", "-o", "pan", "pan.c"], folder)
    report = run(["./pan", "-m200000", "-w18"], folder)
    assert "max search depth too small" not in report, report
    return int(re.search(r"errors: (\d+)", report).group(1)), report


@pytest.mark.parametrize("model,macro,holds", forms(),
                         ids=lambda value: getattr(value, "stem", str(value)) or "good")
def test_model(model, macro, holds, tmp_path):
    assert shutil.which("spin"), "spin is missing: ./x setup --test"
    found, report = errors(model, macro, tmp_path)
    if holds:
        assert found == 0, report
    else:
        assert found > 0, f"{model.name} with {macro} should fail:\n{report}"
