# SPDX-License-Identifier: MIT
"""shale-kv: what Redis' clients ask, what broken ones do to it, and what memory is left then."""
import os
import random
import re
import socket
import subprocess
import threading
import time

import pytest

from programs import wait_until
from workload import FOLDER, server

MODES = ["domains", "blocks"]


@pytest.fixture(params=MODES)
def kv(request):
    with server(FOLDER / "shale-kv", "-p", 0, "-m", request.param) as running:
        yield running


def connect(kv):
    return socket.create_connection(("127.0.0.1", kv.port), timeout=60)


def read_reply(stream):
    line = stream.readline()
    assert line.endswith(b"\r\n"), line
    kind, rest = line[:1], line[1:-2]
    if kind == b"+":
        return rest.decode()
    if kind == b"-":
        return RuntimeError(rest.decode())
    if kind == b":":
        return int(rest)
    if kind == b"$":
        return None if int(rest) < 0 else stream.read(int(rest) + 2)[:-2]
    assert kind == b"*", line
    return [read_reply(stream) for _ in range(int(rest))]


def encode(*words):
    words = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


def ask(kv, *words):
    with connect(kv) as peer, peer.makefile("rb") as stream:
        peer.sendall(encode(*words))
        return read_reply(stream)


def info(kv):
    return dict(line.split(":") for line in ask(kv, "INFO").decode().split("\r\n") if ":" in line)


def assert_well(kv):
    assert ask(kv, "SET", "well", "yes") == "OK"
    assert ask(kv, "GET", "well") == b"yes"


def assert_nothing_is_left(kv):
    said = kv.stop()
    assert re.search(r" 0 blocks are left\n", said), said


def redis_cli(kv, *words):
    return subprocess.run(["redis-cli", "-p", str(kv.port), *words], capture_output=True, text=True,
                          timeout=60, check=True).stdout


def benchmark(kv, *options):
    done = subprocess.run(["redis-benchmark", "-q", "-p", str(kv.port), *map(str, options)],
                          capture_output=True, text=True, timeout=200, check=True)
    assert "Error" not in done.stdout + done.stderr, done
    return done.stdout


def test_commands_answer_as_they_should(kv):
    assert ask(kv, "SET", "b", b"\x00\r\n") == "OK"
    assert ask(kv, "set", "a", "") == "OK"
    assert ask(kv, "SET", b"c\xff", "3") == "OK"
    assert ask(kv, "GET", "b") == b"\x00\r\n"
    assert ask(kv, "GET", "a") == b""
    assert ask(kv, "GET", "nothing") is None
    assert ask(kv, "RANGE", "-", "+") == [b"a", b"", b"b", b"\x00\r\n", b"c\xff", b"3"]
    assert ask(kv, "RANGE", "a", "b") == [b"a", b"", b"b", b"\x00\r\n"]
    assert ask(kv, "RANGE", "aa", "+", "LIMIT", "1") == [b"b", b"\x00\r\n"]
    assert ask(kv, "RANGE", "x", "+") == []
    assert ask(kv, "SET", "b", "again") == "OK"
    assert ask(kv, "DEL", "b", "b", "nothing", "a") == 2
    assert ask(kv, "DBSIZE") == 1
    assert ask(kv, "FLUSHALL") == "OK"
    assert ask(kv, "DBSIZE") == 0
    assert info(kv)["value_bytes"] == "0"


@pytest.mark.parametrize("words", [("GET",), ("SET", "a"), ("SET", "a", "b", "EX", "3"), ("NO",),
                                   ("RANGE", "a"), ("RANGE", "a", "b", "LIMIT", "x"),
                                   ("RANGE", "a", "b", "LIMIT", "1" * 99), ("CONFIG", "SET")])
def test_wrong_commands_are_errors_and_the_connection_goes_on(kv, words):
    with connect(kv) as peer, peer.makefile("rb") as stream:
        peer.sendall(encode(*words) + encode("PING"))
        assert isinstance(read_reply(stream), RuntimeError)
        assert read_reply(stream) == "PONG"


def test_redis_cli_talks_to_it(kv):
    assert redis_cli(kv, "SET", "name", "value") == "OK\n"
    assert redis_cli(kv, "GET", "name") == "value\n"
    assert redis_cli(kv, "RANGE", "-", "+") == "name\nvalue\n"
    assert "keys:1" in redis_cli(kv, "INFO")


def test_words_on_a_line_and_a_command_in_pieces(kv):
    with connect(kv) as peer, peer.makefile("rb") as stream:
        peer.sendall(b"\r\nPING\r\n  SET  line  word\n")
        assert [read_reply(stream), read_reply(stream)] == ["PONG", "OK"]
        for byte in encode("GET", "line"):
            peer.sendall(bytes([byte]))
        assert read_reply(stream) == b"word"


def test_pipelines_are_answered_in_order(kv):
    count = 20000
    with connect(kv) as peer, peer.makefile("rb") as stream:
        batch = b"".join(encode("SET", f"k{i:05}", i) + encode("GET", f"k{i:05}")
                         for i in range(count))
        sender = threading.Thread(target=peer.sendall, args=(batch,))
        sender.start()
        for i in range(count):
            assert read_reply(stream) == "OK"
            assert read_reply(stream) == str(i).encode()
        sender.join()
    assert_nothing_is_left(kv)


@pytest.mark.parametrize("clients", [50, 1000])
def test_survives_redis_benchmark_and_gives_memory_back(kv, clients):
    before = kv.rss()
    keys = 20000
    benchmark(kv, "-t", "set,get", "-n", keys, "-r", keys, "-c", clients, "-d", 500, "-P", 4)
    loaded = kv.rss()
    assert int(info(kv)["keys"]) > keys / 3
    assert loaded > before + keys / 3 * 500
    assert ask(kv, "FLUSHALL") == "OK"
    # Each thread reclaims what it gave up once it is idle; clients' connections are gone, too.
    wait_until(lambda: info(kv)["connected_clients"] == "1", 30)
    wait_until(lambda: time.sleep(0.4) or int(info(kv)["limbo_bytes"]) == 0, 30)  # idle meanwhile
    if "SHALE_SANITIZED" not in os.environ:  # whose malloc keeps what was freed
        wait_until(lambda: kv.rss() < before + (loaded - before) / 3, 30)
    assert_nothing_is_left(kv)


GARBAGE = {
    "length_below_zero": b"*1\r\n$-5\r\n", "count_too_long": b"*99999999999999999999\r\n",
    "count_below_zero": b"*-1\r\n", "no_bulk": b"*2\r\n:3\r\n", "bulk_too_long": b"*1\r\n$3\r\nabcde",
    "length_too_long": b"*1\r\n$99999999999\r\n", "no_number": b"*x\r\n",
    "zeros_without_end": b"\x00" * 70000, "digits_without_end": b"*1\r\n$" + b"1" * 70000}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_protocol_errors_end_the_connection_only(kv, garbage):
    with connect(kv) as peer, peer.makefile("rb") as stream:
        peer.sendall(garbage)
        try:
            assert isinstance(read_reply(stream), RuntimeError)
            assert stream.read() == b""
        except ConnectionResetError:
            pass  # it did not read what was behind
    assert_well(kv)


def test_random_bytes_hurt_nobody(kv):
    seed = int(os.environ.get("SHALE_SEED", time.time_ns() % 10**6))
    print("seed", seed)
    chance = random.Random(seed)
    pieces = [b"*", b"$", b"\r\n", b"3", b"SET", b"GET", b"RANGE", b"-", b"\x00", b"*3\r\n$3\r\n",
              encode("SET", "k", "v"), encode("RANGE", "-", "+"), b"$-1\r\n"]
    for _ in range(200):
        with connect(kv) as peer:
            try:
                peer.sendall(b"".join(chance.choices(pieces, k=chance.randrange(1, 60))))
                peer.shutdown(socket.SHUT_WR)
                while peer.recv(65536):
                    pass
            except (ConnectionResetError, BrokenPipeError):
                pass
    assert_well(kv)
    assert_nothing_is_left(kv)


def test_half_closed_connections_get_all_their_answers(kv):
    value = b"v" * 100000
    assert ask(kv, "SET", "big", value) == "OK"
    with connect(kv) as peer, peer.makefile("rb") as stream:
        peer.sendall(encode("GET", "big") * 100)
        peer.shutdown(socket.SHUT_WR)
        for _ in range(100):
            assert read_reply(stream) == value
        assert stream.read() == b""
    assert_nothing_is_left(kv)


def test_a_value_that_ends_with_a_connections_turn_is_stored(kv):
    """64 reads of 16 KiB are a turn: nothing more tells of what the last one brought."""
    for size in range(1032000, 1049000, 1000):
        assert ask(kv, "SET", "big", b"v" * size) == "OK"


def test_a_client_that_does_not_listen_costs_little(kv):
    assert ask(kv, "SET", "big", b"v" * 1000000) == "OK"
    before = kv.rss()
    with connect(kv) as peer:
        peer.settimeout(2)
        try:
            for _ in range(3000):
                peer.sendall(encode("GET", "big") * 100)
        except TimeoutError:
            pass
        assert kv.rss() < before + (64 << 20)  # of 300 GB that were asked for
        assert_well(kv)


def test_killed_clients_leave_nothing(kv):
    for _ in range(3):
        load = subprocess.Popen(["redis-benchmark", "-q", "-p", str(kv.port), "-c", "50", "-n",
                                 "10000000", "-P", "16", "-d", "1000", "-t", "set,get"],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: int(info(kv)["connected_clients"]) > 40, 60)
        load.kill()
        load.wait()
    wait_until(lambda: info(kv)["connected_clients"] == "1", 60)
    assert_well(kv)
    assert_nothing_is_left(kv)


def test_wrong_options_are_refused():
    for options in (["-p", "x"], ["-p", "70000"], ["-t", "0"], ["-m", "magic"], ["-q"], ["more"]):
        done = subprocess.run([FOLDER / "shale-kv", *options], capture_output=True, timeout=60)
        assert done.returncode == 64, options


def test_a_port_in_use_is_an_error(kv):
    done = subprocess.run([FOLDER / "shale-kv", "-p", str(kv.port)], capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 1 and "cannot listen" in done.stderr
