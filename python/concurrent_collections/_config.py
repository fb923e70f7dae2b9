# SPDX-License-Identifier: MIT
"""The package's settings: `concurrent_collections.config`."""
from __future__ import annotations

import os
import platform
import sys
from typing import Any

from . import _core

_SCHEMES = ("ebr", "ibr")
_KEEP = -1
_MAX_RECLAIM = 1024


def _number(name: str, value: Any, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise ValueError(f"{name} is a number from 1 to {most}, not {value!r}")
    return value


def _switch(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{name} is True or False, not {value!r}")
    return value


class Config:
    """Settings of the collections; bad values are ValueErrors.

    At the start they are read from CONCURRENT_COLLECTIONS_SMR_SCHEME,
    CONCURRENT_COLLECTIONS_RETIRE_THRESHOLD and CONCURRENT_COLLECTIONS_ENABLE_STATS.
    """
    __slots__ = ("_statistics", "_alloc_statistics")

    def __init__(self) -> None:
        self._statistics = True
        self._alloc_statistics = False
        environment = os.environ.get
        scheme = environment("CONCURRENT_COLLECTIONS_SMR_SCHEME")
        if scheme is not None:
            self.smr_scheme = scheme
        threshold = environment("CONCURRENT_COLLECTIONS_RETIRE_THRESHOLD")
        if threshold is not None:
            self.retire_threshold = int(threshold) if threshold.isdigit() else threshold
        statistics = environment("CONCURRENT_COLLECTIONS_ENABLE_STATS")
        if statistics is not None:
            if statistics not in ("0", "1"):
                raise ValueError("CONCURRENT_COLLECTIONS_ENABLE_STATS is 0 or 1, "
                                 f"not {statistics!r}")
            self.enable_statistics = statistics == "1"

    # ---- what is

    @property
    def gil_disabled(self) -> bool:
        """Does this process run without the global interpreter lock?"""
        enabled = getattr(sys, "_is_gil_enabled", lambda: True)
        return not enabled()

    @property
    def active_backend(self) -> str:
        """What the collections' nodes are allocated by."""
        return str(_core._system_info()["backend"])

    @property
    def detected_arch(self) -> str:
        """The processor's architecture."""
        return platform.machine()

    @property
    def detected_features(self) -> frozenset[str]:
        """Of what the collections can make use here: 'membarrier' (guards cost no fence),
        'free_threading', 'alloc_stats'."""
        features = set()
        if _core._smr_stats()["asymmetric"]:
            features.add("membarrier")
        if self.gil_disabled:
            features.add("free_threading")
        if _core._alloc_stats() is not None:
            features.add("alloc_stats")
        return frozenset(features)

    # ---- what can be set

    @property
    def smr_scheme(self) -> str:
        """How memory is reclaimed: 'ibr' (a stalled thread holds up little) or 'ebr' (faster, but
        a stalled thread holds up everything). RuntimeError once a collection was made."""
        return _SCHEMES[_core._configure(_KEEP, 0, 0)[0]]

    @smr_scheme.setter
    def smr_scheme(self, scheme: str) -> None:
        if scheme not in _SCHEMES:
            raise ValueError(f"smr_scheme is 'ibr' or 'ebr', not {scheme!r}")
        _core._configure(_SCHEMES.index(scheme), 0, 0)

    @property
    def retire_threshold(self) -> int:
        """After so many removed references a thread looks which of them can go."""
        return int(_core._configure(_KEEP, 0, 0)[1])

    @retire_threshold.setter
    def retire_threshold(self, number: Any) -> None:
        _core._configure(_KEEP, _number("retire_threshold", number, 1 << 20), 0)

    @property
    def max_reclaim_per_poll(self) -> int:
        """At most so many of them go at a time."""
        return int(_core._configure(_KEEP, 0, 0)[2])

    @max_reclaim_per_poll.setter
    def max_reclaim_per_poll(self, number: Any) -> None:
        _core._configure(_KEEP, 0, _number("max_reclaim_per_poll", number, _MAX_RECLAIM))

    @property
    def enable_statistics(self) -> bool:
        """Does smr_stats() tell anything? The counting itself costs nothing."""
        return self._statistics

    @enable_statistics.setter
    def enable_statistics(self, on: bool) -> None:
        self._statistics = _switch("enable_statistics", on)

    @property
    def enable_alloc_statistics(self) -> bool:
        """Are the allocations of nodes counted? RuntimeError in a build without alloc_stats."""
        return self._alloc_statistics

    @enable_alloc_statistics.setter
    def enable_alloc_statistics(self, on: bool) -> None:
        if not _core._alloc_stats_enable(_switch("enable_alloc_statistics", on)) and on:
            raise RuntimeError("this build does not count allocations; "
                               "build it with -Dalloc_stats=true")
        self._alloc_statistics = on

    def alloc_stats(self) -> dict[str, int]:
        """Allocations of the collections since counting began: alloc_count, free_count,
        alloc_bytes, free_bytes, current_allocated. Empty where they are not counted."""
        return _core._alloc_stats() or {}

    def reset_alloc_stats(self) -> None:
        """Begins counting anew."""
        _core._alloc_stats_reset()

    def smr_stats(self) -> dict[str, Any]:
        """What waits for threads that might still look at it: limbo_count, limbo_bytes,
        retired_count, reclaimed_count, thread_count and more. Empty if statistics are off."""
        if not self._statistics:
            return {}
        stats = dict(_core._smr_stats())
        stats["scheme"] = _SCHEMES[stats["scheme"]]
        return stats

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("_") and not isinstance(getattr(Config, name, None), property):
            raise AttributeError(f"there is no setting {name!r}")
        super().__setattr__(name, value)

    def __repr__(self) -> str:
        return (f"Config(smr_scheme={self.smr_scheme!r}, "
                f"retire_threshold={self.retire_threshold}, "
                f"max_reclaim_per_poll={self.max_reclaim_per_poll}, "
                f"enable_statistics={self.enable_statistics})")


config = Config()
