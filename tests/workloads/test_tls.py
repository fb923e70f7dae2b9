# SPDX-License-Identifier: MIT
"""The TLS echo server and its client: they talk, nobody else breaks them, memory comes back."""
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

from programs import SOURCE, wait_until
from workload import CERTIFICATE, FOLDER, KEY, TLS_OPTIONS, client, server

@pytest.fixture(params=["domains", "malloc"])
def tls(request):
    with server(FOLDER / "shale-tls-server", *TLS_OPTIONS, "-m", request.param) as running:
        running.mode = request.param
        yield running


def connect(tls):
    context = ssl.create_default_context(cafile=CERTIFICATE)
    raw = socket.create_connection(("127.0.0.1", tls.port), timeout=60)
    return context.wrap_socket(raw, server_hostname="127.0.0.1")


def receive(peer, size):
    got = b""
    while len(got) < size:
        part = peer.recv(65536)
        assert part
        got += part
    return got


def assert_well(tls):
    with connect(tls) as peer:
        assert peer.version() == "TLSv1.3"
        peer.sendall(b"hello")
        assert receive(peer, 5) == b"hello"


def test_many_connections_at_once_and_what_is_said_of_them(tls):
    found = client(tls, "-n", 150, "-r", 2, "-s", "1,1024,20000")
    assert found["connected"] == found["connections"] == 150 and found["failed"] == 0
    assert [size["size"] for size in found["echo"]] == [1, 1024, 20000]
    assert [size["latency"]["count"] for size in found["echo"]] == [300, 300, 300]
    for latency in [found["handshake"], *(size["latency"] for size in found["echo"])]:
        assert 0 < latency["p50_us"] <= latency["p95_us"] <= latency["p99_us"] <= latency["max_us"]
    assert found["handshake"]["count"] == 150
    assert found["rss_peak_bytes"] > found["rss_before_bytes"] + 150 * 20000
    said = tls.stop()
    assert "150 accepted, 0 without a handshake, 0 still open" in said


def test_domains_give_the_memory_of_closed_connections_back():
    with server(FOLDER / "shale-tls-server", *TLS_OPTIONS, "-m", "domains") as tls:
        client(tls, "-n", 1)
        before = tls.rss()
        found = client(tls, "-n", 600, "-s", "1024")
        assert found["rss_peak_bytes"] > before + 600 * 30000
        wait_until(lambda: tls.rss() < before + found["rss_peak_bytes"] // 20 + (4 << 20), 60)


def test_a_trickle_goes_on_after_the_others_are_closed(tls):
    found = client(tls, "-n", 20, "-t", 1)
    assert found["trickled"] > 5


def test_the_text_says_what_json_says(tls):
    done = subprocess.run([FOLDER / "shale-tls-client", "-p", str(tls.port), "-n", "3"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert done.stdout.startswith("3 of 3 connections, 0 failed, in ")
    assert "echo of 64 bytes: 3 times" in done.stdout


def test_another_tls_library_is_understood_and_old_versions_are_not(tls):
    assert_well(tls)
    context = ssl.create_default_context(cafile=CERTIFICATE)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with socket.create_connection(("127.0.0.1", tls.port), timeout=60) as raw:
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            context.wrap_socket(raw, server_hostname="127.0.0.1")
    assert_well(tls)


def test_a_peer_that_reads_late_gets_everything(tls):
    sent = os.urandom(1 << 20) * 4
    with connect(tls) as peer:
        thread = threading.Thread(target=peer.sendall, args=(sent,))
        thread.start()
        time.sleep(0.5)
        assert tls.rss() < 64 << 20
        assert receive(peer, len(sent)) == sent
        thread.join()


@pytest.mark.parametrize("bytes_", [b"", b"GET / HTTP/1.0\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"x" * 500,
                                    b"\x16\x03\x01\x02\x00\x01\x00\x01", b"\x00" * 5000],
                         ids=["nothing", "http", "long_record", "half_a_hello", "zeros"])
def test_garbage_ends_its_connection_only(tls, bytes_):
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", tls.port), timeout=60) as raw:
            raw.sendall(bytes_)
    assert_well(tls)
    said = tls.stop()
    assert "21 accepted, 20 without a handshake, 0 still open" in said


def test_killed_clients_leave_nothing_open(tls):
    for _ in range(3):
        with subprocess.Popen([FOLDER / "shale-tls-client", "-p", str(tls.port), "-n", "500", "-r",
                               "1000"], stdout=subprocess.DEVNULL) as load:
            time.sleep(0.5)
            load.send_signal(signal.SIGKILL)
    assert_well(tls)
    wait_until(lambda: len(list(pathlib.Path(f"/proc/{tls.pid}/fd").iterdir())) < 10, 60)
    assert ", 0 still open" in tls.stop()


def test_an_unknown_certificate_is_a_failure(tls, tmp_path):
    subprocess.run([SOURCE / "workloads/tls/make-certificate.sh", tmp_path / "c", tmp_path / "k"],
                   check=True)
    found = client(tls, "-n", 3, "-c", tmp_path / "c", status=1)
    assert found["failed"] == 3 and found["connected"] == 0 and "handshake" in found["reason"]
    assert_well(tls)


def test_no_server_is_a_failure_of_each_connection(tls):
    tls.stop()
    found = client(tls, "-n", 5, status=1)
    assert found["failed"] == 5 and "refused" in found["reason"]


def test_wrong_command_lines_are_refused(tmp_path):
    for words in ([], [*TLS_OPTIONS, "-m", "magic"], [*TLS_OPTIONS, "more"], [*TLS_OPTIONS, "-g", "0"]):
        done = subprocess.run([FOLDER / "shale-tls-server", *map(str, words)], capture_output=True)
        assert done.returncode == 64, words
    done = subprocess.run([FOLDER / "shale-tls-server", "-p", "0", "-c", KEY, "-k", tmp_path / "no"],
                          capture_output=True, text=True)
    assert done.returncode == 1 and "PEM files are needed" in done.stderr
    for words in ([], ["-p", "1", "-s", "0"], ["-p", "1", "-s", ""], ["-p", "1", "-n", "0"],
                  ["-p", "1", "x"], ["-p", "1", "-s", ",".join(["1"] * 17)]):
        done = subprocess.run([FOLDER / "shale-tls-client", *words], capture_output=True)
        assert done.returncode == 64, words


def test_without_files_it_takes_those_of_the_build():
    with server(FOLDER / "shale-tls-server", "-p", 0) as tls:
        assert_well(tls)


def test_no_key_is_in_the_tree():
    names = subprocess.run(["git", "ls-files"], cwd=SOURCE, capture_output=True, text=True).stdout
    assert ".pem" not in names
