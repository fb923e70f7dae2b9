# SPDX-License-Identifier: MIT
"""PYTHONMALLOC=malloc python3 workloads/recipes/python-objects.py

Builds a graph of small objects, replaces half of it again and again, and keeps some: many small
blocks of mixed lifetimes. Only with PYTHONMALLOC=malloc do they reach malloc at all.
"""
kept = {}
for turn in range(4):
    for number in range(25000):
        key = number * 7919 % 30000
        kept[key] = [str(number), {"turn": turn, "text": "x" * (number % 200)}, (number, turn)]
    for key in list(kept)[::2]:
        del kept[key]
print(len(kept))
