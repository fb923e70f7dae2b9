# SPDX-License-Identifier: MIT
"""10,000 TLS connections at once, under each allocator and with domains: none fails."""
import json
import pathlib
import resource

import pytest

from programs import SHALE
from workload import FOLDER, TLS_OPTIONS, client, server


def served_by(pid):
    """The server itself, where `shale run` stays beside it."""
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0]) if children else pid


@pytest.mark.parametrize("allocator,mode", [("system", "malloc"), ("mimalloc", "malloc"),
                                            ("jemalloc", "malloc"), ("shale", "malloc"),
                                            ("system", "domains")])
def test_ten_thousand_connections(allocator, mode):
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert limit > 10100, "10,000 connections need more open files: ulimit -Hn"
    with server(SHALE, "run", "--allocator", allocator, "--", FOLDER / "shale-tls-server", *TLS_OPTIONS,
                "-m", mode) as tls:
        tls.pid = served_by(tls.pid)
        found = client(tls, "-n", 10000, "-s", "64,1024,16384", "-t", 5)
        print(allocator, mode, json.dumps(found))
        assert found["connected"] == 10000 and found["failed"] == 0
        assert found["trickled"] > 10
        if mode == "domains":
            assert 0 <= found["back_ms"] <= 1000
            assert found["rss_closed_bytes"] <= found["rss_peak_bytes"] / 20 + (4 << 20)
