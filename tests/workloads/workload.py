# SPDX-License-Identifier: MIT
"""What the tests of workloads/ share: starting a server and reading what it says."""
import contextlib
import json
import os
import pathlib
import signal
import subprocess

FOLDER = pathlib.Path(os.environ["SHALE_BUILD"]) / "workloads"
CERTIFICATE, KEY = FOLDER / "certificate.pem", FOLDER / "key.pem"
TLS_OPTIONS = ["-p", 0, "-c", CERTIFICATE, "-k", KEY]


class Server:
    def __init__(self, process):
        self.process = process
        self.pid = process.pid
        self.port = int(process.stdout.readline().split()[1])

    def rss(self):
        """Resident bytes."""
        pages = pathlib.Path(f"/proc/{self.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGESIZE")

    def stop(self):
        """What it says at its end, which must be a good one."""
        self.process.send_signal(signal.SIGTERM)
        _, said = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, said
        return said


@contextlib.contextmanager
def server(*command, env=None):
    """A server that prints `port N` when it listens; killed at the end if it still runs."""
    with subprocess.Popen([str(word) for word in command], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env={**os.environ, **(env or {})}) as process:
        try:
            yield Server(process)
        finally:
            process.kill()


def client(tls, *options, status=0):
    """What the client found, as it says in JSON."""
    done = subprocess.run([FOLDER / "shale-tls-client", "-p", str(tls.port), "-c", CERTIFICATE, "-P",
                           str(tls.pid), "-j", *map(str, options)],
                          capture_output=True, text=True, timeout=600)
    assert done.returncode == status, (done.stdout[-500:], done.stderr)
    return json.loads(done.stdout)
