#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the usual sed script does to the same files, place by place, as a row of a Markdown table.

    shale migrate --json --no-compile-commands PATH... | tests/migrate/compare_with_sed.py ROOT

ROOT is what the report's paths are relative to. The script that it stands for:

    sed -E 's/\\b(malloc|calloc|realloc|free|strdup|strndup)[[:space:]]*\\(/shale_\\1(/g'
"""
import collections
import json
import re
import sys
from pathlib import Path

USUAL = re.compile(rb"\b(malloc|calloc|realloc|free|strdup|strndup)[ \t\f\v\r]*\(")
TEXT = {"comment", "string"}
WHOLE_FILE = {"generated", "third-party", "not-c", "unreadable"}


def places(path):
    """{(line, column)} of the words that sed changes."""
    found = set()
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        found.update((number, match.start(1) + 1) for match in USUAL.finditer(line))
    return found


def compare(report, root):
    """Counter: the places that sed changes by what they are, and converted ones that it misses."""
    sites = collections.defaultdict(dict)
    for site in report["sites"]:
        sites[site["path"]][(site["line"], site["column"])] = site
    counts = collections.Counter()
    for path, known in sites.items():
        changed = places(Path(root) / path)
        whole = next((site["class"] for site in known.values() if site["rule"] in WHOLE_FILE), None)
        for place in changed:
            site = known.get(place)
            text = site and site["rule"] in TEXT
            counts["text" if text else site["class"] if site else whole or "unknown"] += 1
        counts["missed"] += sum(site["class"] == "converted" and place not in changed
                                for place, site in known.items())
    counts["changed"] = sum(counts[name] for name in ("converted", "text", "kept", "review", "unknown"))
    return counts


def row(report, root):
    counts = compare(report, root)
    assert counts["unknown"] == 0  # the report has a reason for every place
    names = ["changed", "converted", "kept", "review", "text", "missed"]
    return " | ".join([f"{report['lines']:,}", *(str(counts[name]) for name in names)])


if __name__ == "__main__":
    print(row(json.load(sys.stdin), sys.argv[1]))
