# SPDX-License-Identifier: MIT
"""Memory order: named atomics only, and a comment with both ends for every order that counts."""
import re

from tree import blank_comments, line_of

ATOMICS = "src/base/atomic.h"
ORDERING = "docs/internals/ordering.md"
RAW = re.compile(r"\bmemory_order\w*|\b__atomic_\w+|\b__sync_\w+|\batomic_\w+(?=\s*\()|stdatomic\.h")
ORDERED = r"(?:acquire|release|acq_rel|seq_cst)"
SITE = re.compile(rf"\b(shale_atomic_\w+_{ORDERED}|shale_fence_{ORDERED}|shale_(?:light|heavy)_fence)"
                  r"\s*\(")
# Definitions and declarations of the fences are no uses of them.
DECLARATION = re.compile(r"\b(?:int|void)\s+$")
ORDER = re.compile(rf"ORDER ([A-Z]+\d+) ({ORDERED}) (->|<-|<->) ({ORDERED}) in (\w+)\(\) \[([\w./]+)\]"
                   r"([^*]*)")
COMMENT = re.compile(r"/\*.*?\*/", re.S)
ROW = re.compile(r"^\| ([A-Z]+\d+) \|", re.M)
REACH = 4  # lines between the end of an ORDER comment and its site


class Order:
    def __init__(self, name, match, first_line, last_line):
        self.file = name
        self.tag, self.own, self.arrow, self.other, self.function, self.other_file = match.groups()[:6]
        self.rest = match.group(7)
        self.first_line, self.last_line = first_line, last_line
        self.place = f"{name}:{first_line}"


def orders_of(name, text):
    found = []
    for comment in COMMENT.finditer(text):
        flat = re.sub(r"\s*\n\s*\*?\s*", " ", comment.group(0))
        for match in ORDER.finditer(flat):
            found.append(Order(name, match, line_of(text, comment.start()),
                               line_of(text, comment.end())))
    return found


def sources(tree):
    return {name: tree.text(name) for name in tree.files(".c", ".h", under="src/")
            if name != ATOMICS}


def check_raw_atomics(tree):
    problems = []
    for name, text in sources(tree).items():
        code = blank_comments(text)
        for match in RAW.finditer(code):
            problems.append(f"{name}:{line_of(code, match.start())}: {match.group(0)} outside "
                            f"{ATOMICS}")
        for match in re.finditer(r"#\s*include\s*<stdatomic\.h>", text):
            problems.append(f"{name}:{line_of(text, match.start())}: includes stdatomic.h")
    return problems


def check_sites(tree):
    """Every ordered operation has an ORDER comment on its line or just above it."""
    problems = []
    for name, text in sources(tree).items():
        orders = orders_of(name, text)
        code = blank_comments(text)
        for match in SITE.finditer(code):
            if DECLARATION.search(code, 0, match.start()):
                continue
            line = line_of(code, match.start())
            near = any(order.first_line == line or 0 <= line - order.last_line <= REACH
                       for order in orders)
            if not near:
                problems.append(f"{name}:{line}: {match.group(1)} without an ORDER comment")
    return problems


def find_file(tree, order):
    """The file an ORDER comment names: a path below src/, or a file of its own folder."""
    folder = order.file.rsplit("/", 1)[0]
    for name in (f"{folder}/{order.other_file}", f"src/{order.other_file}"):
        if name in tree.names:
            return name
    return None


def bad_end(tree, order, by_file):
    """What is wrong with the other end that an ORDER comment names, or None."""
    other = find_file(tree, order)
    if not other:
        return f"there is no file {order.other_file}"
    if not re.search(rf"\b{order.function}\s*\(", blank_comments(tree.text(other))):
        return f"{other} has no {order.function}()"
    back = {"->": "<-", "<-": "->", "<->": "<->"}[order.arrow]
    ends = [end for end in by_file.get(other, []) if end.tag == order.tag and end.arrow == back]
    if not ends:
        return f"{other} has no ORDER {order.tag} with {back}"
    if not any(end.own == order.other for end in ends):
        return f"no end of {order.tag} in {other} is {order.other}"
    return None


def check_pairs(tree):
    by_file = {name: orders_of(name, text) for name, text in sources(tree).items()}
    problems = []
    for orders in by_file.values():
        for order in orders:
            wrong = bad_end(tree, order, by_file)
            if wrong:
                problems.append(f"{order.place}: ORDER {order.tag}: {wrong}")
    for name, text in sources(tree).items():
        written = len(re.findall(r"\bORDER [A-Z]+\d+", text))
        if written != len(by_file[name]):
            problems.append(f"{name}: an ORDER comment is not of the form `ORDER E2 release -> acquire "
                            "in fn() [file.c]. Publishes ...`")
    return problems


def check_named_tests(tree):
    """A test that an ORDER comment names exists."""
    tests = "\n".join(tree.text(name) for name in tree.files(".c", ".py", under="tests/"))
    problems = []
    for name, text in sources(tree).items():
        for order in orders_of(name, text):
            for test in re.findall(r"\bTest (\w+)", order.rest):
                if not re.search(rf"\b{test}\b", tests):
                    problems.append(f"{order.place}: ORDER {order.tag}: there is no test {test}")
    return problems


def check_document(tree):
    """ordering.md lists each tag once, and no other."""
    used = {order.tag for name, text in sources(tree).items() for order in orders_of(name, text)}
    rows = ROW.findall(tree.text(ORDERING)) if ORDERING in tree.names else []
    problems = [f"{ORDERING}: {tag} is not listed" for tag in sorted(used - set(rows))]
    problems += [f"{ORDERING}: {tag} is nowhere in src/" for tag in sorted(set(rows) - used)]
    problems += [f"{ORDERING}: {tag} is listed twice" for tag in sorted(set(rows))
                 if rows.count(tag) > 1]
    return problems
