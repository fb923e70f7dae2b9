# SPDX-License-Identifier: MIT
"""Shale's engine in gdb: of a live process, or of a core file. `./x gdb PROGRAM | -p PID | CORE`.

    shale heap            what there is, in all and by size class
    shale segments        every segment that was ever used
    shale slabs [BYTES]   every slab, or those with blocks of BYTES
    shale threads         every thread's heap, and what it is doing
    shale epochs          every epoch that is open or closing
    shale block ADDRESS   what a pointer points into, and whether it is free
    shale handle VALUE    the fields of a handle, and whether it is valid

and printers for handles and the engine's structures: `p slab_range`, `p $_shale_hot(5)`.

Needs debug information of the library that carries the engine. Nothing in the process is called.
Where a process has two engines (a preload and libshale), the first that gdb knows is shown.
"""
import gdb

UNIT_SHIFT = 16
UNIT = 1 << UNIT_SHIFT
SEGMENT_UNITS = 32
SEGMENT = SEGMENT_UNITS * UNIT
REM_NOTIFY, REM_ORPHAN, REM_DEAD = 1 << 40, 1 << 41, 1 << 42
OWNER_MASK = 0x7fffffff  # without the mark of slabs with handles
LARGE = {"run": "blocks of units", "large": "blocks of segments", "region": "region chunks"}
ATTN = {1: "INIT", 2: "INBOX", 4: "TIDY", 8: "HELD", 16: "FENCED", 32: "CLOSE"}


def symbol(name):
    """The value of a variable of the engine."""
    found = gdb.lookup_global_symbol(name) or gdb.lookup_static_symbol(name)
    if found is None:
        raise gdb.GdbError(f"no symbol {name}: no engine of Shale here, or no debug information of it")
    return found.value()


def entry(table, index, size_name, type_name):
    """An element of a table whose elements are further apart than their size."""
    address = int(table) + index * int(symbol(size_name))
    return gdb.Value(address).cast(gdb.lookup_type(type_name).pointer()).dereference()


def frees_of(hot):
    """Blocks of a slab that came back: its counter runs down from the trigger."""
    return (int(hot["trigger"]) - int(hot["left"])) % (1 << 64)


def enum_name(name, value):
    """The enumerator of a value, without what all of them begin with."""
    fields = gdb.lookup_type(f"enum {name}").fields()
    prefix = fields[0].name.rsplit("_", 1)[0] + "_"
    for field in fields:
        if field.enumval == value:
            return field.name.removeprefix(prefix).lower()
    return str(value)


def size_text(count):
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if count < 1024 or unit == "TiB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return ""


def word_text(word):
    """slab_rem.word: count, flags and the first block of the chain."""
    flags = [name for bit, name in ((REM_NOTIFY, "NOTIFY"), (REM_ORPHAN, "ORPHAN"), (REM_DEAD, "DEAD"))
             if word & bit]
    head = word & 0xffffffff
    parts = [f"{word >> 48} {'live' if word & REM_ORPHAN else 'freed'}"] + flags
    return ", ".join(parts + ([f"first at offset {(head - 1) * 16}"] if head else []))


class Slab:
    """A slab by the index of its first unit."""

    def __init__(self, engine, unit):
        self.unit = unit
        self.entry = engine.units[unit]
        self.hot = engine.hots[unit]
        self.word = int(engine.rems[unit]["word"])
        self.owner = int(engine.owners[unit]) & OWNER_MASK
        self.size = int(self.hot["size"])
        self.capacity = int(self.hot["capacity"])
        self.linked = int(self.hot["linked"])
        self.address = engine.base + unit * UNIT
        if self.word & REM_ORPHAN:
            self.live = self.word >> 48
        else:
            self.live = int(self.hot["allocs"]) - frees_of(self.hot) - (self.word >> 48)

    def free_blocks(self):
        """Offsets on the owner's free list, and on the chain of what others freed."""
        pointer = gdb.lookup_type("unsigned long").pointer()
        for first in (int(self.hot["free"]), self.address + ((self.word & 0xffffffff) - 1) * 16
                      if self.word & 0xffffffff else 0):
            for _ in range(self.capacity + 1):
                if first == 0:
                    break
                yield first - self.address
                first = int(gdb.Value(first).cast(pointer).dereference())


class Engine:
    """The tables, as gdb values."""

    def __init__(self):
        self.range = symbol("slab_range")
        self.base = int(self.range["base"])
        if self.base == 0:
            raise gdb.GdbError("the engine has not started: nothing was allocated so far")
        for table in ("owners", "units", "hots", "rems", "segs"):
            setattr(self, table, self.range[table])

    def segments(self):
        """(index, struct slab_seg) of every segment that was used."""
        fresh = symbol("slab_pool_tally")["fresh"]
        for half in range(2):
            for index in range(int(self.range["first"][half]), int(fresh[half])):
                yield index, self.segs[index]

    def blocks(self):
        """(kind, unit) of every first unit in use: slab, run or large."""
        for index, segment in self.segments():
            state = enum_name("slab_seg_state", int(segment["state"]))
            units = {"units": SEGMENT_UNITS, "large": 1}.get(state, 0)
            for unit in range(index * SEGMENT_UNITS, index * SEGMENT_UNITS + units):
                kind = enum_name("slab_unit_state", int(self.units[unit]["state"]))
                if kind in ("slab", "run", "large", "region"):
                    yield kind, unit

    def slabs(self):
        return (Slab(self, unit) for kind, unit in self.blocks() if kind == "slab")

    def threads(self):
        for index in range(1, int(symbol("slab_thr_end"))):
            yield entry(self.range["thrs"], index, "SLAB_THR_SIZE", "struct slab_thr")

    def epochs(self):
        """(slot, struct slab_epoch_head) of those that somebody has."""
        for slot in range(1, int(symbol("slab_range_slots"))):
            head = entry(self.range["heads"], slot, "SLAB_HEAD_SIZE", "struct slab_epoch_head")
            if int(head["id"]) != 0:
                yield slot, head


# ---- commands -----------------------------------------------------------------------------------

class Shale(gdb.Command):
    """Shale's engine: shale heap, segments, slabs, threads, block."""

    def __init__(self):
        super().__init__("shale", gdb.COMMAND_DATA, gdb.COMPLETE_NONE, prefix=True)


class Heap(gdb.Command):
    """What the engine has, in all and by size class."""

    def __init__(self):
        super().__init__("shale heap", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        engine = Engine()
        classes = {}
        large = {kind: [0, 0] for kind in LARGE}
        for kind, unit in engine.blocks():
            if kind == "slab":
                slab = Slab(engine, unit)
                row = classes.setdefault(slab.size, [0, 0, 0])
                for i, value in enumerate((1, slab.live, slab.capacity)):
                    row[i] += value
            else:
                large[kind][0] += 1
                large[kind][1] += int(engine.hots[unit]["size"]) * (SEGMENT if kind == "large" else UNIT)
        tally = symbol("slab_pool_tally")
        live = sum(size * row[1] for size, row in classes.items())
        print(f"range {engine.base:#x}, {size_text(int(engine.range['size']))} reserved")
        print(f"segments: {int(tally['used'])} in use, {int(tally['dirty'])} dirty, "
              f"{int(tally['clean'])} clean")
        print(f"live in slabs: {size_text(live)}")
        for kind, (count, size) in large.items():
            print(f"{LARGE[kind]}: {count}, {size_text(size)}")
        print(f"{'bytes':>8} {'slabs':>8} {'live':>10} {'of':>10}")
        for size, (slabs, blocks, capacity) in sorted(classes.items()):
            print(f"{size:>8} {slabs:>8} {blocks:>10} {capacity:>10}")


class Segments(gdb.Command):
    """Every segment that was ever used."""

    def __init__(self):
        super().__init__("shale segments", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        engine = Engine()
        print(f"{'segment':>8} {'address':>16} {'state':>8} {'used':>5} {'clean':>6}")
        for index, segment in engine.segments():
            used, clean = int(segment["used"]), int(segment["clean"])
            print(f"{index:>8} {engine.base + index * SEGMENT:>16x} "
                  f"{enum_name('slab_seg_state', int(segment['state'])):>8} "
                  f"{used.bit_count():>5} {(clean & ~used).bit_count():>6}")


class Slabs(gdb.Command):
    """Every slab, or those with blocks of so many bytes: shale slabs [BYTES]."""

    def __init__(self):
        super().__init__("shale slabs", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        wanted = int(gdb.parse_and_eval(argument)) if argument else None
        print(f"{'unit':>8} {'address':>16} {'bytes':>6} {'live':>6} {'of':>6} {'owner':>6} list")
        for slab in Engine().slabs():
            if wanted in (None, slab.size):
                where = "orphan" if slab.word & REM_ORPHAN else \
                    enum_name("slab_list", int(slab.hot["list"]))
                print(f"{slab.unit:>8} {slab.address:>16x} {slab.size:>6} {slab.live:>6} "
                      f"{slab.capacity:>6} {slab.owner or '-':>6} {where}")


class Threads(gdb.Command):
    """Every thread's heap: what it is doing, and why it must not simply go on."""

    def __init__(self):
        super().__init__("shale threads", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        print(f"{'heap':>6} {'state':>8} {'op':>3} {'slabs':>6} {'empty':>6} {'inbox':>6} attn")
        for thr in Engine().threads():
            attn, inbox = int(thr["attn"]), int(thr["inbox"])
            flags = "|".join(name for bit, name in ATTN.items() if attn & bit) or "-"
            name = f"{int(thr['id'])}{' late' if int(thr['id']) == 1 else ''}"
            print(f"{name:>6} {enum_name('slab_thr_state', int(thr['state'])):>8} {int(thr['op']):>3} "
                  f"{int(thr['owned']):>6} {int(thr['empties']):>6} "
                  f"{'closed' if inbox == 1 else inbox >> 48:>6} {flags}")


class Epochs(gdb.Command):
    """Every epoch that is open or closing, beside the eternal one of plain malloc."""

    def __init__(self):
        super().__init__("shale epochs", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        print(f"{'slot':>6} {'id':>18} {'state':>8} {'kind':>7} {'refs':>5} label")
        for slot, head in Engine().epochs():
            word = int(head["word"])
            kind = enum_name("shale_epoch_kind", int(head["kind"])).removeprefix("epoch_")
            label = b"".join(int(head["label"][i]).to_bytes(8, "little") for i in range(6))
            print(f"{slot:>6} {int(head['id']):>#18x} {enum_name('slab_epoch_state', word & 0xff):>8} "
                  f"{kind:>7} {word >> 8:>5} {label.rstrip(bytes(1)).decode(errors='replace')}")


class Block(gdb.Command):
    """What a pointer points into, and whether that block is free: shale block ADDRESS."""

    def __init__(self):
        super().__init__("shale block", gdb.COMMAND_DATA, gdb.COMPLETE_EXPRESSION)

    def invoke(self, argument, from_tty):
        address = int(gdb.parse_and_eval(f"(unsigned long)({argument})"))
        print(self.describe(Engine(), address))

    def describe(self, engine, address):
        unit = (address - engine.base) >> UNIT_SHIFT
        if not 0 <= unit < int(engine.range["size"]) >> UNIT_SHIFT:
            return f"{address:#x} is not the engine's: foreign, or mapped directly"
        kind = enum_name("slab_unit_state", int(engine.units[unit]["state"]))
        if kind == "inner":
            unit -= int(engine.units[unit]["handles"]) & 0xff
            kind = "slab"
        if kind in ("run", "large", "region"):
            size = int(engine.hots[unit]["size"]) * (SEGMENT if kind == "large" else UNIT)
            what = "a chunk of a region epoch" if kind == "region" else "a block"
            return f"{address:#x} is in {what} of {size_text(size)} at {engine.base + unit * UNIT:#x}"
        if kind != "slab":
            return f"{address:#x} is in unit {unit}, which is {kind} or inside a large block"
        return self.in_slab(Slab(engine, unit), address)

    def in_slab(self, slab, address):
        index = (address - slab.address) // slab.size
        start = slab.address + index * slab.size
        if index >= slab.capacity:
            state = "behind the last block"
        elif index >= slab.linked:
            state = "never handed out"
        elif index * slab.size in set(slab.free_blocks()):
            state = "free"
        else:
            state = "live, or freed by another thread and on its way"
        inside = f" + {address - start}" if address != start else ""
        return (f"{address:#x} is block {index}{inside} of {slab.size} bytes in slab {slab.unit} "
                f"of {f'heap {slab.owner}' if slab.owner else 'nobody'}: {state}")


def handle_fields(handle):
    """format, unit, slot, generation, tag: <shale/handle.h>."""
    return (handle >> 60, handle >> 36 & 0xffffff, handle >> 24 & 0xfff, handle >> 8 & 0xffff,
            handle & 0xff)


def handle_text(handle):
    form, unit, slot, generation, tag = handle_fields(handle)
    if handle == 0:
        return "null handle"
    return f"handle of format {form}: unit {unit}, slot {slot}, generation {generation}, tag {tag}"


class Handle(gdb.Command):
    """The fields of a handle, and whether it is valid: shale handle VALUE."""

    def __init__(self):
        super().__init__("shale handle", gdb.COMMAND_DATA, gdb.COMPLETE_EXPRESSION)

    def invoke(self, argument, from_tty):
        handle = int(gdb.parse_and_eval(f"(unsigned long)({argument})"))
        print(f"{handle_text(handle)}: {self.state(Engine(), handle)}")

    def state(self, engine, handle):
        form, unit, slot, generation, tag = handle_fields(handle)
        if form != 1 or unit >= int(engine.range["size"]) >> UNIT_SHIFT:
            return "no handle"
        word = int(engine.units[unit]["handles"])
        size_class = (word >> 8 & 0xff) - 1
        if word >> 16 != generation or size_class < 0:
            return "stale" if generation < word >> 16 else "no handle"
        size = int(engine.hots[unit]["size"])
        end = engine.base + (unit + (8 if size > 8192 else 1)) * UNIT
        byte = gdb.lookup_type("unsigned char").pointer()
        found = int(gdb.Value(end - 1 - slot).cast(byte).dereference())
        if tag % 2 == 0 or found < tag:
            return "no handle"
        if found != tag:
            return "freed" if found == tag + 1 else "stale"
        return f"valid, {size} bytes at {engine.base + unit * UNIT + slot * size:#x}"


class Hot(gdb.Function):
    """$_shale_hot(UNIT): the struct slab_hot of a unit."""

    def __init__(self):
        super().__init__("_shale_hot")

    def invoke(self, unit):
        return Engine().hots[int(unit)]


# ---- printers -----------------------------------------------------------------------------------

def print_hot(value):
    return (f"slab {int(value['unit'])}: {int(value['capacity'])} blocks of {int(value['size'])} bytes, "
            f"{int(value['linked'])} linked, {int(value['allocs'])} allocs, {frees_of(value)} frees, "
            f"{enum_name('slab_list', int(value['list']))}")


def print_unit(value):
    kind = enum_name("slab_unit_state", int(value["state"]))
    detail = f", {int(value['handles']) & 0xff} behind its first" if kind == "inner" else ""
    return f"{kind}, generation {int(value['generation'])}, class {int(value['class'])}{detail}"


def print_rem(value):
    return word_text(int(value["word"]))


def print_seg(value):
    return (f"{enum_name('slab_seg_state', int(value['state']))}, used {int(value['used']):#010x}, "
            f"clean {int(value['clean']):#010x}")


def print_range(value):
    return f"{size_text(int(value['size']))} at {int(value['base']):#x}, {int(value['segments'])} segments"


PRINTERS = {"slab_hot": print_hot, "slab_unit": print_unit, "slab_rem": print_rem,
            "slab_seg": print_seg, "slab_range": print_range}


class Printer:
    """gdb asks for an object with to_string()."""

    def __init__(self, value, function):
        self.value, self.function = value, function

    def to_string(self):
        return self.function(self.value)


def find_printer(value):
    if value.type.name == "shale_handle":
        return Printer(value, lambda handle: handle_text(int(handle)))
    function = PRINTERS.get(value.type.strip_typedefs().tag)
    return Printer(value, function) if function else None


for command in (Shale, Heap, Segments, Slabs, Threads, Epochs, Block, Handle, Hot):
    command()
gdb.pretty_printers.append(find_printer)
