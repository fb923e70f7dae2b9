# SPDX-License-Identifier: MIT
"""Help, manual pages, completion and reference: all made from the command tables."""
import os
import re
import shutil
import subprocess

import pytest

from programs import BUILD, SHALE, shale

TOOLS = BUILD / "tools"
REFERENCE = BUILD / "docs" / "reference" / "cli.md"


def command_names():
    listing = shale("help").stdout.split("Commands:\n")[1].split("\n\n")[0]
    return re.findall(r"^  (\S+)", listing, re.M)


COMMANDS = command_names()


def option_names(command):
    listing = shale("help", command).stdout.split("\nOptions:\n")[1].split("\n\n")[0]
    return re.findall(r"^ +(?:-\w, )?(--[\w-]+)", listing, re.M)


def test_tables_are_complete():
    result = subprocess.run([TOOLS / "cli-docs", "check"], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")


# Help


def test_overview_lists_commands_in_80_columns():
    result = shale("help")
    assert result.returncode == 0
    assert result.stdout.startswith("Usage: shale COMMAND ")
    assert {"run", "doctor"} <= set(COMMANDS)
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert shale("--help").stdout == result.stdout


def test_no_command_shows_the_overview_as_an_error():
    result = shale()
    assert (result.returncode, result.stdout) == (64, "")
    assert result.stderr == shale("help").stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_has_all_parts_in_80_columns(command):
    text = shale("help", command).stdout
    assert text == shale(command, "--help").stdout == shale(command, "-h").stdout
    headings = [part for part in ["Usage: ", "\nOptions:\n", "\nExit status:\n", "\nExamples:\n"]
                if part not in text]
    assert headings == []
    # What is meant to be typed is not wrapped: usage and example lines may be longer.
    body = text.split("\n\n", 1)[1].split("\nExamples:\n")[0]
    assert [line for line in body.splitlines() if len(line) > 80] == []
    assert not re.search(r"[ \t]+$", text, re.M)


@pytest.mark.parametrize("word, nearest", [("rn", "run"), ("docter", "doctor"), ("helpp", None)])
def test_unknown_command_names_the_nearest(word, nearest):
    result = shale(word)
    assert (result.returncode, result.stdout) == (64, "")
    hint = f"did you mean '{nearest}'?" if nearest else "'shale help' lists them"
    assert result.stderr == f"shale: there is no command '{word}'; {hint}\n"
    assert shale("help", word).stderr == result.stderr


def test_full_device_is_an_error():
    with open("/dev/full", "w") as full:
        result = shale("help", "run", stdout=full, stderr=subprocess.PIPE, capture_output=False)
    assert result.returncode == 74
    assert "No space left on device" in result.stderr


# Manual pages


@pytest.mark.parametrize("page", ["shale"] + [f"shale-{name}" for name in COMMANDS])
def test_manual_page_is_clean(page):
    path = TOOLS / "man1" / f"{page}.1"
    result = subprocess.run(["mandoc", "-T", "lint", path], capture_output=True, text=True)
    # Pages that this build has made, but that are not installed, are not found.
    complaints = [line for line in result.stdout.splitlines()
                  if "referenced manual not found: Xr shale" not in line]
    assert complaints == []


@pytest.mark.parametrize("command", COMMANDS)
def test_manual_page_and_reference_tell_every_option(command):
    page = subprocess.run(["mandoc", "-T", "utf8", TOOLS / "man1" / f"shale-{command}.1"],
                          capture_output=True, text=True, check=True).stdout
    page = re.sub(".\b", "", page)
    section = REFERENCE.read_text().split(f"\n## shale {command}\n")[1].split("\n## ")[0]
    options = option_names(command)
    assert "--help" in options
    for option in options:
        assert option in page
        assert f"{option}`" in section or f"{option}=" in section


# Completion


@pytest.mark.parametrize("shell, script", [("bash", "shale"), ("zsh", "_shale"),
                                           ("fish", "shale.fish")])
def test_completion_is_sound(shell, script):
    result = subprocess.run([shell, "-n", TOOLS / script], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")


def complete_in_bash(*words):
    """What bash would offer for the last of the words."""
    script = f"""
        source {TOOLS / 'shale'}
        [[ $(complete -p shale) == *'-F _shale shale' ]] || exit 9
        COMP_WORDS=("$@")
        COMP_CWORD=$(($# - 1))
        _shale
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    path = os.path.dirname(SHALE) + ":" + os.environ["PATH"]
    result = subprocess.run(["bash", "-c", script, "bash", *words], capture_output=True, text=True,
                            env=dict(os.environ) | {"PATH": path}, timeout=60)
    assert result.returncode == 0, result.stderr
    return set(result.stdout.split())


def test_bash_completes_commands():
    assert complete_in_bash("shale", "") == {*COMMANDS, "help", "--help", "--version"}
    assert complete_in_bash("shale", "ru") == {"run"}
    assert complete_in_bash("shale", "help", "do") == {"doctor"}


@pytest.mark.parametrize("command", COMMANDS)
def test_bash_completes_every_option(command):
    assert complete_in_bash("shale", command, "--") == set(option_names(command))


def test_bash_completes_allocators_and_programs():
    found = complete_in_bash("shale", "run", "--allocator", "")
    assert {"system", "mimalloc", "jemalloc"} <= found
    assert any(word.startswith("mimalloc@") for word in found)
    assert complete_in_bash("shale", "run", "--allocator", "=", "jem") >= {"jemalloc"}
    assert "sha256sum" in complete_in_bash("shale", "run", "-a", "system", "--", "sha256")
    assert "sha256sum" in complete_in_bash("shale", "run", "-a", "system", "sha256")


def test_bash_offers_nothing_after_the_value_of_an_option():
    assert complete_in_bash("shale", "run", "--env", "") == set()


@pytest.mark.parametrize("command, wanted", [
    ("complete -C 'shale ru'", "run"),
    ("complete -C 'shale run --alloc'", "--allocator"),
    ("complete -C 'shale run --allocator jem'", "jemalloc"),
])
def test_fish_completes(command, wanted):
    path = os.path.dirname(SHALE) + ":" + os.environ["PATH"]
    result = subprocess.run(["fish", "--no-config", "-c",
                             f"source {TOOLS / 'shale.fish'}; {command}"],
                            capture_output=True, text=True, timeout=60,
                            env=dict(os.environ) | {"PATH": path})
    assert wanted in result.stdout.split(), result.stderr


def test_generated_files_are_installed(tmp_path):
    subprocess.run([shutil.which("meson"), "install", "-C", BUILD, "--destdir", tmp_path,
                    "--no-rebuild", "--quiet"], check=True, stdout=subprocess.DEVNULL)
    for pattern in ["**/man/man1/shale-run.1", "**/bash-completion/completions/shale",
                    "**/zsh/site-functions/_shale", "**/fish/vendor_completions.d/shale.fish",
                    "**/doc/shale/reference/cli.md"]:
        assert len(list(tmp_path.glob(pattern))) == 1, pattern
