# SPDX-License-Identifier: MIT
"""The ordered maps: what is made of the methods that _core does in C."""
from __future__ import annotations

from collections.abc import (Callable, ItemsView, Iterable, Iterator, KeysView, Mapping,
                             MutableMapping, ValuesView)
from typing import Any, Generic, TypeVar

from . import _core

K = TypeVar("K")
V = TypeVar("V")

_MISSING: Any = object()
_KEYS, _VALUES, _ITEMS = range(3)


class _OrderedKeys(KeysView[K]):
    """The keys of a map or of a part of it, in order."""
    __slots__ = ()

    def __reversed__(self) -> Iterator[K]:
        return reversed(self._mapping)  # type: ignore[call-overload,no-any-return]


class _OrderedValues(ValuesView[V]):
    """The values of a map or of a part of it, in the order of the keys."""
    __slots__ = ()

    def __iter__(self) -> Iterator[V]:
        return self._mapping._part(_VALUES)  # type: ignore[attr-defined,no-any-return]

    def __reversed__(self) -> Iterator[V]:
        return self._mapping._part(_VALUES, True)  # type: ignore[attr-defined,no-any-return]


class _OrderedItems(ItemsView[K, V]):
    """The pairs of a map or of a part of it, in the order of the keys."""
    __slots__ = ()

    def __iter__(self) -> Iterator[tuple[K, V]]:
        return self._mapping._part(_ITEMS)  # type: ignore[attr-defined,no-any-return]

    def __reversed__(self) -> Iterator[tuple[K, V]]:
        return self._mapping._part(_ITEMS, True)  # type: ignore[attr-defined,no-any-return]


class _Views(Mapping[K, V]):
    """The views of a map, or of a part of one, that walks its entries by _part()."""
    __slots__ = ()

    def keys(self) -> _OrderedKeys[K]:
        """The keys in order, as a view."""
        return _OrderedKeys(self)

    def values(self) -> _OrderedValues[V]:
        """The values in the order of their keys, as a view."""
        return _OrderedValues(self)

    def items(self) -> _OrderedItems[K, V]:
        """The pairs in the order of their keys, as a view."""
        return _OrderedItems(self)


class _OrderedMap(_Views[K, V], MutableMapping[K, V], Generic[K, V]):
    """What SkipListMap and TreeMap have in common."""
    __slots__ = ()

    # What _core does.
    comparator_type: _core.Comparator
    key_function: Callable[[K], Any] | None

    def __init__(self, items: Mapping[K, V] | Iterable[tuple[K, V]] = (), /, *,
                 cmp: _core.Comparator | Callable[[K, K], Any] | None = None,
                 key: Callable[[K], Any] | None = None) -> None:
        # cmp and key were taken by __new__, for an order cannot change.
        self.update(items)

    @classmethod
    def fromkeys(cls, keys: Iterable[K], value: Any = None) -> Any:
        """A map of these keys, all with the same value."""
        return cls((key, value) for key in keys)

    # ---- atomic steps on one key

    def put_if_absent(self, key: K, value: V) -> V | None:
        """Adds a key that is not there; None, or the value that is there. Atomic, O(log n)."""
        return self._put_if_absent(key, value)  # type: ignore[attr-defined,no-any-return]

    def setdefault(self, key: K, default: Any = None) -> Any:
        """The value of a key, which is added with the default if it is not there. Atomic."""
        while True:
            value = self.get(key, _MISSING)
            if value is not _MISSING:
                return value
            if self._put_if_absent(key, default) is None:  # type: ignore[attr-defined]
                # None is also what an entry with the value None gives: look again then.
                if default is not None or self.get(key, _MISSING) is None:
                    return default

    def replace_if(self, key: K, expected: V, value: V) -> bool:
        """Sets the value of a key that is there with a value equal to `expected`; whether it did.

        Atomic: between the comparison and the change nothing happens to the key.
        """
        while True:
            found = self.get(key, _MISSING)
            if found is _MISSING or not (found is expected or found == expected):
                return False
            if self._replace_if(key, found, value):  # type: ignore[attr-defined]
                return True

    def remove_if(self, key: K, expected: V) -> bool:
        """Removes a key that is there with a value equal to `expected`; whether it did. Atomic."""
        while True:
            found = self.get(key, _MISSING)
            if found is _MISSING or not (found is expected or found == expected):
                return False
            if self._remove_if(key, found):  # type: ignore[attr-defined]
                return True

    def compute_if_absent(self, key: K, function: Callable[[K], V]) -> V:
        """The value of a key; where there is none, `function(key)`, which is added.

        Threads that do this at once may each call the function; all get the value of one.
        """
        found = self.get(key, _MISSING)
        if found is not _MISSING:
            return found  # type: ignore[no-any-return]
        return self.setdefault(key, function(key))  # type: ignore[no-any-return]

    # ---- by order

    def _item(self, item: tuple[K, V] | None) -> tuple[K, V]:
        if item is None:
            raise KeyError("there is no such key")
        return item

    def first_item(self) -> tuple[K, V]:
        """The first pair; KeyError where the map is empty. O(1) or O(log n)."""
        return self._item(self._first())  # type: ignore[attr-defined]

    def last_item(self) -> tuple[K, V]:
        """The last pair; KeyError where the map is empty. O(log n)."""
        return self._item(self._last())  # type: ignore[attr-defined]

    def floor_item(self, key: K) -> tuple[K, V]:
        """The pair of the greatest key at or before `key`, else KeyError. O(log n)."""
        return self._item(self._floor(key))  # type: ignore[attr-defined]

    def ceiling_item(self, key: K) -> tuple[K, V]:
        """The pair of the least key at or behind `key`, else KeyError. O(log n)."""
        return self._item(self._ceiling(key))  # type: ignore[attr-defined]

    def lower_item(self, key: K) -> tuple[K, V]:
        """The pair of the greatest key before `key`, else KeyError. O(log n)."""
        return self._item(self._lower(key))  # type: ignore[attr-defined]

    def higher_item(self, key: K) -> tuple[K, V]:
        """The pair of the least key behind `key`, else KeyError. O(log n)."""
        return self._item(self._higher(key))  # type: ignore[attr-defined]

    def first_key(self) -> K:
        """The first key; KeyError where the map is empty."""
        return self.first_item()[0]

    def last_key(self) -> K:
        """The last key; KeyError where the map is empty."""
        return self.last_item()[0]

    def floor_key(self, key: K) -> K:
        """The greatest key at or before `key`, else KeyError."""
        return self.floor_item(key)[0]

    def ceiling_key(self, key: K) -> K:
        """The least key at or behind `key`, else KeyError."""
        return self.ceiling_item(key)[0]

    def lower_key(self, key: K) -> K:
        """The greatest key before `key`, else KeyError."""
        return self.lower_item(key)[0]

    def higher_key(self, key: K) -> K:
        """The least key behind `key`, else KeyError."""
        return self.higher_item(key)[0]

    def pop_min(self) -> tuple[K, V]:
        """Removes the first pair and returns it; KeyError where the map is empty. O(log n)."""
        return self._item(self._pop_first())  # type: ignore[attr-defined]

    def pop_max(self) -> tuple[K, V]:
        """Removes the last pair and returns it; KeyError where the map is empty. O(log n)."""
        return self._item(self._pop_last())  # type: ignore[attr-defined]

    def popitem(self, *, last: bool = True) -> tuple[K, V]:
        """pop_max(), or pop_min() with last=False."""
        return self.pop_max() if last else self.pop_min()

    # ---- parts

    def _part(self, part: int, reverse: bool = False) -> Iterator[Any]:
        return self._walk(part, None, None, True, True, reverse)  # type: ignore[attr-defined,no-any-return]

    def irange(self, lo: K | None = None, hi: K | None = None,
               inclusive: tuple[bool, bool] = (True, True), reverse: bool = False) -> Iterator[K]:
        """The keys between two bounds, each of which belongs to the range or not; None is no
        bound. Weakly consistent, as all iterators are."""
        return self._walk(_KEYS, lo, hi, *inclusive, reverse)  # type: ignore[attr-defined,no-any-return]

    def submap(self, lo: K | None = None, hi: K | None = None,
               inclusive: tuple[bool, bool] = (True, False)) -> SubMap[K, V]:
        """A view of the entries between two bounds: it sees what happens to the map, and changes
        the map. `lo` belongs to it and `hi` does not, unless `inclusive` says otherwise."""
        return SubMap(self, lo, hi, inclusive)

    # ---- as a whole

    def approx_len(self) -> int:
        """How many entries there are, without waiting for anyone: len() of a concurrent map is
        never more than that."""
        return len(self)

    def clear(self) -> None:
        """Removes all entries, one after the other: what others put meanwhile may stay."""
        while self._pop_first() is not None:  # type: ignore[attr-defined]
            pass

    def get_many(self, keys: Iterable[K], default: Any = None) -> list[Any]:
        """The values of keys, each as get() gives it."""
        get = self.get
        return [get(key, default) for key in keys]

    def copy(self) -> Any:
        """A map of the same order with the entries of this one, weakly consistent."""
        return self._like(self.items())

    __copy__ = copy

    def _like(self, items: Iterable[tuple[K, V]]) -> Any:
        return type(self)(items, cmp=self.comparator_type, key=self.key_function)

    def __or__(self, other: Mapping[K, V]) -> Any:
        if not isinstance(other, Mapping):
            return NotImplemented
        result = self.copy()
        result.update(other)
        return result

    def __ior__(self, other: Mapping[K, V] | Iterable[tuple[K, V]]) -> Any:
        self.update(other)
        return self

    def __eq__(self, other: object) -> Any:
        if not isinstance(other, Mapping):
            return NotImplemented
        return dict(self.items()) == dict(other.items()) if self._hashable(other) \
            else list(self.items()) == list(other.items())

    @staticmethod
    def _hashable(other: Mapping[Any, Any]) -> bool:
        return not isinstance(other, (_OrderedMap, _Frozen))

    def __repr__(self) -> str:
        return _repr(self, self.items(), self.comparator_type, self.key_function)

    def __reduce__(self) -> Any:
        return _restore, (type(self), list(self.items()), self.comparator_type, self.key_function)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        from copy import deepcopy
        result = type(self)(cmp=self.comparator_type, key=self.key_function)
        memo[id(self)] = result
        for key, value in self.items():
            result[deepcopy(key, memo)] = deepcopy(value, memo)
        return result


def _restore(cls: Any, items: Any, cmp: Any, key: Any) -> Any:
    return cls(items, cmp=cmp, key=key)


_shown: set[int] = set()


def _repr(self: Any, items: Any, cmp: Any, key: Any) -> str:
    """A repr that survives a map inside itself."""
    import threading
    token = hash((id(self), threading.get_ident()))
    name = type(self).__name__
    if token in _shown:
        return f"{name}(...)"
    _shown.add(token)
    try:
        inner = ", ".join(f"{k!r}: {v!r}" for k, v in items)
    finally:
        _shown.discard(token)
    more = "" if cmp.kind == "natural" else f", cmp={cmp!r}"
    more += "" if key is None else f", key={key!r}"
    return f"{name}({{{inner}}}{more})"


class SkipListMap(_core.SkipListMap, _OrderedMap[K, V]):
    """SkipListMap(items=(), /, *, cmp=None, key=None)

    An ordered map for many threads: a lock-free skip list.

    Keys are ordered by `<`, by a Comparator or a function of two keys (cmp), or by what a function
    makes of each key (key). Reading, putting and removing one key are atomic and O(log n), and no
    thread ever waits for another one. Iterators are weakly consistent: what is there all the time
    comes, in order and once; what changes meanwhile may come or not; there is no "changed during
    iteration".

    >>> from concurrent_collections import SkipListMap
    >>> m = SkipListMap({3: "c", 1: "a", 2: "b"})
    >>> list(m)
    [1, 2, 3]
    >>> m.floor_key(2.5)
    2
    >>> m.pop_min()
    (1, 'a')
    """
    __slots__ = ()

    def snapshot(self) -> FrozenSkipListMap[K, V]:
        """A copy that never changes; weakly consistent with what others do meanwhile."""
        return FrozenSkipListMap(self)


class TreeMap(_core.TreeMap, _OrderedMap[K, V]):
    """TreeMap(items=(), /, *, cmp=None, key=None)

    An ordered map for many threads: a B+ tree whose readers take no lock.

    The same interface as SkipListMap. It is smaller and faster for many entries; a thread that is
    stopped in the middle of a change of a node holds up others that change the same node.

    >>> from concurrent_collections import TreeMap
    >>> list(TreeMap.fromkeys("bca"))
    ['a', 'b', 'c']
    """
    __slots__ = ()

    def snapshot(self) -> FrozenTreeMap[K, V]:
        """A copy that never changes; weakly consistent with what others do meanwhile."""
        return FrozenTreeMap(self)


class SubMap(_Views[K, V], MutableMapping[K, V]):
    """A part of an ordered map, between two bounds: see submap()."""
    __slots__ = ("_map", "_lo", "_hi", "_inclusive")

    def __init__(self, of: _OrderedMap[K, V], lo: K | None, hi: K | None,
                 inclusive: tuple[bool, bool]) -> None:
        self._map, self._lo, self._hi, self._inclusive = of, lo, hi, inclusive

    def _inside(self, key: K) -> bool:
        """One-key ranges ask the map itself, so that its own order decides."""
        probe = type(self._map)(((key, None),), cmp=self._map.comparator_type,
                                key=self._map.key_function)
        return next(probe.irange(self._lo, self._hi, self._inclusive), _MISSING) is not _MISSING

    def _part(self, part: int, reverse: bool = False) -> Iterator[Any]:
        return self._map._walk(part, self._lo, self._hi, *self._inclusive, reverse)  # type: ignore[attr-defined,no-any-return]

    def __getitem__(self, key: K) -> V:
        if not self._inside(key):
            raise KeyError(key)
        return self._map[key]

    def __setitem__(self, key: K, value: V) -> None:
        if not self._inside(key):
            raise ValueError(f"{key!r} lies outside the submap")
        self._map[key] = value

    def __delitem__(self, key: K) -> None:
        if not self._inside(key):
            raise KeyError(key)
        del self._map[key]

    def __contains__(self, key: object) -> bool:
        return self._inside(key) and key in self._map  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[K]:
        return self._part(_KEYS)

    def __reversed__(self) -> Iterator[K]:
        return self._part(_KEYS, True)

    def __len__(self) -> int:
        """Counts: O(entries inside)."""
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return _repr(self, self.items(), self._map.comparator_type, self._map.key_function)


class _Frozen(_Views[K, V]):
    """A map that never changes: what snapshot() gives."""
    __slots__ = ("_map", "_hash")
    _thawed: Any

    def __init__(self, items: Mapping[K, V] | Iterable[tuple[K, V]] = (), /, *,
                 cmp: _core.Comparator | Callable[[K, K], Any] | None = None,
                 key: Callable[[K], Any] | None = None) -> None:
        if isinstance(items, (_OrderedMap, _Frozen)) and cmp is None and key is None:
            cmp, key = items.comparator_type, items.key_function
        self._map = self._thawed(items, cmp=cmp, key=key)
        self._hash: int | None = None

    @property
    def comparator_type(self) -> _core.Comparator:
        """The Comparator that orders the keys."""
        return self._map.comparator_type  # type: ignore[no-any-return]

    @property
    def key_function(self) -> Callable[[K], Any] | None:
        """What was given as `key`, or None."""
        return self._map.key_function  # type: ignore[no-any-return]

    def thaw(self) -> Any:
        """A map with these entries that can be changed."""
        return self._map.copy()

    def _part(self, part: int, reverse: bool = False) -> Iterator[Any]:
        return self._map._part(part, reverse)  # type: ignore[no-any-return]

    def __getitem__(self, key: K) -> V:
        return self._map[key]  # type: ignore[no-any-return]

    def __contains__(self, key: object) -> bool:
        return key in self._map

    def __iter__(self) -> Iterator[K]:
        return iter(self._map)

    def __reversed__(self) -> Iterator[K]:
        return reversed(self._map)

    def __len__(self) -> int:
        return len(self._map)

    def irange(self, lo: K | None = None, hi: K | None = None,
               inclusive: tuple[bool, bool] = (True, True), reverse: bool = False) -> Iterator[K]:
        """The keys between two bounds: see SkipListMap.irange()."""
        return self._map.irange(lo, hi, inclusive, reverse)  # type: ignore[no-any-return]

    def __eq__(self, other: object) -> Any:
        return self._map == (other._map if isinstance(other, _Frozen) else other)

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(tuple(self.items()))
        return self._hash

    def __repr__(self) -> str:
        return _repr(self, self.items(), self.comparator_type, self.key_function)

    def __reduce__(self) -> Any:
        return _restore, (type(self), list(self.items()), self.comparator_type, self.key_function)


def _forward(name: str) -> Any:
    def method(self: Any, *arguments: Any) -> Any:
        return getattr(self._map, name)(*arguments)
    method.__name__ = name
    method.__doc__ = getattr(_OrderedMap, name).__doc__
    return method


for _name in ("first", "last", "floor", "ceiling", "lower", "higher"):
    for _what in ("key", "item"):
        setattr(_Frozen, f"{_name}_{_what}", _forward(f"{_name}_{_what}"))


class FrozenSkipListMap(_Frozen[K, V]):
    """FrozenSkipListMap(items=(), /, *, cmp=None, key=None)

    An ordered map that never changes and can be hashed if its values can; thaw() makes a
    SkipListMap of it.
    """
    __slots__ = ()
    _thawed = SkipListMap


class FrozenTreeMap(_Frozen[K, V]):
    """FrozenTreeMap(items=(), /, *, cmp=None, key=None)

    An ordered map that never changes and can be hashed if its values can; thaw() makes a TreeMap
    of it.
    """
    __slots__ = ()
    _thawed = TreeMap


class BoundedSkipListMap(SkipListMap[K, V]):
    """BoundedSkipListMap(maxsize, items=(), /, *, eviction='error', cmp=None, key=None)

    A SkipListMap of at most `maxsize` entries. A new key beyond that is an OverflowError
    (eviction='error'), or makes room: of the least key ('oldest', where keys are times or growing
    numbers) or of the greatest ('newest'). Threads that put at once may all find room for one:
    for a moment there may be as many entries too many as there are threads.
    """
    __slots__ = ("maxsize", "eviction")

    def __new__(cls, maxsize: int, items: Any = (), /, *, eviction: str = "error",
                cmp: Any = None, key: Any = None) -> Any:
        return super().__new__(cls, cmp=cmp, key=key)

    def __init__(self, maxsize: int, items: Mapping[K, V] | Iterable[tuple[K, V]] = (), /, *,
                 eviction: str = "error", cmp: Any = None, key: Any = None) -> None:
        if maxsize < 1:
            raise ValueError(f"maxsize must be at least 1, not {maxsize}")
        if eviction not in ("error", "oldest", "newest"):
            raise ValueError(f"eviction is 'error', 'oldest' or 'newest', not {eviction!r}")
        self.maxsize, self.eviction = maxsize, eviction
        self.update(items)

    def _make_room(self, key: K) -> None:
        if len(self) < self.maxsize or key in self:
            return
        if self.eviction == "error":
            raise OverflowError(f"the map is full: it has {self.maxsize} entries")
        while len(self) >= self.maxsize:
            if (self._pop_first() if self.eviction == "oldest" else self._pop_last()) is None:
                return

    def __setitem__(self, key: K, value: V) -> None:
        self._make_room(key)
        super().__setitem__(key, value)

    def put_if_absent(self, key: K, value: V) -> V | None:
        """Adds a key that is not there; None, or the value that is there."""
        self._make_room(key)
        return super().put_if_absent(key, value)

    def setdefault(self, key: K, default: Any = None) -> Any:
        """The value of a key, which is added with the default if it is not there."""
        self._make_room(key)
        return super().setdefault(key, default)

    def _like(self, items: Iterable[tuple[K, V]]) -> Any:
        return type(self)(self.maxsize, items, eviction=self.eviction, cmp=self.comparator_type,
                          key=self.key_function)

    def __reduce__(self) -> Any:
        return _restore_bounded, (type(self), self.maxsize, list(self.items()), self.eviction,
                                  self.comparator_type, self.key_function)


def _restore_bounded(cls: Any, maxsize: int, items: Any, eviction: str, cmp: Any, key: Any) -> Any:
    return cls(maxsize, items, eviction=eviction, cmp=cmp, key=key)
