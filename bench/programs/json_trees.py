# SPDX-License-Identifier: MIT
"""Parses records.json, groups it, and writes it again."""
import collections
import json

with open("records.json") as file:
    rows = json.load(file)
groups = collections.defaultdict(list)
for row in rows:
    groups[row["city"]].append({**row, "tags": sorted(row["tags"])})
text = json.dumps({city: sorted(group, key=lambda row: row["amount"])
                   for city, group in groups.items()})
assert sum(len(group) for group in json.loads(text).values()) == len(rows)
