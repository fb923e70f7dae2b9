# SPDX-License-Identifier: MIT
"""The queues and the stack: what is made of the methods that _core does in C."""
from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any, Generic, TypeVar

from . import _core

T = TypeVar("T")


class _Queue(Generic[T]):
    """What both queues have beside what _core does: join(), and the names of queue.Queue."""
    __slots__ = ()
    _all_done: threading.Condition

    def __init__(self) -> None:
        self._all_done = threading.Condition(threading.Lock())

    def empty(self) -> bool:
        """Is there nothing in it, as far as can be said while others work?"""
        return self.qsize() == 0  # type: ignore[attr-defined,no-any-return]

    def full(self) -> bool:
        """Is there no more room, as far as can be said while others work?"""
        return 0 < self.maxsize <= self.qsize()  # type: ignore[attr-defined,no-any-return]

    def drain(self) -> list[T]:
        """Takes out what is inside now, as a list."""
        return self.get_many(self.qsize())  # type: ignore[attr-defined,no-any-return]

    def task_done(self) -> None:
        """Says that an item which was gotten is dealt with; ValueError when all were already."""
        if self._finish() <= 0:  # type: ignore[attr-defined]
            with self._all_done:
                self._all_done.notify_all()

    def join(self) -> None:
        """Waits until all items that were put are dealt with, as task_done() says."""
        with self._all_done:
            while self._unfinished() > 0:  # type: ignore[attr-defined]
                # The count is a sum, which may fall to 0 between two looks of task_done().
                self._all_done.wait(0.05)

    def shutdown(self, immediate: bool = False) -> None:
        """Refuses further items, and wakes all who wait: put raises ShutDown at once, get when
        the queue is empty. With `immediate` what is inside is thrown away, as done."""
        self._shutdown()  # type: ignore[attr-defined]
        if immediate:
            for _ in iter(self._throw_away, 0):
                pass

    def _throw_away(self) -> int:
        items = self.get_many(256)  # type: ignore[attr-defined]
        for _ in items:
            self.task_done()
        return len(items)

    def __len__(self) -> int:
        return self.qsize()  # type: ignore[attr-defined,no-any-return]

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.qsize()} items>"  # type: ignore[attr-defined]


class LockFreeQueue(_core.Queue, _Queue[T]):
    """LockFreeQueue(maxsize=0)

    A queue without a bound for any number of producers and consumers, first in, first out, also
    among producers; no thread ever holds up another one. The interface of queue.Queue, and
    put_many, get_many and drain.

    The garbage collector does not look into it: a queue that contains itself by some way is never
    freed.

    >>> from concurrent_collections import LockFreeQueue
    >>> q = LockFreeQueue()
    >>> q.put_many("abc")
    3
    >>> q.get(), q.drain()
    ('a', ['b', 'c'])
    """
    __slots__ = ("_all_done",)

    def __new__(cls, maxsize: int = 0) -> Any:
        if maxsize > 0:
            raise ValueError("LockFreeQueue has no bound; FastQueue(maxsize) has one")
        return super().__new__(cls)

    def __init__(self, maxsize: int = 0) -> None:
        super().__init__()


class FastQueue(_core.Ring, _Queue[T]):
    """FastQueue(maxsize)

    A queue of at most `maxsize` items, rounded up to a power of two, for any number of producers
    and consumers, first in, first out. The interface of queue.Queue, and put_many, get_many and
    drain.

    The fastest queue here while threads run; a thread that is stopped in the middle of a call can
    hold up others, which a LockFreeQueue excludes.
    """
    __slots__ = ("_all_done",)

    def __init__(self, maxsize: int) -> None:
        super().__init__()


class LockFreeStack(_core.Stack, Generic[T]):
    """LockFreeStack(items=())

    A stack for any number of threads, last in, first out; no thread ever holds up another one.

    The garbage collector does not look into it: a stack that contains itself by some way is never
    freed.

    >>> from concurrent_collections import LockFreeStack
    >>> s = LockFreeStack([1, 2])
    >>> s.pop(), s.pop(), s.try_pop()
    (2, 1, None)
    """
    __slots__ = ()

    def __new__(cls, items: Iterable[T] = ()) -> Any:
        return super().__new__(cls)

    def __init__(self, items: Iterable[T] = ()) -> None:
        for item in items:
            self.push(item)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self)} items>"
