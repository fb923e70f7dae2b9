#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""memory.py BUILD [CONNECTIONS [ROUNDS]]: the TLS server's memory under each allocator.

All connections are opened at once and used, all but one closed, and that one goes on for 5 s. The
allocators take turns, ROUNDS (3) times; printed are medians, and the lowest and highest of what is
left one second after the connections were closed.
"""
import json
import pathlib
import statistics
import subprocess
import sys

ROWS = [("system", "malloc"), ("mimalloc", "malloc"), ("jemalloc", "malloc"), ("tcmalloc", "malloc"),
        ("shale", "malloc"), ("system", "domains")]
MIB = 1 << 20


def served_by(pid):
    """The server itself, where `shale run` stays beside it."""
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return children[0] if children else str(pid)


def measure(build, allocator, mode, connections):
    folder = build / "workloads"
    certificate = folder / "certificate.pem"
    server = subprocess.Popen([build / "src/cli/shale", "run", "--allocator", allocator, "--",
                               folder / "shale-tls-server", "-p", "0", "-c", certificate, "-k",
                               folder / "key.pem", "-m", mode], stdout=subprocess.PIPE, text=True,
                              stderr=subprocess.DEVNULL)
    port = server.stdout.readline().split()[1]
    done = subprocess.run([folder / "shale-tls-client", "-p", port, "-n", str(connections), "-s",
                           "64,1024,16384", "-t", "5", "-c", certificate, "-P",
                           served_by(server.pid), "-j"], stdout=subprocess.PIPE, text=True)
    server.terminate()
    server.wait()
    return json.loads(done.stdout)


def main():
    build = pathlib.Path(sys.argv[1])
    connections = int(sys.argv[2]) if len(sys.argv) > 2 else 10000
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    found = {row: [] for row in ROWS}
    for _ in range(rounds):
        for row in ROWS:
            found[row].append(measure(build, *row, connections))
            print(*row, json.dumps(found[row][-1]), file=sys.stderr, flush=True)
    print("| allocator, memory | failed | RSS before | all open | all but one closed | after 5 s | "
          "back in ms | handshakes/s |\n|---|---:|---:|---:|---:|---:|---:|---:|")
    for row, results in found.items():
        def median(key, results=results):
            return statistics.median(result[key] for result in results)
        closed = sorted(result["rss_closed_bytes"] / MIB for result in results)
        print(f"| {row[0]}, {row[1]} | {sum(result['failed'] for result in results)} "
              f"| {median('rss_before_bytes') / MIB:.1f} | {median('rss_peak_bytes') / MIB:.1f} "
              f"| {statistics.median(closed):.1f} ({closed[0]:.1f}-{closed[-1]:.1f}) "
              f"| {median('rss_trickled_bytes') / MIB:.1f} | {median('back_ms'):.0f} "
              f"| {connections / median('seconds'):.0f} |")


if __name__ == "__main__":
    main()
