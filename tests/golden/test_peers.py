# SPDX-License-Identifier: MIT
"""The script behind ./x peers with a false apt: what is fetched, what is skipped, and that apt's own state is left."""
import os
import pathlib
import subprocess

import pytest

from programs import SOURCE

pytestmark = pytest.mark.skipif(
    "\nID=debian\n" not in "\n" + pathlib.Path("/etc/os-release").read_text(),
    reason="peers come from Debian's suites, and this is another system")

LISTS = """Package: libmimalloc3
Version: 9.1.0+ds-1
Depends: libc6 (>= 2.17)

Package: libmimalloc3
Version: 9.2.0+ds-1
Depends: libgcc-s1 (>= 3.0), libc6 (>= 2.99), zlib1g

Package: librpmalloc1
Version: 9.0-1
"""

APT_GET = """#!/bin/sh
echo "apt-get $*" >>"$FAKE/log"
case "$*" in
*indextargets*)
    codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
    echo "Debian Debian $codename main http://mirror.invalid/debian/"
    ;;
*update*) test ! -e "$FAKE/offline" ;;
*download*)
    for wanted; do :; done
    test "${wanted%%=*}" != librpmalloc1 || exit 100
    mkdir -p "$FAKE/root/DEBIAN" "$FAKE/root/usr/lib"
    printf 'Package: x\\nVersion: 1\\nArchitecture: all\\nMaintainer: x\\nDescription: x\\n' \\
        >"$FAKE/root/DEBIAN/control"
    echo "$wanted" >"$FAKE/root/usr/lib/libmimalloc.so.9"
    dpkg-deb -b "$FAKE/root" "$PWD/x_1_all.deb" >/dev/null
    ;;
esac
"""

APT_CACHE = """#!/bin/sh
cat "$FAKE/lists"
"""


@pytest.fixture
def peers(tmp_path):
    """Runs the script with the false apt; its attributes are the folders."""
    def run():
        environment = dict(os.environ) | {
            "PATH": f"{tmp_path}:{os.environ['PATH']}", "FAKE": str(tmp_path),
            "SHALE_PEERS": str(run.cache)}
        return subprocess.run(["sh", SOURCE / "tools" / "peers.sh"], env=environment,
                              capture_output=True, text=True, timeout=60)

    for name, text in [("apt-get", APT_GET), ("apt-cache", APT_CACHE)]:
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "lists").write_text(LISTS.split("\n\nPackage: librp")[0] + "\n")
    run.cache = tmp_path / "cache"
    run.folder = tmp_path
    return run


def test_what_loads_is_unpacked_and_what_cannot_is_named(peers):
    result = peers()
    assert (result.returncode, result.stdout) == (0, "")
    assert "libmimalloc3 9.1.0+ds-1: unpacked\n" in result.stderr
    assert "libmimalloc3 9.2.0+ds-1: skipped, it needs glibc 2.99 and this machine has 2." in result.stderr
    library = peers.cache / "libmimalloc3_9.1.0+ds-1" / "usr" / "lib" / "libmimalloc.so.9"
    assert library.read_text() == "libmimalloc3=9.1.0+ds-1\n"
    assert [path.name for path in peers.cache.iterdir() if not path.name.startswith(".")] == [
        "libmimalloc3_9.1.0+ds-1"]


def test_second_run_fetches_nothing(peers):
    peers()
    (peers.folder / "log").unlink()
    result = peers()
    assert "libmimalloc3 9.1.0+ds-1: here already\n" in result.stderr
    assert "download" not in (peers.folder / "log").read_text()


def test_apt_keeps_its_own_state_and_configuration(peers):
    peers()
    for line in (peers.folder / "log").read_text().splitlines():
        if "indextargets" in line:
            continue
        assert f"Dir::State={peers.cache}/.apt/state" in line
        assert f"Dir::Etc::sourcelist={peers.cache}/.apt/sources.list" in line
        assert "AllowUnauthenticated" not in line and "install" not in line
    sources = (peers.cache / ".apt" / "sources.list").read_text().splitlines()
    assert all(line.startswith("deb [signed-by=/") and "mirror.invalid" in line for line in sources)


def test_package_that_cannot_be_fetched_is_an_error_after_the_others(peers):
    (peers.folder / "lists").write_text(LISTS)
    result = peers()
    assert result.returncode == 1
    assert "librpmalloc1 9.0-1: cannot be fetched\n" in result.stderr
    assert "libmimalloc3 9.1.0+ds-1: unpacked\n" in result.stderr
    assert not list(peers.cache.glob("librpmalloc1*"))


def test_unreachable_mirror_is_an_error(peers):
    (peers.folder / "offline").touch()
    result = peers()
    assert result.returncode == 1
    assert "peers: cannot read the lists" in result.stderr
