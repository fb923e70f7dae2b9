# SPDX-License-Identifier: MIT
"""What the tests of `shale migrate` share: running it on a small tree of files."""
import contextlib
import json
import os
import pwd
import subprocess
import tempfile
from pathlib import Path

SHALE = os.environ["SHALE"]
INCLUDE = b"#include <shale/alloc.h>\n"


def migrate(*arguments, cwd=None, status=0, env=None):
    """Runs the command; gives (stdout, stderr) as bytes."""
    done = subprocess.run([SHALE, "migrate", *map(str, arguments)], cwd=cwd, capture_output=True,
                          env=env, timeout=120, check=False)
    assert done.returncode == status, (done.returncode, done.stderr[-2000:])
    return done.stdout, done.stderr


def write_tree(root, files):
    for name, text in files.items():
        path = Path(root) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)


def read_tree(root):
    """All files but the journal, as {name: bytes}."""
    root = Path(root)
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*"))
            if path.is_file() and not {".git", ".shale-migrate"} & set(path.parts)}


def report(root, *arguments):
    out, _ = migrate("--json", *arguments, root)
    return json.loads(out)


def sites(root, *arguments):
    """[(function, class, rule)] in the order of the text; flagged ones have a '+' behind."""
    return [(site["function"], site["class"] + ("+" if site["flagged"] else ""), site["rule"])
            for site in report(root, *arguments)["sites"]]


def ordinary_user():
    """Arguments of subprocess.run() for a user whom permissions bind: nobody, when we are root."""
    if os.getuid() != 0:
        return {}
    user = pwd.getpwnam("nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@contextlib.contextmanager
def open_folder():
    """A temporary folder that others can enter too. pytest closes its own, with each run again."""
    with tempfile.TemporaryDirectory(prefix="shale-") as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)
