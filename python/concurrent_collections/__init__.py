# SPDX-License-Identifier: MIT
"""Ordered maps and sets, queues, a stack and atomics for many threads, without locks.

Everything here may be used from any thread at any time, with the global interpreter lock or on a
free-threaded CPython. What a collection gives up is destroyed a little later than usual, when no
other thread can be looking at it any more: `reclaim()` says now.
"""
from ._core import (AtomicInt64, AtomicRef, Comparator, Empty, Full, ShutDown)
from ._config import config
from ._maps import (BoundedSkipListMap, FrozenSkipListMap, FrozenTreeMap, SkipListMap, TreeMap)
from ._queues import FastQueue, LockFreeQueue, LockFreeStack
from ._sets import FrozenSkipListSet, FrozenTreeSet, SkipListSet, TreeSet
from ._system import get_system_info, health_check, reclaim

__version__ = "0.1.0"

__all__ = [
    "AtomicInt64", "AtomicRef", "BoundedSkipListMap", "Comparator", "Empty", "FastQueue",
    "FrozenSkipListMap", "FrozenSkipListSet", "FrozenTreeMap", "FrozenTreeSet", "Full",
    "LockFreeQueue", "LockFreeStack", "ShutDown", "SkipListMap", "SkipListSet", "TreeMap",
    "TreeSet", "config", "get_system_info", "health_check", "reclaim",
]
