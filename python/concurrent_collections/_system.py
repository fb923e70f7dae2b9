# SPDX-License-Identifier: MIT
"""What the package says about itself and the machine below."""
from __future__ import annotations

import sys
from dataclasses import dataclass

from . import _core

_VERIFIED = 1


@dataclass(frozen=True)
class SystemInfo:
    """What get_system_info() tells; sizes in bytes, 0 where not known."""
    version: str
    cpu_count: int
    memory_allocator: str
    memory_allocator_version: str
    memory_allocator_verified: bool
    memory_allocator_evidence: str
    python_allocator: str
    total_memory: int
    available_memory: int


def _python_allocator() -> str:
    """Who makes Python's small objects: PYTHONMALLOC decides, else how the interpreter was built."""
    import os
    import sysconfig
    asked = os.environ.get("PYTHONMALLOC", "") if not sys.flags.ignore_environment else ""
    for name in ("malloc", "mimalloc", "pymalloc"):
        if asked.startswith(name):
            return name
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        return "mimalloc"
    return "pymalloc" if sysconfig.get_config_var("WITH_PYMALLOC") else "malloc"


def get_system_info() -> SystemInfo:
    """The package, its allocator and whether that is proven to serve it, and the machine.

    The proof looks at a real block of the collections, and at who really serves malloc; what an
    environment variable asks for proves nothing. Milliseconds.
    """
    info = _core._system_info()
    verified = info["verified"] == _VERIFIED
    serving = info["serving"] or "nobody who can be named"
    evidence = (f"a block that was just allocated belongs to {serving}" if verified
                else f"the blocks belong to {serving}" if info["serving"]
                else "the allocator cannot be told by its blocks")
    return SystemInfo(
        version=info["shale_version"], cpu_count=info["cpu_count"],
        memory_allocator=info["backend"], memory_allocator_version=info["backend_version"],
        memory_allocator_verified=verified, memory_allocator_evidence=evidence,
        python_allocator=_python_allocator(), total_memory=info["memory_total_bytes"],
        available_memory=info["memory_available_bytes"])


def reclaim() -> int:
    """Destroys what the collections gave up and no thread can be looking at any more; how many
    nodes and references that were. It happens by and by without this."""
    return _core._reclaim()


def health_check() -> dict[str, object]:
    """Uses every collection once, from two threads, and says what went wrong.

    `ok` is whether nothing did; `problems` are sentences; `limbo_bytes` is what waits to be freed.
    """
    import threading

    from . import (FastQueue, LockFreeQueue, LockFreeStack, SkipListMap, TreeMap)
    problems: list[str] = []

    def use(name: str, put: object, get: object) -> None:
        threads = [threading.Thread(target=put)]  # type: ignore[arg-type]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = sorted(get())  # type: ignore[operator]
        if found != list(range(100)):
            problems.append(f"{name}: 100 items were put, {len(found)} came back")

    for kind in (SkipListMap, TreeMap):
        a_map = kind()
        use(kind.__name__, lambda m=a_map: m.update((i, i) for i in range(100)),
            lambda m=a_map: list(m))
    for queue in (LockFreeQueue(), FastQueue(128)):
        use(type(queue).__name__, lambda q=queue: q.put_many(range(100)), queue.drain)
    stack: LockFreeStack[int] = LockFreeStack()
    use("LockFreeStack", lambda: [stack.push(i) for i in range(100)],
        lambda: [stack.pop() for _ in range(len(stack))])
    info = get_system_info()
    if not info.memory_allocator_verified:
        problems.append(f"the allocator {info.memory_allocator} is not proven: "
                        f"{info.memory_allocator_evidence}")
    stats = _core._smr_stats()
    return {"ok": not problems, "problems": problems, "limbo_bytes": stats["limbo_bytes"],
            "threads": stats["thread_count"], "allocator": info.memory_allocator,
            "allocator_verified": info.memory_allocator_verified}
