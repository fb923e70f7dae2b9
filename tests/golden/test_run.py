# SPDX-License-Identifier: MIT
"""shale run: what it says and how it ends, for every way in which it can go wrong."""
import os
import pathlib
import pty
import shutil
import signal
import subprocess
import sys
import time

import pytest

from programs import SHALE, compile_c, installed, process_state, shale, wait_until

MALLOC = """
#include <stddef.h>
static char memory[1 << 20]; static size_t used;
void *malloc(size_t size) { used = (used + 15) & ~(size_t)15; used += size; return memory + used - size; }
void free(void *p) { (void)p; }
void *calloc(size_t n, size_t s) { return malloc(n * s); }
void *realloc(void *p, size_t s) { (void)p; return malloc(s); }
void *aligned_alloc(size_t a, size_t s) { char *p = malloc(s + a); return p + a - (size_t)p % a; }
void *memalign(size_t a, size_t s) { return aligned_alloc(a, s); }
int posix_memalign(void **p, size_t a, size_t s) { *p = aligned_alloc(a, s); return 0; }
"""
MAPS = ["cat", "/proc/self/maps"]


def error_of(result, status):
    assert result.returncode == status, result.stderr
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert lines[0].startswith("shale run: ")
    return lines[0]


# How it ends


@pytest.mark.parametrize("status", [0, 1, 7, 64, 125, 127, 255])
def test_exit_status_is_the_programs(status):
    assert shale("run", "-a", "mimalloc", "--", "sh", "-c", f"exit {status}").returncode == status


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV, signal.SIGINT])
def test_death_by_signal_is_the_programs(number):
    result = shale("run", "-a", "mimalloc", "sh", "-c", f"kill -{int(number)} $$")
    assert result.returncode == -number


def test_stdio_passes_through_untouched():
    data = bytes(range(256)) * 1000
    result = shale("run", "-a", "mimalloc", "--", "sh", "-c", "cat; echo complaint >&2",
                   input=data, text=False)
    assert result.stdout == data
    assert result.stderr == b"complaint\n"


def test_arguments_after_the_program_are_the_programs():
    result = shale("run", "-a", "mimalloc", "echo", "--list", "-a", "x", "--", "--help")
    assert result.stdout == "--list -a x -- --help\n"


# What it starts


def test_allocator_is_in_the_program_and_nobody_traces_it():
    result = shale("run", "-a", "mimalloc", "--", "cat", "/proc/self/maps", "/proc/self/status")
    assert installed("mimalloc") in result.stdout
    assert "TracerPid:\t0\n" in result.stdout


def resident_file_kilobytes(*options):
    """Of file pages, right after the start: the proof must add nothing to what is measured."""
    result = shale("run", "-a", "system", *options, "--", "cat", "/proc/self/status")
    return int(result.stdout.split("RssFile:")[1].split()[0])


def test_proof_makes_no_pages_resident():
    assert resident_file_kilobytes() < resident_file_kilobytes("--no-verify") + 400


def test_preload_of_the_environment_is_kept_behind(tmp_path):
    other = compile_c(tmp_path, "libother.so", "int other;", "-shared", "-fPIC")
    result = shale("run", "-a", "mimalloc", "--", "sh", "-c", "echo $LD_PRELOAD",
                   env={"LD_PRELOAD": str(other)})
    assert result.stdout == f"{installed('mimalloc')}:{other}\n"


def test_env_sets_and_removes():
    result = shale("run", "-a", "system", "-e", "A=1=2", "--env", "B", "--", "sh", "-c",
                   "echo $A-$B-", env={"B": "set"})
    assert result.stdout == "1=2--\n"


def test_script_of_env_is_followed_to_its_interpreter(tmp_path):
    script = tmp_path / "script"
    script.write_text("#!/usr/bin/env python3\nprint(open('/proc/self/maps').read())\n")
    script.chmod(0o755)
    result = shale("run", "-a", "jemalloc", "--", script)
    assert result.returncode == 0, result.stderr
    assert installed("jemalloc") in result.stdout


def test_allocator_path_is_searched_first_and_deep(tmp_path):
    folder = tmp_path / "one" / "two"
    folder.mkdir(parents=True)
    copy = shutil.copy(installed("mimalloc"), folder)
    result = shale("run", "-a", "mimalloc", "--", *MAPS,
                   env={"SHALE_ALLOCATOR_PATH": f"/nowhere:{tmp_path}"})
    assert result.returncode == 0, result.stderr
    assert copy in result.stdout


def test_path_of_a_library_is_an_allocator(tmp_path):
    mine = compile_c(tmp_path, "libmine.so", MALLOC, "-shared", "-fPIC")
    result = shale("run", "-a", mine, "--", *MAPS)
    assert result.returncode == 0, result.stderr
    assert str(mine) in result.stdout


def test_system_goes_before_a_preload_of_the_environment():
    result = shale("run", "-a", "system", "--", *MAPS, env={"LD_PRELOAD": installed("mimalloc")})
    assert (result.returncode, result.stderr) == (0, "")
    assert installed("mimalloc") in result.stdout


def test_relative_path_works_from_another_folder(tmp_path):
    compile_c(tmp_path, "libmine.so", MALLOC, "-shared", "-fPIC")
    result = shale("run", "-a", "./libmine.so", "--", "sh", "-c", "cd / && exec cat /proc/self/maps",
                   cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert str(tmp_path / "libmine.so") in result.stdout


def test_system_serves_a_program_that_is_linked_with_another_allocator(tmp_path):
    source = "#include <stdlib.h>\nint main(void){free(malloc(9)); return 6;}"
    program = compile_c(tmp_path, "program", source, "-x", "none", installed("jemalloc"),
                        "-Wl,--no-as-needed")
    result = shale("run", "-a", "system", "--", program)
    assert (result.returncode, result.stderr) == (6, "")


# Programs that cannot be run


def test_missing_program_is_127():
    assert error_of(shale("run", "-a", "mimalloc", "--", "no-such-program"), 127) == (
        "shale run: cannot run 'no-such-program': No such file or directory")


@pytest.mark.parametrize("path", ["/etc/passwd", "/etc"])
def test_not_executable_is_126(path):
    text = error_of(shale("run", "-a", "mimalloc", "--", path), 126)
    assert text.startswith(f"shale run: cannot run '{path}': ")


def test_missing_interpreter_is_127(tmp_path):
    script = tmp_path / "script"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    error_of(shale("run", "-a", "system", "--", script), 127)


def test_static_program_is_refused_and_runs_unverified(tmp_path):
    program = compile_c(tmp_path, "program", '#include <stdio.h>\nint main(void){puts("ran");}',
                        "-static")
    text = error_of(shale("run", "-a", "mimalloc", "--", program), 125)
    assert "linked statically" in text and "; link it" in text
    result = shale("run", "-a", "mimalloc", "--no-verify", "--", program)
    assert (result.returncode, result.stdout) == (0, "ran\n")
    assert "linked statically" in result.stderr


def test_program_with_its_own_malloc_is_refused(tmp_path):
    program = compile_c(tmp_path, "program", MALLOC + "int main(void){return 0;}", "-rdynamic")
    text = error_of(shale("run", "-a", "mimalloc", "--", program), 125)
    assert "malloc" in text


def test_musl_program_is_refused(tmp_path):
    program = compile_c(tmp_path, "program", "int main(void){return 0;}", compiler="musl-gcc")
    text = error_of(shale("run", "-a", "mimalloc", "--", program), 125)
    assert "musl" in text


@pytest.fixture
def as_nobody(tmp_path_factory):
    """as_nobody(COMMAND, ARGUMENT...): shale as another user, with `setuid`, a copy of id, beside it."""
    if os.geteuid() != 0:
        pytest.skip("only root can act as another user")
    folder = tmp_path_factory.mktemp("setuid")
    for parent in [folder, folder.parent, folder.parent.parent]:
        parent.chmod(0o755)
    program = pathlib.Path(shutil.copy(shutil.which("id"), folder / "setuid"))
    program.chmod(0o4755)
    copy = shutil.copy(SHALE, folder)
    return lambda *arguments: subprocess.run(
        [copy, *arguments], user=65534, group=65534, extra_groups=[], cwd=folder,
        capture_output=True, text=True, timeout=60)


def test_setuid_program_of_another_user_is_refused(as_nobody):
    assert "setuid" in error_of(as_nobody("run", "-a", "mimalloc", "--", "./setuid"), 125)


def test_setuid_program_keeps_its_rights_under_system(as_nobody):
    assert "try --no-verify" in error_of(as_nobody("run", "-a", "system", "--", "./setuid"), 125)
    done = as_nobody("run", "-a", "system", "--no-verify", "--", "./setuid")
    assert "euid=0(root)" in done.stdout
    done = as_nobody("compare", "-b", "system", "-c", "system", "-n", "1", "--", "./setuid")
    assert done.returncode == 69 and "would not gain the rights" in done.stderr


def test_program_that_cannot_load_says_so(tmp_path):
    library = compile_c(tmp_path, "libabsent.so", "int absent(void){return 0;}", "-shared", "-fPIC")
    program = compile_c(tmp_path, "program", "int absent(void); int main(void){return absent();}",
                        "-x", "none", str(library), f"-Wl,-rpath,{tmp_path}")
    library.unlink()
    result = shale("run", "-a", "mimalloc", "--", program)
    assert result.returncode == 125
    assert "libabsent.so" in result.stderr  # ld.so's own line
    assert "ended with status 127 before its allocator could be read" in result.stderr


# Allocators that cannot be used


def test_engine_by_the_front_doors_name_is_told_its_own():
    assert "is called 'shale'" in error_of(shale("run", "-a", "slab", "--", "true"), 125)


def test_unknown_allocator_lists_the_known():
    text = error_of(shale("run", "-a", "nomalloc", "--", "true"), 125)
    assert "'nomalloc'" in text and "mimalloc" in text and "shale run --list" in text


def test_missing_version_lists_what_is_there():
    text = error_of(shale("run", "-a", "mimalloc@99", "--", "true"), 125)
    assert "mimalloc 99 is not found" in text and "2.0" in text


def test_missing_library_file_says_why():
    text = error_of(shale("run", "-a", "/no/such/lib.so", "--", "true"), 125)
    assert "No such file or directory" in text


def test_library_of_another_processor_is_refused(tmp_path):
    library = pathlib.Path(shutil.copy(installed("mimalloc"), tmp_path))
    content = bytearray(library.read_bytes())
    content[18:20] = (0xF3).to_bytes(2, "little")  # e_machine: RISC-V
    library.write_bytes(content)
    text = error_of(shale("run", "-a", library, "--", "true"), 125)
    assert "another kind of processor" in text


def test_library_without_malloc_is_refused(tmp_path):
    library = compile_c(tmp_path, "libempty.so", "int empty;", "-shared", "-fPIC")
    assert "defines no malloc" in error_of(shale("run", "-a", library, "--", "true"), 125)


@pytest.mark.parametrize("content", [b"", b"not a library\n", b"\x7fELF\x02\x01\x01" + b"\0" * 20])
def test_file_that_is_no_library_is_refused(tmp_path, content):
    library = tmp_path / "libbad.so"
    library.write_bytes(content)
    error_of(shale("run", "-a", library, "--", "true"), 125)


def test_library_with_a_missing_dependency_is_refused(tmp_path):
    absent = compile_c(tmp_path, "libabsent.so", "int absent(void){return 0;}", "-shared", "-fPIC",
                       "-Wl,-soname,libabsent.so")
    library = compile_c(tmp_path, "libmine.so", MALLOC + "int absent(void); int f(void){return absent();}",
                        "-shared", "-fPIC", "-x", "none", str(absent))
    absent.unlink()
    text = error_of(shale("run", "-a", library, "--", "true"), 125)
    assert "needs libabsent.so, which is not installed" in text


def test_library_for_a_newer_glibc_is_refused(tmp_path):
    script = tmp_path / "versions"
    script.write_text("GLIBC_2.99 { future; };\n")
    fake = compile_c(tmp_path, "fake.so", "int future(void){return 0;}", "-shared", "-fPIC",
                     "-nostdlib", "-Wl,-soname,libc.so.6", f"-Wl,--version-script={script}")
    library = compile_c(tmp_path, "libmine.so", MALLOC + "int future(void); int f(void){return future();}",
                        "-shared", "-fPIC", "-nostdlib", "-x", "none", str(fake))
    text = error_of(shale("run", "-a", library, "--", "true"), 125)
    assert "needs glibc 2.99" in text


def test_library_that_crashes_in_its_constructor_is_an_error(tmp_path):
    source = MALLOC + "__attribute__((constructor)) static void crash(void){__builtin_trap();}"
    library = compile_c(tmp_path, "libcrash.so", source, "-shared", "-fPIC")
    text = error_of(shale("run", "-a", library, "--", "echo", "ran"), 125)
    assert "killed by signal 4" in text


def test_path_with_a_blank_is_refused(tmp_path):
    folder = tmp_path / "a b"
    folder.mkdir()
    library = compile_c(folder, "libmine.so", MALLOC, "-shared", "-fPIC")
    assert "blank" in error_of(shale("run", "-a", library, "--", "true"), 125)


HALF = MALLOC[:MALLOC.index("void *calloc")]  # calloc and realloc stay the C library's


def test_unproven_program_does_not_begin(tmp_path):
    mark = tmp_path / "mark"
    half = compile_c(tmp_path, "libhalf.so", HALF, "-shared", "-fPIC")
    text = error_of(shale("run", "-a", half, "--", "sh", "-c", f"echo began > {mark}"), 125)
    assert f"cannot prove that {half} serves 'sh'" in text and "--no-verify" in text
    assert not mark.exists()
    result = shale("run", "-a", half, "--no-verify", "--", "cat", "/proc/self/maps")
    assert str(half) in result.stdout


# Wrong arguments


@pytest.mark.parametrize("arguments, message", [
    (["-a", "mimalloc"], "no program is named"),
    (["true"], "no allocator is named; use --allocator NAME"),
    (["-a"], "-a: missing argument"),
    (["--list", "true"], "--list takes no program"),
    (["--json", "true"], "--json goes with --list"),
    (["-a", "system", "-e", "=x", "true"], "--env takes NAME=VALUE, or NAME to remove it"),
    (["--alocator", "x", "true"], "there is no option '--alocator'; did you mean '--allocator'?"),
    (["--frobnicate"], "there is no option '--frobnicate'"),
])
def test_wrong_arguments_are_named(arguments, message):
    result = shale("run", *arguments)
    assert result.returncode == 64
    assert result.stderr == f"shale run: {message}\nTry 'shale help run'.\n"


# Signals


def start(*arguments, **options):
    return subprocess.Popen([SHALE, "run", "-a", "mimalloc", "--", *arguments],
                            stdout=subprocess.PIPE, text=True, **options)


@pytest.mark.parametrize("name", ["HUP", "INT", "QUIT", "TERM", "USR1", "USR2"])
def test_signal_to_shale_reaches_the_program(name):
    number = getattr(signal, "SIG" + name)
    # Under nohup, SIGHUP would be ignored.
    process = start("sh", "-c", f"trap 'echo got; exit 42' {name}; echo $$; while :; do sleep 0.01; done",
                    preexec_fn=lambda: signal.signal(number, signal.SIG_DFL))
    process.stdout.readline()
    process.send_signal(number)
    assert process.stdout.read() == "got\n"
    assert process.wait(10) == 42


def test_signal_that_ends_the_program_ends_shale():
    process = start("sh", "-c", "echo $$; exec sleep 100")
    pid = int(process.stdout.readline())
    process.terminate()
    assert process.wait(10) == -signal.SIGTERM
    assert process_state(pid) is None


def test_killed_shale_leaves_no_program():
    process = start("sh", "-c", "echo $$; exec sleep 100")
    pid = int(process.stdout.readline())
    process.kill()
    process.wait(10)
    wait_until(lambda: process_state(pid) in (None, "Z"))


def test_ignored_hangup_stays_ignored():
    process = start("sh", "-c", "echo $$; kill -HUP $$; echo alive",
                    preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    process.send_signal(signal.SIGHUP)
    assert process.stdout.read().endswith("alive\n")
    assert process.wait(10) == 0


def test_exit_status_is_known_where_the_caller_ignores_sigchld():
    result = shale("run", "-a", "mimalloc", "--", "sh", "-c", "exit 3",
                   preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
    assert (result.returncode, result.stderr) == (3, "")


@pytest.mark.parametrize("allocator", ["mimalloc", "jemalloc", "tcmalloc"])
def test_signal_during_the_start_is_not_lost(allocator):
    for delay in [0, 0.002, 0.005, 0.01, 0.02]:
        process = subprocess.Popen([SHALE, "run", "-a", allocator, "--", "sleep", "100"])
        time.sleep(delay)
        process.terminate()
        assert process.wait(10) == -signal.SIGTERM


class Terminal:
    """A program as the foreground job of a terminal of its own."""

    def __init__(self, *command):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execv(command[0], command)

    def read_line(self):
        line = b""
        while not line.endswith(b"\n"):
            line += os.read(self.fd, 1)
        return line.decode().strip()

    def type(self, text):
        os.write(self.fd, text)

    def change(self):
        return os.waitpid(self.pid, os.WUNTRACED | os.WCONTINUED)[1]


def test_terminal_interrupts_both():
    job = Terminal(SHALE, "run", "-a", "mimalloc", "--", "sh", "-c", "echo $$; exec sleep 100")
    program = int(job.read_line())
    wait_until(lambda: "sleep" in pathlib.Path(f"/proc/{program}/comm").read_text())
    job.type(b"\x03")
    assert os.WTERMSIG(job.change()) == signal.SIGINT
    assert process_state(program) is None


JOB_SHELL = """
import os, signal, sys
child = os.fork()
if child == 0:
    os.setpgid(0, 0)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    os.tcsetpgrp(0, os.getpid())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    os.execv(sys.argv[1], sys.argv[1:])
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
_, status = os.waitpid(child, os.WUNTRACED)
os.tcsetpgrp(0, os.getpgrp())
print("stopped" if os.WIFSTOPPED(status) else "ended", flush=True)
sys.stdin.readline()
os.tcsetpgrp(0, child)
os.killpg(child, signal.SIGCONT)
_, status = os.waitpid(child, os.WUNTRACED)
print("killed by", os.WTERMSIG(status) if os.WIFSIGNALED(status) else status, flush=True)
"""


def test_job_is_stopped_by_the_terminal_and_goes_on():
    program_line = "import os,time; print(os.getpid(), flush=True); time.sleep(100)"
    job = Terminal(sys.executable, "-c", JOB_SHELL, SHALE, "run", "-a", "mimalloc", "--",
                   sys.executable, "-c", program_line)
    program = int(job.read_line())
    job.type(b"\x1a")
    seen = job.read_line()
    assert seen.endswith("stopped"), seen
    assert process_state(program) == "T"
    time.sleep(0.05)
    job.type(b"go\n")
    wait_until(lambda: process_state(program) == "S")
    time.sleep(0.05)
    job.type(b"\x03")
    lines = [job.read_line() for _ in range(2)]
    while "killed by" not in lines[-1] and "ended" not in lines[-1]:
        lines.append(job.read_line())
    assert lines[-1].endswith("killed by 2"), lines
    assert process_state(program) is None


# Where ptrace is denied

NO_PTRACE = """
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ptrace, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
        return 99;
    execv(argv[1], argv + 1);
    return 98;
}
"""


@pytest.fixture(scope="module")
def no_ptrace(tmp_path_factory):
    return compile_c(tmp_path_factory.mktemp("seccomp"), "no-ptrace", NO_PTRACE)


def test_without_ptrace_a_running_program_is_proven(no_ptrace):
    result = shale("run", "-a", "mimalloc", "--", "sh", "-c", "sleep 0.3; exit 5",
                   wrapper=[no_ptrace])
    assert (result.returncode, result.stderr) == (5, "")


def test_without_ptrace_a_wrong_allocator_is_found(no_ptrace, tmp_path):
    half = compile_c(tmp_path, "libhalf.so", HALF, "-shared", "-fPIC")
    result = shale("run", "-a", half, "--", "sleep", "100", wrapper=[no_ptrace])
    assert f"cannot prove that {half} serves 'sleep'" in error_of(result, 125)


def test_without_ptrace_a_program_that_ends_at_once_is_not_proven(no_ptrace):
    result = shale("run", "-a", "mimalloc", "--", "true", wrapper=[no_ptrace])
    assert result.returncode in (0, 125)  # it may be seen in time
    if result.returncode == 125:
        assert "before its allocator could be read" in error_of(result, 125)
