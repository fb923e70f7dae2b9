# SPDX-License-Identifier: MIT
"""The ordered maps: the standard library's tests of mappings, random steps against a dict, keys that
misbehave, threads, and the garbage collector."""
import copy
import ctypes
import gc
import pickle
import random
import sys
import threading
import weakref
from test import mapping_tests

import pytest
from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

import concurrent_collections as cc

KINDS = [cc.SkipListMap, cc.TreeMap]
pytestmark = pytest.mark.parametrize("kind", KINDS)


class Ranked:
    """A key that is compared in Python only."""
    calls = 0

    def __init__(self, rank):
        self.rank = rank

    def __lt__(self, other):
        Ranked.calls += 1
        return self.rank < other.rank

    def __repr__(self):
        return f"Ranked({self.rank})"


# ------------------------------------------------------------------ the standard library's tests

class Standard:
    """mapping_tests' reference has keys that have no order; these have one."""

    def _reference(self):
        return {"1": 2, "key1": "value1", "key2": (1, 2, 3)}

    def test_fromkeys(self):
        """Its own is written for dict.fromkeys, which an unordered key ends differently."""


def test_standard_mapping(kind):
    class Test(Standard, mapping_tests.BasicTestMappingProtocol):
        type2test = kind
        __qualname__ = f"Test{kind.__name__}"

    result = Test.__new__(Test)
    for name in dir(Test):
        if name.startswith("test_"):
            result.__init__(name)
            result.debug()


# --------------------------------------------------------------------------- against a dict

def machine_of(kind, make_key):
    numbers = st.integers(0, 40)

    class Machine(RuleBasedStateMachine):
        def __init__(self):
            super().__init__()
            self.map, self.model = kind(), {}

        def near(self, found, wanted):
            assert found == (None if wanted is None else (wanted, self.model[wanted]))

        def rank(self, item):
            return item and (getattr(item[0], "rank", item[0]), item[1])

        @rule(number=numbers, value=st.integers())
        def put(self, number, value):
            self.map[make_key(number)] = value
            self.model[number] = value

        @rule(number=numbers, value=st.integers())
        def put_if_absent(self, number, value):
            assert self.map.put_if_absent(make_key(number), value) == self.model.get(number)
            self.model.setdefault(number, value)

        @rule(number=numbers, value=st.integers(), expected=st.integers(0, 3))
        def replace_if(self, number, value, expected):
            held = self.model.get(number) == expected
            assert self.map.replace_if(make_key(number), expected, value) == held
            if held:
                self.model[number] = value

        @rule(number=numbers)
        def remove(self, number):
            assert self.map.pop(make_key(number), None) == self.model.pop(number, None)

        @rule(number=numbers)
        def look(self, number):
            key = make_key(number)
            assert (key in self.map) == (number in self.model)
            assert self.map.get(key, "none") == self.model.get(number, "none")
            self.near(self.rank(self.map._floor(key)),
                      max((n for n in self.model if n <= number), default=None))
            self.near(self.rank(self.map._higher(key)),
                      min((n for n in self.model if n > number), default=None))

        @rule(first=st.booleans())
        def pop_end(self, first):
            if not self.model:
                with pytest.raises(KeyError):
                    self.map.popitem(last=not first)
                return
            wanted = min(self.model) if first else max(self.model)
            assert self.rank(self.map.popitem(last=not first)) == (wanted, self.model.pop(wanted))

        @rule(low=numbers, high=numbers, inclusive=st.tuples(st.booleans(), st.booleans()),
              reverse=st.booleans())
        def between(self, low, high, inclusive, reverse):
            wanted = [n for n in sorted(self.model, reverse=reverse)
                      if (low < n or inclusive[0] and n == low)
                      and (n < high or inclusive[1] and n == high)]
            found = self.map.irange(make_key(low), make_key(high), inclusive, reverse)
            assert [getattr(key, "rank", key) for key in found] == wanted

        @invariant()
        def same(self):
            assert len(self.map) == len(self.model)
            assert [self.rank(item) for item in self.map.items()] == sorted(self.model.items())

    return Machine


@pytest.mark.parametrize("make_key", [int, Ranked, float, str, lambda n: (n, "x")],
                         ids=["int", "python", "float", "str", "tuple"])
def test_agrees_with_a_dict(kind, make_key):
    machine = machine_of(kind, make_key)
    if make_key is str or make_key(1) == (1, "x"):
        # Words and tuples in the order of numbers, so that the model stays one of numbers.
        wrap = (lambda n: f"{n:03}") if make_key is str else make_key
        machine = machine_of(kind, lambda n: Wrapped(wrap(n), n))
    run_state_machine_as_test(machine, settings=settings(
        max_examples=25, stateful_step_count=40, deadline=None, database=None,
        suppress_health_check=list(HealthCheck)))


class Wrapped:
    """Compares as what is inside, and tells its number."""

    def __init__(self, inside, rank):
        self.inside, self.rank = inside, rank

    def __lt__(self, other):
        return self.inside < other.inside


def test_many_keys_in_order(kind):
    numbers = list(range(-5000, 5000))
    random.Random(7).shuffle(numbers)
    for keys in (numbers, [n * 10 ** 18 for n in numbers], [n / 7 for n in numbers],
                 [f"ключ {n}" for n in numbers], [n.to_bytes(8, "big", signed=True)
                                                  for n in numbers],
                 [(n % 10, str(n)) for n in numbers]):
        a_map = kind((key, key) for key in keys)
        assert list(a_map) == sorted(keys)
        assert list(reversed(a_map)) == sorted(keys, reverse=True)
        assert all(a_map[key] == key for key in keys)


def test_numbers_of_all_types_are_one_order(kind):
    from decimal import Decimal
    from fractions import Fraction
    keys = [3, 2.5, True, Fraction(1, 3), Decimal("2.75"), 2 ** 70, -2.0 ** 70, 0]
    a_map = kind.fromkeys(keys)
    assert list(a_map) == sorted(keys)
    assert 1 in a_map and 3.0 in a_map and Fraction(5, 2) in a_map and 4 not in a_map


# ------------------------------------------------------------------------------- orders

def test_comparators(kind):
    C = cc.Comparator
    words = ["b10", "b9", "a", "B"]
    assert list(kind.fromkeys(words)) == sorted(words)
    assert list(kind(((w, 1) for w in words), cmp=C.reverse())) == sorted(words, reverse=True)
    assert list(kind(((w, 1) for w in words), cmp=C.numeric())) == ["B", "a", "b9", "b10"]
    assert list(kind(((w, 1) for w in words), cmp=C.string())) == sorted(words)
    assert list(kind(((w, 1) for w in words), key=str.lower)) == ["a", "B", "b10", "b9"]
    by_length = kind(((w, 1) for w in words), cmp=lambda a, b: len(a) - len(b))
    assert len(by_length) == 3 and by_length.comparator_type.kind == "function"
    assert kind(cmp=C.reverse()).comparator_type == C.reverse() != C.natural()


def test_c_function_orders(kind):
    @ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.py_object)
    def backwards(left, right):
        return (right > left) - (right < left)

    a_map = kind(((n, n) for n in range(50)), cmp=cc.Comparator.from_cfunc(backwards))
    assert list(a_map) == list(range(49, -1, -1))
    with pytest.raises(TypeError, match="ctypes function or a capsule"):
        cc.Comparator.from_cfunc(len)


def test_text_orders_refuse_other_keys(kind):
    for comparator in (cc.Comparator.numeric(), cc.Comparator.string()):
        with pytest.raises(TypeError, match="are str, not int"):
            kind(cmp=comparator)[1] = 1


# ------------------------------------------------------------------ keys that misbehave

def test_keys_without_an_order_are_refused(kind):
    a_map = kind({1: 1})
    with pytest.raises(TypeError, match="'<' not supported"):
        a_map["a"] = 1
    with pytest.raises(TypeError, match="'<' not supported"):
        a_map.get("a")
    for key in (None, object(), {}, 1j):
        with pytest.raises(TypeError):
            kind()[key] = 1
    for key in (float("nan"), (1, float("nan"))):
        with pytest.raises(ValueError, match="NaN"):
            a_map[key] = 1
    with pytest.raises(TypeError, match="for a function of one key use key="):
        kind(cmp=3)
    with pytest.raises(TypeError, match="function of a key"):
        kind(key=3)
    assert dict(a_map) == {1: 1}


@pytest.mark.parametrize("fail_at", range(1, 12))
def test_comparison_that_raises_changes_nothing(kind, fail_at):
    left = [10 ** 9]

    class Failing(Ranked):
        def __lt__(self, other):
            left[0] -= 1
            if left[0] == 0:
                raise LookupError("no comparison")
            return super().__lt__(other)

    a_map = kind((Failing(n), n) for n in range(64))
    steps = [lambda: a_map.__setitem__(Failing(20.5), 1), lambda: a_map.pop(Failing(20)),
             lambda: a_map.replace(Failing(20), 1), lambda: a_map.put_if_absent(Failing(99), 1),
             lambda: a_map._floor(Failing(20)), lambda: list(a_map.irange(Failing(2), Failing(9)))]
    for step in steps:
        left[0] = fail_at
        try:
            step()
        except LookupError:
            left[0] = 10 ** 9
            assert [key.rank for key in a_map] == list(range(64))
            assert list(a_map.values()) == list(range(64))
        else:
            break


def test_comparison_may_look_but_not_change(kind):
    class Looking(Ranked):
        def __lt__(self, other):
            if inside:
                inside[0](self)
            return super().__lt__(other)

    inside = []
    a_map = kind((Looking(n), n) for n in range(20))
    inside.append(lambda key: len(a_map))
    assert a_map[Looking(7)] == 7
    inside[0] = lambda key: gc.collect()
    assert a_map[Looking(8)] == 8
    inside[0] = lambda key: a_map.clear()
    with pytest.raises(RuntimeError, match="changes the map it is made for"):
        a_map.get(Looking(3))
    inside.clear()
    assert len(a_map) == 20


def test_comparison_that_recurses_ends(kind):
    class Recursing(Ranked):
        def __lt__(self, other):
            return a_map.get(Recursing(self.rank), True)

    a_map = kind()
    with pytest.raises(RecursionError):
        a_map[Recursing(1)] = 1
        a_map[Recursing(2)] = 1


def test_destructor_may_use_its_container(kind):
    class Dying:
        def __del__(self):
            a_map[len(a_map) + 1000] = None
            a_map.pop(next(iter(a_map)), None)
            died.append(1)

    died = []
    a_map = kind()
    for n in range(500):
        a_map[n] = Dying()
    for n in range(500):
        a_map.pop(n, None)
    cc.reclaim()
    for _ in range(10):
        cc.reclaim()
    a_map.clear()
    cc.reclaim()
    assert len(died) == 500


# ------------------------------------------------------------------------- objects and memory

def test_everything_given_up_is_destroyed(kind):
    class Thing:
        def __lt__(self, other):
            return id(self) < id(other)

    things = [Thing() for _ in range(300)]
    left = weakref.WeakSet(things)
    a_map = kind()
    for thing in things:
        a_map[thing] = thing
        a_map[thing] = [thing]
    del a_map[things[0]]
    assert a_map.pop_min() and a_map.popitem() and a_map.replace(things[150], 1)
    things.clear()
    del thing
    a_map.clear()
    cc.reclaim()
    assert len(left) == 0


def test_failures_lose_no_reference(kind):
    value, key = object(), Ranked(1)
    a_map = kind({Ranked(1): 1})
    before = sys.getrefcount(value), sys.getrefcount(key)
    for _ in range(100):
        a_map.put_if_absent(key, value)
        with pytest.raises(KeyError):
            a_map.replace(Ranked(5), value)
        assert not a_map.replace_if(key, 99, value)
        with pytest.raises(AttributeError):
            a_map[1] = value
        with pytest.raises(TypeError):
            a_map.get()
        a_map[key] = value
        a_map[key] = 1
    cc.reclaim()
    assert (sys.getrefcount(value), sys.getrefcount(key)) == before


def test_cycles_are_collected(kind):
    for make in (int, Ranked):
        a_map = kind()
        for n in range(1000):
            a_map[make(n)] = [a_map]
        a_map[make(5)] = iter(a_map)
        next(a_map[make(5)])
        gone = weakref.ref(a_map)
        del a_map
        cc.reclaim()  # the list that was replaced, which nobody can see any more
        gc.collect()
        assert gone() is None


def test_copies(kind):
    a_map = kind({3: [1], 1: [2]}, cmp=cc.Comparator.reverse())
    for other in (copy.copy(a_map), copy.deepcopy(a_map), pickle.loads(pickle.dumps(a_map)),
                  a_map.copy(), a_map.snapshot(), a_map.snapshot().thaw(),
                  pickle.loads(pickle.dumps(a_map.snapshot()))):
        assert other == a_map and list(other) == [3, 1]
    assert copy.copy(a_map)[3] is a_map[3] and copy.deepcopy(a_map)[3] is not a_map[3]
    a_map[2] = a_map
    assert "..." in repr(a_map)


def test_frozen_maps_can_be_keys(kind):
    frozen = kind({1: 2, 3: 4}).snapshot()
    assert {frozen: 1}[kind({3: 4, 1: 2}).snapshot()] == 1
    assert frozen == {1: 2, 3: 4} and frozen.ceiling_key(2) == 3
    with pytest.raises(TypeError):
        frozen[5] = 1
    with pytest.raises(TypeError, match="unhashable"):
        hash(kind())
    with pytest.raises(TypeError, match="unhashable"):
        hash(kind({1: []}).snapshot())


def test_submap_is_a_view(kind):
    a_map = kind((n, str(n)) for n in range(100))
    part = a_map.submap(10, 20)
    assert list(part) == list(range(10, 20)) and len(part) == 10
    del part[15]
    part[12] = "new"
    assert 15 not in a_map and a_map[12] == "new" and 20 not in part and 12 in part
    for step in (lambda: part[20], lambda: part.__delitem__(5)):
        with pytest.raises(KeyError):
            step()
    with pytest.raises(ValueError, match="outside the submap"):
        part[20] = 1
    assert list(reversed(part))[0] == 19 and part.keys() & {11, 99} == {11}


# ------------------------------------------------------------------------------------- threads

def in_threads(count, work):
    errors = []
    start = threading.Barrier(count)

    def run(number):
        start.wait()
        try:
            work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, errors


@pytest.mark.parametrize("make_key", [int, Ranked], ids=["int", "python"])
def test_threads_lose_nothing(kind, make_key):
    a_map = kind()
    steps = 3000 if make_key is int else 500
    sums = [0] * 4

    def work(number):
        generator = random.Random(number)
        for _ in range(steps):
            key = make_key(generator.randrange(50))
            if generator.random() < 0.5:
                if a_map.put_if_absent(key, 1) is None:
                    sums[number] += 1
            elif a_map.pop(key, None) is not None:
                sums[number] -= 1

    old = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        in_threads(4, work)
    finally:
        sys.setswitchinterval(old)
    assert sum(sums) == len(a_map) == len(list(a_map))


def test_iteration_beside_changes(kind):
    a_map = kind((n, n) for n in range(0, 2000, 2))
    stop = threading.Event()

    def work(number):
        generator = random.Random(number)
        if number == 0:
            for _ in range(20):
                seen = list(a_map)
                assert seen == sorted(set(seen))
                assert [n for n in seen if n % 2 == 0] == list(range(0, 2000, 2))
            stop.set()
        while not stop.is_set():
            key = 2 * generator.randrange(1000) + 1
            a_map[key] = key
            a_map.pop(key, None)

    in_threads(3, work)


def test_one_iterator_gives_each_key_to_one_thread(kind):
    a_map = kind.fromkeys(range(2000))
    walk, seen = iter(a_map), []

    def work(number):
        while True:
            try:
                seen.append(next(walk))
            except StopIteration:
                return
            except RuntimeError:
                continue

    in_threads(2, work)
    assert sorted(seen) == list(range(2000))
