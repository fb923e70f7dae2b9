# SPDX-License-Identifier: MIT
"""The ordered sets: the keys of a map, with the algebra of collections.abc.Set."""
from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, MutableSet, Set
from typing import Any, TypeVar

from . import _core
from ._maps import SkipListMap, TreeMap

T = TypeVar("T")


class _OrderedSet(Set[T]):
    """What all four sets have in common."""
    __slots__ = ("_map", "__weakref__")
    _map_type: Any

    def __init__(self, items: Iterable[T] = (), /, *,
                 cmp: _core.Comparator | Callable[[T, T], Any] | None = None,
                 key: Callable[[T], Any] | None = None) -> None:
        self._map = self._map_type(((item, True) for item in items), cmp=cmp, key=key)

    def _from_iterable(self, items: Iterable[T]) -> Any:  # type: ignore[override]
        """What the operators make: a set of the same order."""
        return type(self)(items, cmp=self.comparator_type, key=self._map.key_function)

    @property
    def comparator_type(self) -> _core.Comparator:
        """The Comparator that orders the items."""
        return self._map.comparator_type  # type: ignore[no-any-return]

    def __contains__(self, item: object) -> bool:
        return item in self._map

    def __iter__(self) -> Iterator[T]:
        return iter(self._map)

    def __reversed__(self) -> Iterator[T]:
        return reversed(self._map)

    def __len__(self) -> int:
        return len(self._map)

    def first(self) -> T:
        """The first item; KeyError where there is none."""
        return self._map.first_key()  # type: ignore[no-any-return]

    def last(self) -> T:
        """The last item; KeyError where there is none."""
        return self._map.last_key()  # type: ignore[no-any-return]

    def floor(self, item: T) -> T:
        """The greatest item at or before `item`, else KeyError."""
        return self._map.floor_key(item)  # type: ignore[no-any-return]

    def ceiling(self, item: T) -> T:
        """The least item at or behind `item`, else KeyError."""
        return self._map.ceiling_key(item)  # type: ignore[no-any-return]

    def lower(self, item: T) -> T:
        """The greatest item before `item`, else KeyError."""
        return self._map.lower_key(item)  # type: ignore[no-any-return]

    def higher(self, item: T) -> T:
        """The least item behind `item`, else KeyError."""
        return self._map.higher_key(item)  # type: ignore[no-any-return]

    def irange(self, lo: T | None = None, hi: T | None = None,
               inclusive: tuple[bool, bool] = (True, True), reverse: bool = False) -> Iterator[T]:
        """The items between two bounds: see SkipListMap.irange()."""
        return self._map.irange(lo, hi, inclusive, reverse)  # type: ignore[no-any-return]

    def copy(self) -> Any:
        """A set of the same order with these items."""
        return self._from_iterable(self)

    __copy__ = copy

    def union(self, *others: Iterable[T]) -> Any:
        """A set of the same order with the items of all."""
        result = type(self._map)(((item, True) for item in self), cmp=self.comparator_type,
                                 key=self._map.key_function)
        for other in others:
            result.update((item, True) for item in other)
        return self._from_iterable(result)

    def intersection(self, *others: Iterable[T]) -> Any:
        """A set of the same order with the items that all have."""
        result = self
        for other in others:
            result = result & self._from_iterable(other)
        return result.copy() if result is self else result

    def difference(self, *others: Iterable[T]) -> Any:
        """A set of the same order with the items that no other has."""
        result = self
        for other in others:
            result = result - self._from_iterable(other)
        return result.copy() if result is self else result

    def symmetric_difference(self, other: Iterable[T]) -> Any:
        """A set of the same order with the items that only one of both has."""
        return self ^ self._from_iterable(other)

    def issubset(self, other: Iterable[T]) -> bool:
        """Are all items in the other one?"""
        return self <= (other if isinstance(other, Set) else self._from_iterable(other))

    def issuperset(self, other: Iterable[T]) -> bool:
        """Does it have all items of the other one?"""
        return all(item in self for item in other)

    def __repr__(self) -> str:
        items = ", ".join(map(repr, self))
        return f"{type(self).__name__}([{items}])"

    def __reduce__(self) -> Any:
        return _restore, (type(self), list(self), self.comparator_type, self._map.key_function)


def _restore(cls: Any, items: Any, cmp: Any, key: Any) -> Any:
    return cls(items, cmp=cmp, key=key)


class _MutableOrderedSet(_OrderedSet[T], MutableSet[T]):
    __slots__ = ()

    def add(self, item: T) -> bool:  # type: ignore[override]
        """Adds an item; whether it was new, which one thread only is told. Atomic, O(log n)."""
        return self._map.put_if_absent(item, True) is None

    def discard(self, item: T) -> bool:  # type: ignore[override]
        """Removes an item; whether it was there, which one thread only is told. Atomic."""
        return self._map.pop(item, False) is not False

    def remove(self, item: T) -> None:
        """Removes an item; KeyError where it is not there."""
        del self._map[item]

    def pop(self) -> T:
        """Removes the first item and returns it; KeyError where there is none."""
        return self.pop_min()

    def pop_min(self) -> T:
        """Removes the first item and returns it; KeyError where there is none. O(log n)."""
        return self._map.pop_min()[0]  # type: ignore[no-any-return]

    def pop_max(self) -> T:
        """Removes the last item and returns it; KeyError where there is none. O(log n)."""
        return self._map.pop_max()[0]  # type: ignore[no-any-return]

    def clear(self) -> None:
        """Removes all items, one after the other."""
        self._map.clear()

    def update(self, *others: Iterable[T]) -> None:
        """Adds all items of the others."""
        for other in others:
            self._map.update((item, True) for item in other)


class SkipListSet(_MutableOrderedSet[T]):
    """SkipListSet(items=(), /, *, cmp=None, key=None)

    An ordered set for many threads, lock-free: the keys of a SkipListMap.

    >>> from concurrent_collections import SkipListSet
    >>> SkipListSet([3, 1, 2]) & {1, 3}
    SkipListSet([1, 3])
    """
    __slots__ = ()
    _map_type = SkipListMap

    def snapshot(self) -> FrozenSkipListSet[T]:
        """A copy that never changes."""
        return FrozenSkipListSet(self, cmp=self.comparator_type, key=self._map.key_function)


class TreeSet(_MutableOrderedSet[T]):
    """TreeSet(items=(), /, *, cmp=None, key=None)

    An ordered set for many threads: the keys of a TreeMap.
    """
    __slots__ = ()
    _map_type = TreeMap

    def snapshot(self) -> FrozenTreeSet[T]:
        """A copy that never changes."""
        return FrozenTreeSet(self, cmp=self.comparator_type, key=self._map.key_function)


class _FrozenOrderedSet(_OrderedSet[T], Hashable):
    __slots__ = ()

    def __hash__(self) -> int:
        return self._hash()


class FrozenSkipListSet(_FrozenOrderedSet[T]):
    """FrozenSkipListSet(items=(), /, *, cmp=None, key=None)

    An ordered set that never changes and can be hashed; thaw() makes a SkipListSet of it.
    """
    __slots__ = ()
    _map_type = SkipListMap

    def thaw(self) -> SkipListSet[T]:
        """A set with these items that can be changed."""
        return SkipListSet(self, cmp=self.comparator_type, key=self._map.key_function)


class FrozenTreeSet(_FrozenOrderedSet[T]):
    """FrozenTreeSet(items=(), /, *, cmp=None, key=None)

    An ordered set that never changes and can be hashed; thaw() makes a TreeSet of it.
    """
    __slots__ = ()
    _map_type = TreeMap

    def thaw(self) -> TreeSet[T]:
        """A set with these items that can be changed."""
        return TreeSet(self, cmp=self.comparator_type, key=self._map.key_function)
