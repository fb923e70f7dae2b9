/* SPDX-License-Identifier: MIT */
/*
 * The recipes of the programs suite: real programs at allocation-heavy work. Layer 4.
 *
 * Interpreters, compilers, servers and text tools that allocate per item of their input, with large
 * heaps and small, one thread and two; and what Debian has of the sets that other allocators are
 * measured with (redis, lua, ghostscript, z3; bc for cfrac). None was left out for what it showed.
 */
#include "measure/bench_cases.h"

/* clang-format off */
const struct bench_program bench_programs[] = {
    {"cc", "the C compiler on 500 functions",
     {"cc", "-O1", "-c", "source.c", "-o", "source.o"}, "gcc", {"source-c"}},
    {"c++", "the C++ compiler on the standard library's templates",
     {"c++", "-O1", "-std=c++17", "-c", "source.cc", "-o", "source-cc.o"}, "g++", {"source-cxx"}},
    {"python-json", "python3 parses, groups and writes 16 MB of JSON; every object by malloc",
     {"python3", "@/json_trees.py"}, "python3", {"records"}, {"PYTHONMALLOC=malloc"}},
    {"python-objects", "python3 makes and drops trees and strings; every object by malloc",
     {"python3", "@/objects.py"}, "python3", {NULL}, {"PYTHONMALLOC=malloc"}},
    {"python-syntax", "python3 parses, prints and compiles a module; every object by malloc",
     {"python3", "@/syntax_trees.py"}, "python3", {NULL}, {"PYTHONMALLOC=malloc"}},
    {"perl", "perl counts and indexes the words of 400,000 lines",
     {"perl", "@/words.pl"}, "perl", {"lines"}},
    {"perl-objects", "perl makes and drops trees of objects",
     {"perl", "@/objects.pl"}, "perl"},
    {"bash", "bash splits, counts and joins the words of 8,000 lines",
     {"bash", "@/strings.bash"}, "bash", {"lines"}},
    {"awk", "awk counts words and pairs of words",
     {"awk", "-f", "@/words.awk", "lines.txt"}, "mawk", {"lines"}},
    {"lua", "lua makes and drops binary trees and strings",
     {"lua5.4", "@/trees.lua"}, "lua5.4"},
    {"sqlite", "sqlite3 fills, indexes, joins and groups a table in memory",
     {"sqlite3", ":memory:", ".read load.sql"}, "sqlite3", {"sql"}},
    {"redis", "redis-server is filled by redis-benchmark, and emptied",
     {"sh", "@/redis.sh"}, "redis-server", .wall = true},
    {"sort", "sort orders 1.6 million lines by their third word, in 2 threads",
     {"sort", "-k3", "--parallel=2", "-S", "128M", "lines.txt", "lines.txt", "lines.txt",
      "lines.txt"},
     "coreutils", {"lines"}, {"LC_ALL=C"}, .wall = true},
    {"xz", "xz compresses 18 MB in 2 threads",
     {"xz", "-T2", "-1", "--block-size=4MiB", "-k", "-c", "lines.txt"}, "xz-utils", {"lines"},
     .wall = true},
    {"git-repack", "git packs 400 commits anew, in 2 threads",
     {"git", "-C", "repository", "-c", "pack.threads=2", "repack", "-adfq", "--depth=20",
      "--window=20"},
     "git", {"repository"}, .wall = true},
    {"git-log", "git shows 400 commits word by word",
     {"git", "-C", "repository", "log", "-p", "--stat", "--word-diff"}, "git", {"repository"}},
    {"jq", "jq groups 90,000 records",
     {"jq", "-c", "group_by(.city) | map({city: .[0].city, total: map(.amount) | add, "
      "names: map(.name)})", "records.json"},
     "jq", {"records"}},
    {"xmllint", "xmllint reads 16 MB into a tree and asks it",
     {"xmllint", "--xpath", "count(//record[tags/tag=\"baba\"])", "records.xml"}, "libxml2-utils",
     {"records"}},
    {"bc", "bc factors two numbers; every step of the arithmetic allocates",
     {"bc", "-q", "@/factor.bc"}, "bc"},
    {"tcl", "tclsh makes and drops trees of lists and an array of words",
     {"tclsh", "@/trees.tcl"}, "tcl"},
    {"groff", "groff sets a book of 300 sections",
     {"groff", "-ms", "-Tps", "book.ms"}, "groff", {"book"}},
    {"ghostscript", "gs renders 5 pages of curves",
     {"gs", "-q", "-dNOPAUSE", "-dBATCH", "-sDEVICE=pgmraw", "-r72", "-sOutputFile=/dev/null",
      "drawing.ps"},
     "ghostscript", {"drawing"}},
    {"dot", "dot lays out a graph of 1,500 nodes",
     {"dot", "-Tplain", "graph.dot"}, "graphviz", {"graph"}},
    {"z3", "z3 factors a number given as bit vectors",
     {"z3", "equation.smt2"}, "z3", {"equation"}},
    {NULL},
};
/* clang-format on */
