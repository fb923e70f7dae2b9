# SPDX-License-Identifier: MIT
"""Which folder may include which, and what must not be called where."""
import re

from tree import blank_comments, line_of

# folder of src/ -> the folders it may include; itself always. The order is that of the layers.
ARROWS = {
    "base": (),
    "slab": ("base",),
    "identify": ("base",),
    "migrate": ("base",),
    "alloc": ("slab", "identify", "base"),
    "inspect": ("slab", "identify", "base"),
    "smr": ("slab", "alloc", "base"),
    "profile": ("identify", "base"),
    "collections": ("smr", "alloc", "base"),
    "report": ("profile", "identify", "base"),
    "measure": ("identify", "base"),
    "gate": ("measure", "profile", "report", "identify", "base"),
    "preload": ("slab", "profile", "base"),
    "cli": ("base", "identify", "inspect", "migrate", "alloc", "smr", "profile", "collections",
            "report", "measure", "gate", "preload"),
}

# Outside src/: users of the public headers. The benchmarks' clock and histogram are base's; guards are
# measured as the collections have them, inline.
USERS = {"python": (), "examples": (), "workloads": (), "bench": ("base", "smr")}

# The front door needs the self-check, which links nothing; the rest of identify needs libdw.
SELF_CHECK = {"identify/catalog.h", "identify/identify.h", "identify/self.h"}

# These run inside malloc.
NO_MALLOC = ("base", "slab", "profile")
MALLOC_CALL = re.compile(
    r"(?<![\w.>])(malloc|calloc|realloc|reallocarray|free|strdup|strndup|asprintf|vasprintf|"
    r"aligned_alloc|posix_memalign|memalign)\s*\(")

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)


def includes(text):
    for match in INCLUDE.finditer(blank_comments(text, strings=False)):
        yield match.group(1), match.group(2), line_of(text, match.start())


def bad_quoted(name, included, layer, allowed):
    """What is wrong with #include "included" in a file of that layer, or None."""
    target, slash, _ = included.partition("/")
    if not slash:
        return f'"{included}" names no layer' if layer else None
    if target not in ARROWS:
        return f'"{included}" is no layer of src/' if layer else None
    if target == layer or target in allowed:
        if layer == "alloc" and target == "identify" and included not in SELF_CHECK:
            return f"alloc may include only the self-check of identify, not {included}"
        return None
    return f"{layer or name.split('/')[0]} must not include {target} ({included})"


def check_includes(tree):
    problems = []
    for name in tree.files(".c", ".h"):
        parts = name.split("/")
        if parts[0] == "src" and len(parts) > 2:
            layer = parts[1]
            if layer not in ARROWS:
                problems.append(f"{name}: src/{layer} is no layer")
                continue
            allowed = ARROWS[layer]
        elif parts[0] in USERS:
            layer, allowed = None, USERS[parts[0]]
        else:
            continue
        for quote, included, line in includes(tree.text(name)):
            wrong = quote == '"' and bad_quoted(name, included, layer, allowed)
            if wrong:
                problems.append(f"{name}:{line}: {wrong}")
    return problems


def check_public_headers(tree):
    """Installed headers include each other and the C library, by <>, and nothing of src/."""
    problems = []
    for name in tree.files(".h", under="include/"):
        for quote, included, line in includes(tree.text(name)):
            if quote == '"' or included.split("/")[0] in ARROWS:
                problems.append(f"{name}:{line}: a public header includes {included}")
    return problems


def check_backends(tree):
    """A backend knows no other backend."""
    problems = []
    names = {name.split("/")[-1][:-2] for name in tree.files(".c", under="src/alloc/backends/")}
    for name in tree.files(".c", under="src/alloc/backends/"):
        own = name.split("/")[-1][:-2]
        for _, included, line in includes(tree.text(name)):
            other = included.split("/")[-1].removesuffix(".h")
            if "backend" in included and other in names - {own}:
                problems.append(f"{name}:{line}: a backend includes another, {included}")
    return problems


def check_no_malloc(tree):
    problems = []
    for name in tree.files(".c", ".h", under="src/"):
        if name.split("/")[1] not in NO_MALLOC:
            continue
        code = blank_comments(tree.text(name))
        for match in MALLOC_CALL.finditer(code):
            problems.append(f"{name}:{line_of(code, match.start())}: calls {match.group(1)}")
    return problems
