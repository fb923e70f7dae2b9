# SPDX-License-Identifier: MIT
"""`shale verify` against real programs, each in a way in which replacing malloc silently fails."""
import glob
import os
import pathlib
import shutil
import subprocess

import pytest

from verifying import (  # noqa: F401 -- `built` is a fixture
    ABSENT, ACTIVE, LIBRARIES, NOBODY, PARTIAL, PROGRAMS, PYTHON, SHALE, built, cc,
    report, running, serves, verify
)

# A plain program, and each allocator

def test_itself_is_served_by_the_system():
    found = report()
    assert serves(found, "system") and found["method"] == "self"
    assert any(one["kind"] == "probe" for one in found["evidence"])


@pytest.mark.parametrize("name", LIBRARIES)
def test_itself_with_preload_is_proven_by_ownership(name):
    found = report(preload=LIBRARIES[name])
    assert serves(found, name)
    probed = {one["subject"] for one in found["evidence"] if one["kind"] == "probe"}
    assert {"malloc", "calloc", "realloc", "posix_memalign", "strdup"} <= probed


@pytest.mark.parametrize("program", ["waiter", "lazy"])
def test_plain_program_is_served_by_the_system(built, program):
    with running(built / program) as process:
        found = report(process.pid)
    assert serves(found, "system") and found["method"] == "process"
    assert found["allocator"]["version"] == os.confstr("CS_GNU_LIBC_VERSION").split()[1]
    assert found["expected"]["name"] == "system"


@pytest.mark.parametrize("program", ["waiter", "lazy"])
@pytest.mark.parametrize("name", LIBRARIES)
def test_preloaded_allocator_is_active(built, name, program):
    with running(built / program, preload=LIBRARIES[name]) as process:
        found = report(process.pid)
    assert serves(found, name) and found["expected"]["from"] == "LD_PRELOAD"
    package = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", {
        "mimalloc": "libmimalloc2.0", "jemalloc": "libjemalloc2",
        "tcmalloc": "libtcmalloc-minimal4"}[name]], capture_output=True, text=True).stdout
    assert package.startswith(found["allocator"]["version"])
    assert LIBRARIES[name] in found["allocator"]["object"]


def test_scudo_preloaded_is_active(built):
    found = glob.glob("/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.scudo_standalone-x86*.so")
    assert found, "no Scudo on this machine: ./x setup --test installs it"
    with running(built / "waiter", preload=found[0]) as process:
        assert serves(report(process.pid), "scudo")


def test_linked_allocator_is_active_without_preload(built):
    cc("-Wl,--no-as-needed", PROGRAMS / "waiter.c", "-o", built / "linked", "-lmimalloc")
    with running(built / "linked") as process:
        found = report(process.pid)
    assert serves(found, "mimalloc") and found["expected"]["from"] == "a linked library"


# Expectations

def test_expected_version_decides(built):
    with running(built / "waiter", preload=LIBRARIES["mimalloc"]) as process:
        version = report("--expect", "mimalloc", process.pid)["allocator"]["version"]
        assert report("--expect", f"mimalloc@{version}", process.pid)["verdict"] == "ACTIVE"
        assert report("--expect", "mimalloc@9.9", process.pid)["verdict"] == "ABSENT"
        assert report("--expect", "jemalloc", process.pid)["verdict"] == "ABSENT"
        assert report("--expect", "libmimalloc.so.2", process.pid)["verdict"] == "ACTIVE"


def test_mapped_system_malloc_is_inert_under_a_preload(built):
    with running(built / "waiter", preload=LIBRARIES["mimalloc"]) as process:
        assert report("--expect", "system", process.pid)["verdict"] == "MAPPED_BUT_INERT"


def test_wrong_preload_path_is_absent(built):
    with running(built / "waiter", preload="/nonexistent/libmimalloc.so.2") as process:
        found = report(process.pid)
    assert found["verdict"] == "ABSENT" and found["expected"]["name"] == "mimalloc"
    assert "LD_PRELOAD" in found["remedy"]


def test_library_dropped_by_the_linker_is_absent(built):
    cc("-Wl,--as-needed", "-lmimalloc", PROGRAMS / "waiter.c", "-o", built / "dropped")
    with running(built / "dropped") as process:
        found = report("--expect", "mimalloc", process.pid)
    assert found["verdict"] == "ABSENT" and "as-needed" in found["remedy"]
    assert report("--expect", "mimalloc", built / "dropped")["verdict"] == "ABSENT"


# Where no preload can work

@pytest.mark.parametrize("program", ["static", "static-pie"])
def test_static_program_with_preload_is_absent(built, program):
    with running(built / program, preload=LIBRARIES["mimalloc"]) as process:
        found = report(process.pid)
    assert found["verdict"] == "ABSENT" and found["expected"]["name"] == "mimalloc"
    assert found["allocator"]["name"] == "system" and "statically" in found["reason"]
    found = report(built / program)
    assert any("would not work" in one["text"] for one in found["evidence"])


@pytest.mark.parametrize("strip", ["-g", "-s"])
@pytest.mark.parametrize("name", ["jemalloc", "tcmalloc"])
def test_static_allocator_is_told_by_its_symbols_or_texts(built, name, strip):
    library = {"jemalloc": "libjemalloc.a", "tcmalloc": "libtcmalloc_minimal.a"}[name]
    archive = glob.glob(f"/usr/lib/*/{library}")[0]
    program = built / f"static-{name}{strip}"
    cc("-static", strip, PROGRAMS / "waiter.c", archive, "-o", program, "-lstdc++", "-lm",
       "-lpthread", "-w")
    with running(program) as process:
        found = report(process.pid)
    assert serves(found, name) and found["allocator"]["version"]
    assert serves(report(program), name)


@pytest.mark.parametrize("strip", ["-g", "-s"])
def test_allocator_under_names_of_its_own_is_a_layer(built, strip):
    """What Rust programs and the makers' own builds of redis do: je_malloc beside malloc."""
    source, program = built / "private.c", built / f"private{strip}"
    source.write_text('#include <stdio.h>\n#include <stdlib.h>\n'
                      'void *je_malloc(size_t n) { fputs("<jemalloc>: out\\n", stderr); '
                      'return malloc(n); }\n'
                      'int main(void) { je_malloc(9); puts("ready"); fflush(stdout);'
                      ' return getchar(); }\n')
    cc(strip, source, "-o", program)
    with running(program, preload=LIBRARIES["mimalloc"]) as process:
        found = report(process.pid)
    assert serves(found, "mimalloc")
    assert any("jemalloc under names of its own" in layer for layer in found["layers"])


def test_own_catalog_is_not_taken_for_allocators(built):
    stripped = built / "shale"
    subprocess.run(["strip", "-o", stripped, SHALE], check=True)
    assert not report(stripped)["layers"]


def test_setuid_program_of_another_user_drops_the_preload(built):
    if os.getuid() != 0:
        pytest.skip("needs root to make a setuid program of another user")
    program = built / "setuid"
    shutil.copy(built / "waiter", program)
    program.chmod(0o4755)
    with running(program, preload=LIBRARIES["mimalloc"], user=NOBODY) as process:
        found = report(process.pid)
        assert pathlib.Path(f"/proc/{process.pid}/status").read_text().count("\t65534\t0\t0")
    assert found["verdict"] == "ABSENT" and found["expected"]["name"] == "mimalloc"
    for target in ([program], ["--stop", "--", program]):
        file = report(*target, preload=LIBRARIES["mimalloc"], user=NOBODY)
        assert file["verdict"] == "ABSENT" and file["expected"]["name"] == "mimalloc"
        assert any("setuid" in one["text"] for one in file["evidence"] if one["kind"] == "preload")
    done = verify("--", program, preload=LIBRARIES["mimalloc"], user=NOBODY)
    assert done.returncode == ABSENT and done.stdout.endswith("ready\n")


def test_file_is_judged_with_the_preload_of_the_environment(built):
    library = LIBRARIES["mimalloc"]
    assert serves(report(built / "waiter", preload=library), "mimalloc")
    assert report(built / "static", preload=library)["verdict"] == "ABSENT"
    found = report(built / "waiter", env={"LD_PRELOAD": "/nonexistent/libjemalloc.so.2"})
    assert found["verdict"] == "ABSENT" and found["expected"]["name"] == "jemalloc"


@pytest.fixture(scope="module")
def embedded(built):
    archive = glob.glob("/usr/lib/*/libjemalloc.a")[0]
    program = built / "embedded"
    cc(PROGRAMS / "waiter.c", "-o", program, archive, "-lm", "-lstdc++", "-lpthread")
    cc("-s", PROGRAMS / "waiter.c", "-o", built / "embedded-stripped", archive,
       "-lm", "-lstdc++", "-lpthread")
    return program


@pytest.mark.parametrize("name", ["embedded", "embedded-stripped"])
def test_embedded_jemalloc_makes_a_preload_inert(embedded, name):
    program = embedded.parent / name
    with running(program, preload=LIBRARIES["mimalloc"]) as process:
        found = report(process.pid)
    assert found["verdict"] == "MAPPED_BUT_INERT"
    assert found["allocator"]["name"] == "jemalloc"
    assert found["allocator"]["object"] == str(program)
    assert report(program, preload=LIBRARIES["mimalloc"])["verdict"] == "MAPPED_BUT_INERT"
    file = report(program)
    assert serves(file, "jemalloc")
    assert any("malloc of its own" in one["text"] for one in file["evidence"])


def test_embedded_jemalloc_and_a_preload_that_takes_strdup_is_inert(embedded, built):
    """Such a preload (mimalloc 3.6 is one) crashes the program: free gets what strdup made."""
    source = built / "taker.c"
    source.write_text("#include <stddef.h>\nstatic char heap[1 << 16];\nstatic size_t used;\n"
                      "void *malloc(size_t n) { used += 64; return heap + used; }\n"
                      "void free(void *p) {}\nvoid *calloc(size_t n, size_t m) { return malloc(0); }\n"
                      "void *realloc(void *p, size_t n) { return malloc(n); }\n"
                      "char *strdup(const char *s) { return malloc(0); }\n")
    cc("-shared", "-fPIC", "-fno-builtin", source, "-o", built / "libtaker.so")
    with running(embedded, preload=built / "libtaker.so") as process:
        found = report(process.pid)
    assert found["verdict"] == "MAPPED_BUT_INERT" and "strdup" in found["reason"]
    assert any(one["function"] == "strdup" for one in found["deviations"])


# Where it works in part

def test_plugin_with_its_own_scope_is_partial_and_named(built):
    plugin = built / "plugin.so"
    with running(built / "waiter", plugin, preload=LIBRARIES["mimalloc"]) as process:
        assert serves(report(process.pid), "mimalloc")
    with running(built / "waiter", f"deep:{plugin}", preload=LIBRARIES["mimalloc"]) as process:
        found = report(process.pid)
    assert found["verdict"] == "PARTIAL" and "plugin.so" in found["reason"]
    assert {(one["object"], one["allocator"]) for one in found["deviations"]} == {
        (str(plugin), "system")}


def test_plugin_in_a_namespace_of_its_own_is_partial_and_named(built):
    plugin = built / "plugin.so"
    with running(built / "waiter", f"new:{plugin}", preload=LIBRARIES["mimalloc"]) as process:
        found = report(process.pid)
    assert found["verdict"] == "PARTIAL"
    assert str(plugin) in {one["object"] for one in found["deviations"]}


OWN_MALLOC = """
#include <stddef.h>
#include <stdio.h>
static char heap[1 << 20];
static size_t used;
ATTRIBUTE void *malloc(size_t n) { used += 64; return heap + used; }
ATTRIBUTE void *calloc(size_t n, size_t m) { return malloc(n * m); }
ATTRIBUTE void *realloc(void *p, size_t n) { return malloc(n); }
ATTRIBUTE void free(void *p) {}
void plugin_use(void) { void *volatile p = malloc(5); free(p); }
int main(void) { plugin_use(); puts("ready"); fflush(stdout); return getchar(); }
"""


def test_malloc_that_a_program_hides_is_partial(built):
    source, program = built / "hidden.c", built / "hidden"
    source.write_text(OWN_MALLOC)
    cc("-fno-builtin", '-DATTRIBUTE=__attribute__((visibility("hidden")))', source, "-o", program)
    with running(program, preload=LIBRARIES["mimalloc"]) as process:
        found = report(process.pid)
    assert found["verdict"] == "PARTIAL" and found["deviations"][0]["object"] == str(program)


def test_plugin_that_binds_its_own_malloc_is_partial_and_named(built):
    source, plugin = built / "own.c", built / "own.so"
    source.write_text(OWN_MALLOC)
    cc("-shared", "-fPIC", "-fno-builtin", "-DATTRIBUTE=", "-Wl,-Bsymbolic", source, "-o", plugin)
    with running(built / "waiter", plugin) as process:
        found = report(process.pid)
    assert found["verdict"] == "PARTIAL" and found["deviations"][0]["object"] == str(plugin)


def test_address_of_malloc_in_a_program_at_a_fixed_place_is_followed(built):
    """There &malloc is an entry of the program's own PLT, for every library too."""
    plugin = built / "noplt.so"
    cc("-no-pie", "-fno-pic", "-Wl,-z,lazy", "-DTAKE_ADDRESS", PROGRAMS / "waiter.c", "-o",
       built / "fixed")
    cc("-shared", "-fPIC", "-fno-plt", PROGRAMS / "plugin.c", "-o", plugin)
    symbols = subprocess.run(["readelf", "-W", "--dyn-syms", built / "fixed"], capture_output=True,
                             text=True).stdout
    line = next(line for line in symbols.splitlines() if " malloc" in line)
    assert "UND" in line and int(line.split()[1], 16), line
    with running(built / "fixed", plugin, preload=LIBRARIES["jemalloc"]) as process:
        assert serves(report(process.pid), "jemalloc")


def test_plugin_opened_later_is_seen_with_wait(built):
    """Judged at its start the program has no plugin yet."""
    command = ["--stop", "--", built / "waiter", f"deep:{built}/plugin.so"]
    pipe, hold = os.pipe()
    options = {"preload": LIBRARIES["mimalloc"]}
    early = verify("--json", "-o", built / "early", *command, **options)
    late = subprocess.run([SHALE, "verify", "--wait", "0.5", *map(str, command)],
                          env={**os.environ, "LD_PRELOAD": options["preload"]}, stdin=pipe,
                          capture_output=True, text=True, timeout=30)
    os.close(pipe)
    os.close(hold)
    assert early.returncode == ACTIVE and late.returncode == PARTIAL, late.stderr


def test_function_the_allocator_lacks_is_partial(built):
    cc("-DUSE_PVALLOC", PROGRAMS / "waiter.c", "-o", built / "pvalloc")
    with running(built / "pvalloc", preload=LIBRARIES["jemalloc"]) as process:
        found = report(process.pid)
    assert found["verdict"] == "PARTIAL" and "pvalloc" in found["reason"]
    with running(built / "pvalloc", preload=LIBRARIES["mimalloc"]) as process:
        assert serves(report(process.pid), "mimalloc")


# Real programs

def test_redis_says_jemalloc_and_is_served_by_mimalloc(tmp_path):
    server = shutil.which("redis-server")
    socket = tmp_path / "redis.sock"
    with running(server, "--port", "0", "--unixsocket", socket, "--save", "", "--dir", tmp_path,
                 preload=LIBRARIES["mimalloc"], ready=b"eady to accept") as process:
        info = subprocess.run(["redis-cli", "-s", socket, "info", "memory"], capture_output=True,
                              text=True).stdout
        found = report(process.pid)
    assert "mem_allocator:jemalloc" in info
    assert serves(found, "mimalloc")
    with running(server, "--port", "0", "--unixsocket", socket, "--save", "", "--dir", tmp_path,
                 ready=b"eady to accept") as process:
        assert serves(report(process.pid), "jemalloc")


@pytest.mark.parametrize("preload,name", [(None, "system"), (LIBRARIES["jemalloc"], "jemalloc")])
def test_python_has_pymalloc_above_malloc(preload, name):
    program = "print('ready', flush=True); input()"
    with running(PYTHON, "-c", program, preload=preload) as process:
        found = report(process.pid)
    assert serves(found, name)
    assert len(found["layers"]) == 1
    assert f"malloc served by {name}" in found["layers"][0] and "pymalloc" in found["layers"][0]
    with running(PYTHON, "-c", program, preload=preload, env={"PYTHONMALLOC": "malloc"}) as process:
        assert "without pymalloc" in report(process.pid)["layers"][0]


def test_script_is_judged_by_its_interpreter(built):
    script = built / "script"
    script.write_text(f"#!/usr/bin/env -S python3 -S\nprint('ready', flush=True)\ninput()\n")
    script.chmod(0o755)
    with running(script, preload=LIBRARIES["mimalloc"], env={"PATH": "/usr/bin:/bin"}) as process:
        found = report(process.pid)
    assert serves(found, "mimalloc") and "pymalloc" in found["layers"][0]
    file = report(script, env={"PATH": "/usr/bin:/bin"})
    assert serves(file, "system") and file["executable"].endswith("python3")


def test_musl_program(built):
    cc(PROGRAMS / "waiter.c", "-o", built / "musl", compiler="musl-gcc")
    with running(built / "musl") as process:
        found = report(process.pid)
    assert serves(found, "system") and found["allocator"]["version"].startswith("musl-1.")
    assert serves(report(built / "musl"), "system")
    with running(built / "musl") as process:
        assert report("--expect", "mimalloc", process.pid)["verdict"] == "ABSENT"
    found = report(built / "musl", preload=glob.glob("/usr/lib/*/libmimalloc.so.2")[0])
    assert found["verdict"] == "ABSENT" and "musl" in found["remedy"]


def test_program_started_by_the_dynamic_linker_itself(built):
    linker = (glob.glob("/lib64/ld-linux*") or glob.glob("/lib/ld-linux-*"))[0]
    with running(linker, built / "waiter", preload=LIBRARIES["jemalloc"]) as process:
        assert serves(report(process.pid), "jemalloc")
    with running(linker, "--preload", LIBRARIES["mimalloc"], built / "waiter") as process:
        found = report(process.pid)
    assert serves(found, "mimalloc") and found["expected"]["from"] == "a preloaded library"


def test_deleted_program_and_library_are_still_read(built):
    program, library = built / "gone", built / "libmimalloc-copy.so.2"
    shutil.copy(built / "waiter", program)
    shutil.copy(glob.glob("/usr/lib/*/libmimalloc.so.2")[0], library)
    with running(program, preload=library) as process:
        program.unlink()
        library.unlink()
        found = report(process.pid)
    assert serves(found, "mimalloc") and found["allocator"]["version"]
    assert "(deleted)" in found["executable"] and found["build_id"]


def test_program_in_another_root_is_read(built):
    if os.getuid() != 0:
        pytest.skip("needs root for another root folder")
    root = built / "root"
    for file in subprocess.run(["ldd", built / "waiter"], capture_output=True, text=True).stdout.split():
        if file.startswith("/"):
            (root / file[1:]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, root / file[1:])
    shutil.copy(glob.glob("/usr/lib/*/libmimalloc.so.2")[0], root / "libmimalloc.so.2")
    shutil.copy(built / "waiter", root / "waiter")
    with running("/waiter", preload="/libmimalloc.so.2",
                 preexec_fn=lambda: os.chroot(root)) as process:
        assert serves(report(process.pid), "mimalloc")
