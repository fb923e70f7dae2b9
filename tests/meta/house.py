# SPDX-License-Identifier: MIT
"""What every file must look like: headers, lengths, words, links, registration."""
import re

SIZE_MAX = 256 * 1024
FILE_LINES = {"hard": 600, "soft": 450}
FUNCTION_LINES = {"hard": 90, "soft": 40}
REQUIRED = ["README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md",
            ".clang-format", ".clang-tidy", ".editorconfig", ".gitignore", ".ci/run", "x",
            "meson.build"]
GENERATED = re.compile(
    r"\.(o|a|so|pyc|gcda|gcno|class|min\.js|log|orig|rej|swp)$|\.so\.\d|(^|/)compile_commands\.json$|"
    r"(^|/)(build|node_modules|__pycache__)(/|$)|(^|/)\.DS_Store$|~$")
# In pieces, so that this file holds none of them.
HOSTS = [".".join(parts) for parts in (
    ("deb", "debian", "org"), ("ftp", "debian", "org"), ("snapshot", "debian", "org"),
    ("archive", "ubuntu", "com"), ("pypi", "org"), ("files", "pythonhosted", "org"),
    ("registry", "npmjs", "org"), ("registry", "yarnpkg", "com"), ("crates", "io"),
    ("proxy", "golang", "org"), ("ghcr", "io"), ("docker", "io"))]
WORDS = re.compile("|".join([re.escape(host) for host in HOSTS] +
                            [rf"(?<![\w.<>{{}}$%-])/{top}/[\w.-]" for top in ("work", "home")] +
                            [r"(?<![\w.])/root/[\w.-]"]))
SPDX = "SPDX-License-Identifier: MIT"
# Programs as a reader of the README would write them.
AS_USERS_WRITE = "tests/consumer/programs/"
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")


def check_generated(tree):
    problems = []
    for name in tree.names:
        data = tree.bytes(name)
        if GENERATED.search(name):
            problems.append(f"{name}: a generated or temporary file")
        elif b"\0" in data:
            problems.append(f"{name}: a binary file")
        elif len(data) > SIZE_MAX:
            problems.append(f"{name}: {len(data)} bytes, more than {SIZE_MAX}")
        elif data and not data.endswith(b"\n"):
            problems.append(f"{name}: no newline at the end")
        elif b"\r\n" in data and "crlf" not in name:
            problems.append(f"{name}: CRLF line ends")
    return problems


def check_executable(tree):
    """A file is executable exactly when it starts with #!."""
    problems = []
    for name in tree.names:
        script = tree.bytes(name).startswith(b"#!")
        if tree.is_executable(name) and not script:
            problems.append(f"{name}: executable, but no script")
        if script and not tree.is_executable(name) and "." not in name.split("/")[-1]:
            problems.append(f"{name}: a script without the executable bit")
    return problems


def check_words(tree):
    problems = []
    for name in tree.names:
        for number, line in enumerate(tree.text(name).splitlines(), 1):
            match = WORDS.search(line)
            if match:
                problems.append(f"{name}:{number}: '{match.group(0)}': no package host, no path of "
                                "one machine")
    return problems


def check_headers(tree):
    """SPDX first (after a #!), then a comment that says what the file is for."""
    problems = []
    for name in tree.files(".c", ".h", ".h.in", ".py", ".sh", ".js") + \
            [name for name in ("x", ".ci/run") if name in tree.names]:
        if name.startswith(AS_USERS_WRITE):
            continue
        lines = tree.text(name).splitlines()
        if lines and lines[0].startswith("#!"):
            lines = lines[1:]
        if not lines or SPDX not in lines[0]:
            problems.append(f"{name}:1: no SPDX line")
            continue
        purpose = " ".join(lines[1:3])
        if not re.search(r'^(/\*|//|#|"""|\'\'\')[\s*#/]*[\w`<"]', purpose):
            problems.append(f"{name}:2: no line of purpose")
    return problems


def function_lengths(text):
    """(name, first line, lines) of each function of a clang-formatted C file."""
    lines = text.splitlines()
    start = None
    for number, line in enumerate(lines):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            header = " ".join(lines[max(0, start - 4):start])
            names = re.findall(r"(\w+)\s*\([^;{}]*\)[^()]*$", header) or re.findall(r"(\w+)\(", header)
            yield (names[-1] if names else "?"), start + 1, number - start + 1
            start = None


def check_lengths(tree, limit="hard"):
    problems = []
    for name in tree.files(".c", ".h", ".py", ".sh"):
        text = tree.text(name)
        count = text.count("\n")
        if count > FILE_LINES[limit]:
            problems.append(f"{name}: {count} lines, more than {FILE_LINES[limit]}")
        if name.endswith((".c", ".h")):
            problems += [f"{name}:{line}: {function}() has {length} lines, more than "
                         f"{FUNCTION_LINES[limit]}"
                         for function, line, length in function_lengths(text)
                         if length > FUNCTION_LINES[limit]]
    return problems


def check_required(tree):
    return [f"{name}: missing" for name in REQUIRED if name not in tree.names]


def check_links(tree):
    """Every relative link of a Markdown file leads to a file or folder of the tree."""
    problems = []
    for name in tree.files(".md"):
        folder = (tree.root / name).parent
        for target in LINK.findall(tree.text(name)):
            if re.match(r"[a-z]+:", target) or (folder / target).exists():
                continue
            problems.append(f"{name}: the link to {target} leads nowhere")
    return problems


def check_version(tree):
    """meson.build, version.h and the newest entry of the changelog name one version."""
    match = re.search(r"^\s*version: '([\d.]+)'", tree.text("meson.build"), re.M)
    version = match.group(1) if match else "none"
    problems = []
    if f'SHALE_VERSION_STRING "{version}"' not in tree.text("include/shale/version.h"):
        problems.append(f"include/shale/version.h: not {version}")
    for part, value in zip(("MAJOR", "MINOR", "PATCH"), version.split(".")):
        if not re.search(rf"#define SHALE_VERSION_{part}\s+{value}$",
                         tree.text("include/shale/version.h"), re.M):
            problems.append(f"include/shale/version.h: SHALE_VERSION_{part} is not {value}")
    if "CHANGELOG.md" in tree.names:
        newest = re.search(r"^## \[?v?([\d.]+)", tree.text("CHANGELOG.md"), re.M)
        if not newest or newest.group(1) != version:
            problems.append(f"CHANGELOG.md: the newest entry is not {version}")
    return problems


def check_registered(tree):
    """Every test program is named in a meson.build of its folder or above: none is forgotten."""
    problems = []
    for name in tree.files(".c", ".py", under="tests/"):
        folder, _, file = name.rpartition("/")
        if not re.match(r"test_\w+\.(c|py)$", file):
            continue
        builds = [f"{folder}/meson.build", "tests/meson.build"]
        text = "".join(tree.text(build) for build in builds if build in tree.names)
        stem = file.rsplit(".", 1)[0].removeprefix("test_")
        if not re.search(rf"\b{stem}\b", text) and f"test_{stem}" not in text:
            problems.append(f"{name}: in no meson.build, so it never runs")
    return problems
