#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the input files of the program benchmarks: the same bytes on every machine.

    inputs.py KIND FOLDER

One function per kind; each names in its docstring what it writes.
"""
import json
import random
import subprocess
import sys
from pathlib import Path

SEED = 1


def vocabulary(rng, count):
    syllables = [c + v for c in "bcdfghklmnprstvz" for v in "aeiou"]
    return ["".join(rng.choices(syllables, k=rng.randint(1, 5))) for _ in range(count)]


def records(rng, count):
    words = vocabulary(rng, 3000)
    for number in range(count):
        yield {
            "id": number,
            "name": " ".join(rng.choices(words, k=3)),
            "city": rng.choice(words[:400]),
            "amount": round(rng.uniform(1, 10000), 2),
            "tags": rng.choices(words, k=rng.randint(1, 6)),
            "address": {"street": rng.choice(words), "number": rng.randint(1, 300)},
        }


def make_lines(folder, rng):
    """lines.txt: 400,000 lines of 1 to 12 words"""
    words = vocabulary(rng, 20000)
    with open(folder / "lines.txt", "w") as out:
        for _ in range(400_000):
            out.write(" ".join(rng.choices(words, k=rng.randint(1, 12))) + "\n")


def make_records(folder, rng):
    """records.json and records.xml: the same 90,000 records"""
    rows = list(records(rng, 90_000))
    (folder / "records.json").write_text(json.dumps(rows))
    with open(folder / "records.xml", "w") as out:
        out.write("<records>\n")
        for row in rows:
            tags = "".join(f"<tag>{tag}</tag>" for tag in row["tags"])
            out.write(
                f'<record id="{row["id"]}"><name>{row["name"]}</name><city>{row["city"]}</city>'
                f'<amount>{row["amount"]}</amount><tags>{tags}</tags></record>\n'
            )
        out.write("</records>\n")


def make_sql(folder, rng):
    """load.sql: a table of 120,000 rows, two indexes, a join and an aggregate"""
    words = vocabulary(rng, 2000)
    with open(folder / "load.sql", "w") as out:
        out.write("create table t(id integer primary key, name text, city text, amount real);\n")
        out.write("begin;\n")
        for number in range(120_000):
            out.write(
                f"insert into t values({number},'{rng.choice(words)} {rng.choice(words)}',"
                f"'{rng.choice(words[:200])}',{rng.uniform(0, 1e6):.2f});\n"
            )
        out.write("commit;\ncreate index t_name on t(name);\ncreate index t_city on t(city);\n")
        out.write("select count(*), sum(a.amount) from t a join t b on b.id = a.id * 2;\n")
        out.write("select city, group_concat(name) from t group by city;\n")


def make_source_c(folder, rng):
    """source.c: 500 functions with loops, switches and structures"""
    with open(folder / "source.c", "w") as out:
        out.write("struct point { long x, y; struct point *next; };\n")
        for number in range(500):
            k = rng.randint(2, 99)
            out.write(
                f"long function_{number}(struct point *p, long n)\n{{\n    long sum = {k};\n"
                f"    for (long i = 0; i < n; i++) {{\n        switch ((p->x + i) % {k}) {{\n"
            )
            for case in range(rng.randint(3, 9)):
                out.write(f"        case {case}: sum += p->y * {rng.randint(1, 999)}; break;\n")
            out.write("        default: sum ^= i; p = p->next ? p->next : p;\n        }\n    }\n")
            if number:
                out.write(f"    return sum + function_{rng.randrange(number)}(p, n - 1);\n}}\n")
            else:
                out.write("    return sum;\n}\n")


def make_source_cxx(folder, rng):
    """source.cc: the standard library's templates at work"""
    headers = "algorithm functional map memory regex string unordered_map vector".split()
    (folder / "source.cc").write_text(
        "".join(f"#include <{header}>\n" for header in headers)
        + "using words = std::map<std::string, std::vector<std::shared_ptr<std::string>>>;\n"
        "int use(words &w, std::unordered_map<int, std::function<int(int)>> &f) {\n"
        '    w["a"].push_back(std::make_shared<std::string>("b"));\n'
        "    f[1] = [&](int i) { return i + (int)w.size(); };\n"
        '    return f[1](2) + std::regex_match(std::string("c"), std::regex("c*"));\n}\n'
    )


def make_repository(folder, rng):
    """repository: a git repository of 400 commits over 120 files, one pack"""
    words = vocabulary(rng, 4000)
    files = {f"folder{n % 8}/file{n}.txt": [rng.choices(words, k=8) for _ in range(120)]
             for n in range(120)}
    stream = []
    for commit in range(400):
        message = f"commit {commit}\n"
        stream.append(f"commit refs/heads/main\ncommitter A <a@b.c> {1000000000 + commit} +0000\n"
                      f"data {len(message)}\n{message}\n")
        for name in (files if commit == 0 else rng.sample(sorted(files), 6)):
            lines = files[name]
            for _ in range(5):
                lines[rng.randrange(len(lines))] = rng.choices(words, k=8)
            text = "\n".join(" ".join(line) for line in lines) + "\n"
            stream.append(f"M 100644 inline {name}\ndata {len(text)}\n{text}\n")
    where = folder / "repository"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", where], check=True)
    subprocess.run(["git", "-C", where, "fast-import", "--quiet"], check=True,
                   input="".join(stream).encode())


def make_graph(folder, rng):
    """graph.dot: a layered graph of 1,500 nodes"""
    with open(folder / "graph.dot", "w") as out:
        out.write("digraph g {\n")
        for node in range(1, 1500):
            out.write(f"n{rng.randrange(max(0, node - 40), node)} -> n{node};\n")
            if node % 6 == 0:
                out.write(f"n{rng.randrange(max(0, node - 20), node)} -> n{node};\n")
        out.write("}\n")


def make_book(folder, rng):
    """book.ms: 300 sections of 8 paragraphs"""
    words = vocabulary(rng, 3000)
    with open(folder / "book.ms", "w") as out:
        out.write(".TL\nBook\n")
        for section in range(300):
            out.write(f".NH\nSection {section}\n")
            for _ in range(8):
                out.write(".PP\n" + " ".join(rng.choices(words, k=120)) + "\n")


def make_drawing(folder, rng):
    """drawing.ps: 5 pages of curves, clipped and stroked"""
    def points(count):
        return " ".join(str(rng.randrange(600)) for _ in range(2 * count))
    with open(folder / "drawing.ps", "w") as out:
        out.write("%!PS\n")
        for _ in range(5):
            for _ in range(800):
                colour = " ".join(f"{rng.random():.2f}" for _ in range(3))
                out.write(f"gsave newpath {points(1)} moveto {points(3)} curveto {points(3)} curveto "
                          f"closepath clip {colour} setrgbcolor {points(1)} moveto {points(3)} "
                          f"curveto 3 setlinewidth stroke grestore\n")
            out.write("showpage\n")


def make_equation(folder, _):
    """equation.smt2: two factors of 20 bits of a number, as bit vectors"""
    (folder / "equation.smt2").write_text(
        "(set-logic QF_BV)\n(declare-const x (_ BitVec 48))\n(declare-const y (_ BitVec 48))\n"
        f"(assert (= (bvmul x y) (_ bv{10007 * 100003} 48)))\n"
        "(assert (bvugt x (_ bv1 48)))\n(assert (bvugt y (_ bv1 48)))\n"
        "(assert (bvult x (_ bv1048576 48)))\n(assert (bvult y (_ bv1048576 48)))\n(check-sat)\n"
    )


def main():
    kinds = {name[5:].replace("_", "-"): make for name, make in globals().items()
             if name.startswith("make_")}
    if len(sys.argv) != 3 or sys.argv[1] not in kinds:
        sys.exit(f"usage: inputs.py {'|'.join(kinds)} FOLDER")
    kinds[sys.argv[1]](Path(sys.argv[2]), random.Random(SEED))


if __name__ == "__main__":
    main()
