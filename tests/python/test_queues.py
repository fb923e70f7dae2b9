# SPDX-License-Identifier: MIT
"""The queues, the stack and the atomics: the standard library's tests of queues, threads that lose
nothing, waiting, shutdown, references."""
import gc
import queue
import signal
import sys
import threading
import time
import weakref
from test import test_queue as standard

import pytest

import concurrent_collections as cc
from test_maps import in_threads


def make_queues():
    return [cc.LockFreeQueue(), cc.FastQueue(1 << 14)]


# ------------------------------------------------------------------ the standard library's tests

@pytest.mark.parametrize("name", ["test_basic", "test_negative_timeout_raises_exception",
                                  "test_nowait", "test_queue_join", "test_queue_task_done"])
def test_standard_queue(name, monkeypatch):
    monkeypatch.setattr(standard, "QUEUE_SIZE", 8)

    class Test(standard.QueueTest, standard.unittest.TestCase):
        queue = queue

    Test.type2test = cc.FastQueue
    Test(name).debug()


# --------------------------------------------------------------------------------- one thread

def test_first_in_first_out():
    for q in make_queues():
        assert q.put_many(range(1000)) == 1000 and q.qsize() == len(q) == 1000
        assert [q.get() for _ in range(10)] == list(range(10))
        assert q.get_many(5) == [10, 11, 12, 13, 14]
        assert q.drain() == list(range(15, 1000)) and q.empty()
        with pytest.raises(cc.Empty):
            q.get_nowait()
        with pytest.raises(queue.Empty):
            q.get(timeout=0.01)
        with pytest.raises(ValueError, match="non-negative"):
            q.get(timeout=-1)
        with pytest.raises(TypeError):
            q.get(wait=True)


def test_bounds():
    q = cc.FastQueue(3)
    assert q.maxsize == 4 and q.put_many("abcdef") == 4 and q.full()
    with pytest.raises(cc.Full):
        q.put_nowait("x")
    with pytest.raises(queue.Full):
        q.put("x", timeout=0.01)
    assert q.drain() == list("abcd")
    for bad in (0, -1, 2 ** 40):
        with pytest.raises(ValueError):
            cc.FastQueue(bad)
    with pytest.raises(ValueError, match="FastQueue"):
        cc.LockFreeQueue(5)


def test_shutdown():
    for q in make_queues():
        q.put(1)
        q.shutdown()
        with pytest.raises(cc.ShutDown, match="was shut down"):
            q.put(2)
        assert q.get() == 1
        with pytest.raises(cc.ShutDown):
            q.get()
    for q in make_queues():
        q.put_many([1, 2])
        q.shutdown(immediate=True)
        with pytest.raises(cc.ShutDown):
            q.get()
        q.join()
    if sys.version_info >= (3, 13):
        assert cc.ShutDown is queue.ShutDown


def test_shutdown_wakes_who_waits():
    for q in (cc.LockFreeQueue(), cc.FastQueue(2)):
        ended = []

        def wait():
            with pytest.raises(cc.ShutDown):
                q.get()
            ended.append(1)

        thread = threading.Thread(target=wait)
        thread.start()
        time.sleep(0.05)
        q.shutdown()
        thread.join(10)
        assert ended == [1]


def test_signal_ends_waiting():
    class Alarm(Exception):
        pass

    def ring(*unused):
        raise Alarm

    old = signal.signal(signal.SIGALRM, ring)
    try:
        for q in make_queues():
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            with pytest.raises(Alarm):
                q.get()
    finally:
        signal.signal(signal.SIGALRM, old)


def test_join_waits_for_the_work():
    for q in make_queues():
        q.put_many(range(50))
        done = []

        def work(number):
            while True:
                try:
                    done.append(q.get(timeout=0.05))
                except cc.Empty:
                    return
                q.task_done()

        threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
        for thread in threads:
            thread.start()
        q.join()
        assert len(done) == 50
        for thread in threads:
            thread.join()
        with pytest.raises(ValueError, match="too many times"):
            q.task_done()


# ------------------------------------------------------------------------------------- threads

def test_threads_lose_nothing():
    for q in (cc.LockFreeQueue(), cc.FastQueue(64)):
        gotten = [[] for _ in range(2)]

        def work(number):
            if number < 2:
                for n in range(5000):
                    q.put((number, n))
                return
            for _ in range(5000):
                gotten[number - 2].append(q.get())

        in_threads(4, work)
        assert sorted(gotten[0] + gotten[1]) == [(p, n) for p in range(2) for n in range(5000)]
        for items in gotten:
            for producer in range(2):
                numbers = [n for p, n in items if p == producer]
                assert numbers == sorted(numbers)


def test_stack():
    s = cc.LockFreeStack("ab")
    s.push("c")
    assert len(s) == 3 and s and s.pop() == "c" and s.try_pop() == "b" and s.pop() == "a"
    assert s.try_pop("none") == "none" and not s
    with pytest.raises(IndexError):
        s.pop()
    popped = [[] for _ in range(4)]

    def work(number):
        for n in range(3000):
            s.push((number, n))
            popped[number].append(s.try_pop())

    in_threads(4, work)
    assert sorted(sum(popped, [])) == [(p, n) for p in range(4) for n in range(3000)]


def test_atomics():
    number, shared = cc.AtomicInt64(5), cc.AtomicRef()
    assert number.fetch_add(2) == 5 and number.increment() == 8 and number.decrement() == 7
    assert number.exchange(1) == 7 and int(number) == 1 and number.fetch_sub(1) == 1
    assert number.compare_exchange(0, 9) and not number.compare_exchange(0, 1)
    number.store(2 ** 63 - 1)
    assert number.increment() == -2 ** 63
    with pytest.raises(OverflowError):
        number.store(2 ** 63)
    number.store(0)
    first = [1]
    assert shared.get() is None and shared.compare_exchange(None, first)
    assert not shared.compare_exchange([1], 2) and shared.exchange([0]) is first

    def work(unused):
        for _ in range(2000):
            number.increment()
            while True:
                old = shared.get()
                if shared.compare_exchange(old, [old[0] + 1]):
                    break

    in_threads(4, work)
    assert number.load() == 8000 and shared.get() == [8000]


# -------------------------------------------------------------------------------------- memory

def test_items_left_are_destroyed():
    class Thing:
        pass

    for make in (cc.LockFreeQueue, lambda: cc.FastQueue(64), cc.LockFreeStack, cc.AtomicRef):
        container = make()
        put = getattr(container, "put", None) or getattr(container, "push", None) or container.set
        left = weakref.WeakSet()
        for _ in range(50):
            thing = Thing()
            left.add(thing)
            put(thing)
        del thing, put
        cc.reclaim()
        assert len(left) == (1 if isinstance(container, cc.AtomicRef) else 50)
        del container
        gc.collect()
        assert len(left) == 0


def test_reference_counts_stay():
    thing = object()
    q, ring, stack, shared = cc.LockFreeQueue(), cc.FastQueue(2), cc.LockFreeStack(), cc.AtomicRef()
    before = sys.getrefcount(thing)
    for _ in range(300):
        q.put(thing), q.get(), q.put_many([thing] * 3), q.drain()
        ring.put_many([thing] * 5), ring.drain(), stack.push(thing), stack.pop()
        shared.set(thing), shared.exchange(None), shared.compare_exchange(thing, thing)
        shared.compare_exchange(None, thing), shared.set(None)
    cc.reclaim()
    assert sys.getrefcount(thing) == before
