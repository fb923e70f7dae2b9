# SPDX-License-Identifier: MIT
"""Parses, walks, prints and compiles a generated module."""
import ast

source = "\n".join(
    f"def function_{n}(a, b={n}, *rest):\n"
    f"    values = [x * {n} + b for x in range(a) if x % {n % 7 + 1}]\n"
    f"    return {{'sum': sum(values), 'key{n}': (a, b, rest), **dict(enumerate(values))}}\n"
    for n in range(1500))
tree = ast.parse(source)
names = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
again = ast.parse(ast.unparse(tree))
compile(again, "generated", "exec")
assert len(names) > 10000
