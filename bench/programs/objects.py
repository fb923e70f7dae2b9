# SPDX-License-Identifier: MIT
"""Makes, links, searches and drops generations of small objects."""
import re


class Node:
    def __init__(self, key, left, right):
        self.key, self.left, self.right = key, left, right


def tree(depth):
    return Node(depth, tree(depth - 1), tree(depth - 1)) if depth else None


def count(node):
    return 1 + count(node.left) + count(node.right) if node else 0


kept = tree(16)
assert sum(count(tree(11)) for _ in range(150)) == 150 * 2047
words = [f"word{i % 997}-{i}" for i in range(400_000)]
assert len([w for w in words if re.match(r"word(\d)\1", w)]) > 1000
assert count(kept) == 2**16 - 1
