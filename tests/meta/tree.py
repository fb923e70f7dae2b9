# SPDX-License-Identifier: MIT
"""The source tree as the checks see it: the files git knows, or all files of a plain folder."""
import pathlib
import re
import subprocess

COMMENT_OR_STRING = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S)


class Tree:
    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.names = sorted(self._listed())

    def _listed(self):
        if (self.root / ".git").exists():
            output = subprocess.run(
                ["git", "-c", "safe.directory=*", "-C", str(self.root), "ls-files", "-z"],
                check=True, capture_output=True).stdout
            names = output.decode().split("\0")
            return [name for name in names if name and (self.root / name).exists()]
        return [str(path.relative_to(self.root)) for path in self.root.rglob("*")
                if path.is_file() and not path.relative_to(self.root).parts[0].startswith("build")]

    def files(self, *suffixes, under=""):
        return [name for name in self.names
                if name.startswith(under) and (not suffixes or name.endswith(suffixes))]

    def bytes(self, name):
        return (self.root / name).read_bytes()

    def text(self, name):
        return self.bytes(name).decode("utf-8", errors="replace")

    def is_executable(self, name):
        return (self.root / name).stat().st_mode & 0o111 != 0


def blank_comments(text, strings=True):
    """The text with comments (and strings) blanked, line numbers kept."""
    def blank(match):
        found = match.group(0)
        if found[0] in "\"'" and not strings:
            return found
        return re.sub(r"[^\n]", " ", found)
    return COMMENT_OR_STRING.sub(blank, text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1
