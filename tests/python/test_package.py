# SPDX-License-Identifier: MIT
"""The package around the collections: settings, proofs, doctests, sets, the end of the interpreter,
fork, subinterpreters."""
import doctest
import importlib
import os
import pathlib
import subprocess
import sys
import textwrap

import pytest

import concurrent_collections as cc

PACKAGE = pathlib.Path(cc.__file__).parent


def run(code, status=0, **environment):
    done = subprocess.run([sys.executable, "-X", "dev", "-c", textwrap.dedent(code)], text=True,
                          env={**os.environ, "PYTHONPATH": str(PACKAGE.parent), **environment},
                          capture_output=True, timeout=60)
    assert done.returncode == status, done.stderr
    return done.stdout + done.stderr


def test_examples_in_docstrings():
    tried = 0
    for name in ("_maps", "_sets", "_queues", "_config", "_system"):
        result = doctest.testmod(importlib.import_module(f"concurrent_collections.{name}"))
        assert result.failed == 0
        tried += result.attempted
    assert tried >= 10


def test_every_name_has_its_documentation():
    for name in cc.__all__:
        item = getattr(cc, name)
        assert item.__doc__, name
        for member in dir(item) if isinstance(item, type) else ():
            if not member.startswith("_") and callable(getattr(item, member)):
                assert getattr(item, member).__doc__, f"{name}.{member}"


def test_examples_of_the_readme():
    text = (pathlib.Path(os.environ["SHALE_SOURCE"]) / "python/README.md").read_text()
    code = text.split("```python\n")[1].split("```")[0]
    names = {}
    for line in code.splitlines():
        statement, _, wanted = line.partition("#")
        if wanted.strip():
            assert repr(eval(statement, names)) == wanted.strip()
        else:
            exec(statement, names)


# ------------------------------------------------------------------------------------ settings

def test_settings():
    out = run("""
        from concurrent_collections import *
        assert config.smr_scheme == "ebr" and config.retire_threshold == 7
        assert config.smr_stats() == {}
        config.smr_scheme = "ibr"
        SkipListMap()
        config.smr_scheme = "ibr"
        config.enable_statistics = True
        assert config.smr_stats()["scheme"] == "ibr"
        try:
            config.smr_scheme = "ebr"
        except RuntimeError as error:
            print(error)
        """, CONCURRENT_COLLECTIONS_SMR_SCHEME="ebr",
              CONCURRENT_COLLECTIONS_RETIRE_THRESHOLD="7", CONCURRENT_COLLECTIONS_ENABLE_STATS="0")
    assert "set it before" in out


@pytest.mark.parametrize("name, value", [
    ("smr_scheme", "hazard"), ("retire_threshold", 0), ("retire_threshold", "7"),
    ("max_reclaim_per_poll", 10 ** 6), ("enable_statistics", 1), ("retire_threshold", True)])
def test_bad_settings(name, value):
    with pytest.raises(ValueError, match=name):
        setattr(cc.config, name, value)


def test_settings_that_do_not_exist():
    with pytest.raises(AttributeError, match="no setting 'smr_schema'"):
        cc.config.smr_schema = "ibr"
    with pytest.raises(AttributeError):
        cc.config.gil_disabled = True


@pytest.mark.parametrize("name, value", [("SMR_SCHEME", "x"), ("RETIRE_THRESHOLD", "many"),
                                         ("ENABLE_STATS", "yes")])
def test_bad_environment(name, value):
    out = run("import concurrent_collections", 1, **{f"CONCURRENT_COLLECTIONS_{name}": value})
    assert "ValueError" in out and value in out


# -------------------------------------------------------------------------------------- proofs

def test_system_info_is_proven():
    info = cc.get_system_info()
    assert info.memory_allocator == cc.config.active_backend
    assert info.memory_allocator_verified and "belongs to" in info.memory_allocator_evidence
    assert info.total_memory >= info.available_memory > 0 and info.cpu_count >= 1
    assert info.python_allocator in ("pymalloc", "mimalloc", "malloc")
    assert "python_allocator='malloc'" in run(
        "import concurrent_collections as cc; print(cc.get_system_info())", PYTHONMALLOC="malloc")


def test_health_check():
    report = cc.health_check()
    assert report["ok"] and report["problems"] == []


# ------------------------------------------------------------------------------------ the sets

@pytest.mark.parametrize("kind", [cc.SkipListSet, cc.TreeSet, cc.FrozenSkipListSet,
                                  cc.FrozenTreeSet])
def test_sets(kind):
    s = kind([5, 1, 3])
    assert list(s) == [1, 3, 5] and list(reversed(s)) == [5, 3, 1] and 3 in s and 4 not in s
    assert s | {2} == {1, 2, 3, 5} and s & [1, 9] == {1} and s - {1} == {3, 5} and s ^ {1, 2} == \
        {2, 3, 5}
    assert type(s | {2}) is kind and s.union([2], [7]) == {1, 2, 3, 5, 7}
    assert s.intersection([1, 3], [3]) == {3} and s.difference([1]) == {3, 5}
    assert s.issubset([1, 3, 5, 7]) and s.issuperset([1]) and s < {1, 3, 5, 7} and s == {1, 3, 5}
    assert (s.first(), s.last(), s.floor(4), s.higher(5 - 2)) == (1, 5, 3, 5)
    assert s.symmetric_difference([1]) == {3, 5} and s.copy() == s and s.isdisjoint({2})


@pytest.mark.parametrize("kind", [cc.SkipListSet, cc.TreeSet])
def test_sets_that_change(kind):
    s = kind()
    assert s.add(2) and not s.add(2) and s.discard(2) and not s.discard(2)
    s.update([3, 1], [2])
    assert s.pop() == 1 and s.pop_max() == 3 and len(s) == 1
    with pytest.raises(KeyError):
        s.remove(9)
    s |= {4}
    frozen = s.snapshot()
    assert {frozen: 1}[frozenset({2, 4})] == 1 and frozen.thaw() == s
    s.clear()
    with pytest.raises(KeyError):
        s.pop()
    assert frozen == {2, 4}


def test_bounded_map():
    full = cc.BoundedSkipListMap(2, {1: 1, 2: 2})
    with pytest.raises(OverflowError, match="2 entries"):
        full[3] = 3
    full[2] = 5
    assert full == {1: 1, 2: 5}
    for eviction, wanted in (("oldest", {2: 2, 3: 3}), ("newest", {1: 1, 3: 3})):
        assert cc.BoundedSkipListMap(2, [(1, 1), (2, 2), (3, 3)], eviction=eviction) == wanted
    with pytest.raises(ValueError, match="eviction"):
        cc.BoundedSkipListMap(2, eviction="random")
    with pytest.raises(ValueError, match="maxsize"):
        cc.BoundedSkipListMap(0)


# ------------------------------------------------------------------------ beginnings and ends

def test_interpreter_ends_with_live_collections_and_threads():
    out = run("""
        import threading, time
        from concurrent_collections import *
        m, q = SkipListMap(), LockFreeQueue()
        class Dying:
            def __del__(self):
                print("gone")
        for n in range(3):
            m[n] = Dying()
        m[9] = m
        def work():
            n = 10
            while True:
                m[n] = n; m.pop(n); n += 1; q.put(n); q.get()
        threading.Thread(target=work, daemon=True).start()
        threading.Thread(target=q.get, daemon=True).start()
        time.sleep(0.1)
        """)
    assert "Traceback" not in out and "rror" not in out


def test_fork():
    run("""
        import os
        from concurrent_collections import *
        m = SkipListMap((n, n) for n in range(1000))
        for n in range(500): del m[n]
        child = os.fork()
        if child == 0:
            for n in range(500, 1000): assert m.pop(n) == n
            m[1] = 1
            os._exit(0 if list(m) == [1] and reclaim() >= 0 else 1)
        assert os.waitpid(child, 0)[1] == 0 and len(m) == 500
        """)


def test_threads_that_end_leave_nothing():
    run("""
        import threading, time, weakref
        from concurrent_collections import *
        class Thing: pass
        m, left = TreeMap(), weakref.WeakSet()
        def work(number):
            for n in range(200):
                thing = Thing(); left.add(thing)
                m[number * 1000 + n] = thing
            for n in range(200): del m[number * 1000 + n]
        for number in range(20):
            t = threading.Thread(target=work, args=(number,)); t.start(); t.join()
        end = time.monotonic() + 20  # join() returns shortly before the thread is gone
        while left and time.monotonic() < end: reclaim()
        assert len(left) == 0 and len(m) == 0, len(left)
        """)


def test_subinterpreters_share_nothing():
    run("""
        import _xxsubinterpreters as interpreters
        code = "\\n".join(["from concurrent_collections import *",
            "m, q = SkipListMap({1: 2}), LockFreeQueue()", "m[3] = m; q.put(m)",
            "for n in range(1000): m[n] = [n]; m.pop(n)",
            "assert config.smr_stats()['retired_count'] > 0"])
        import concurrent_collections
        for _ in range(3):
            one = interpreters.create()
            interpreters.run_string(one, code)
            interpreters.destroy(one)
        assert concurrent_collections.SkipListMap({1: 2}) == {1: 2}
        """)
