# SPDX-License-Identifier: MIT
"""What the shared library exports, against its version script and the public headers."""
import pathlib
import re
import subprocess

from tree import blank_comments


def listed(map_text):
    """The names under `global:` of a linker version script."""
    names = set()
    text = re.sub(r"/\*.*?\*/", "", map_text, flags=re.S)
    for block in re.findall(r"global:(.*?)(?:local:|\})", text, re.S):
        names |= {name.strip() for name in block.split(";") if name.strip()}
    return names


def exported(library):
    """The names the library defines for others; version nodes (absolute symbols) are no names."""
    output = subprocess.run(["nm", "-D", "--defined-only", str(library)],
                            check=True, capture_output=True, text=True).stdout
    names = set()
    for line in output.splitlines():
        kind, name = line.split()[-2:]
        if kind != "A":
            names.add(name.split("@")[0])
    return names


def libraries(build):
    return sorted(path for path in pathlib.Path(build, "src").glob("libshale.so*")
                  if path.is_file() and not path.is_symlink() and path.suffix != ".symbols")


def check_exports(library, maps):
    """maps: the texts of the version scripts the library was linked with."""
    want = set().union(*(listed(text) for text in maps))
    have = exported(library)
    problems = [f"{library}: {name} is exported but in no version script"
                for name in sorted(have - want)]
    return problems + [f"{library}: {name} is in the version script but not exported"
                       for name in sorted(want - have)]


def check_declared(tree, map_names):
    """What is exported is declared in an installed header."""
    headers = "".join(blank_comments(tree.text(name)) for name in tree.files(".h", under="include/"))
    problems = []
    for map_name in map_names:
        for name in sorted(listed(tree.text(map_name))):
            if not re.search(rf"\b{name}\s*\(", headers):
                problems.append(f"{map_name}: {name} is declared in no public header")
    return problems
