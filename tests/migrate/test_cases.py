# SPDX-License-Identifier: MIT
"""Each way that the malloc family can appear in C: what it becomes, byte for byte, and why.

A case is the text, the text after --write (without the include line, which every converted file
gets in front of its first line here), and each site's class and rule; '+' marks flagged sites.
"""
import pytest

from support import INCLUDE, migrate, read_tree, sites, write_tree

C, K, R = "converted", "kept", "review+"
CALL = ("free", C, "call")
MALLOC = ("malloc", C, "call")


def kept(function, rule, flag=""):
    return (function, K + flag, rule)


def review(function, rule):
    return (function, R, rule)


SAME = None  # the text stays as it is

CASES = {
    "01_plain_call": (
        b"void f(void)\n{\n    char *p = malloc(10);\n    free(p);\n}\n",
        b"void f(void)\n{\n    char *p = shale_alloc(10);\n    shale_free(p);\n}\n",
        [MALLOC, CALL]),
    "02_space_before_parenthesis": (
        b"void f(void)\n{\n    char *p = malloc (10);\n    free\n        (p);\n}\n",
        b"void f(void)\n{\n    char *p = shale_alloc (10);\n    shale_free\n        (p);\n}\n",
        [MALLOC, CALL]),
    "03_calloc_realloc_reallocarray": (
        b"void f(void)\n{\n    char *p = calloc(2, 3);\n    p = realloc(p, 9);\n"
        b"    p = reallocarray(p, 4, 5);\n    free(p);\n}\n",
        b"void f(void)\n{\n    char *p = shale_calloc(2, 3);\n    p = shale_realloc(p, 9);\n"
        b"    p = shale_realloc_array(p, 4, 5);\n    shale_free(p);\n}\n",
        [("calloc", C, "call"), ("realloc", C, "call"), ("reallocarray", C, "call"), CALL]),
    "03_aligned": (
        b"void f(void)\n{\n    char *p = aligned_alloc(64, 128);\n    free(p);\n"
        b"    p = memalign(64, 128);\n    free(p);\n}\n",
        b"void f(void)\n{\n    char *p = shale_alloc_aligned(64, 128);\n    shale_free(p);\n"
        b"    p = shale_alloc_aligned(64, 128);\n    shale_free(p);\n}\n",
        [("aligned_alloc", C, "call"), CALL, ("memalign", C, "call"), CALL]),
    "03_realloc_to_zero_frees": (
        b"void *f(char *p, char *q)\n{\n    realloc(p, 0);\n    return realloc(q, 0);\n}\n",
        b"void *f(char *p, char *q)\n{\n    shale_free(p);\n"
        b"    return (shale_free(q), (void *)0);\n}\n",
        [("realloc", C, "call"), ("realloc", C, "call")]),
    "03_usable_size": (
        b"unsigned long f(void *p) { return malloc_usable_size(p); }\n",
        b"unsigned long f(void *p) { return shale_usable_size(p); }\n",
        [("malloc_usable_size", C, "call")]),
    "03_no_counterpart": (b"void *f(void) { return pvalloc(9); }\n", SAME,
                          [review("pvalloc", "no-counterpart")]),
    "04_string": (b'const char *f(void) { return "free(p) malloc (3)"; }\n', SAME,
                  [kept("free", "string"), kept("malloc", "string")]),
    "05_comment": (b"/* free(p) */ // malloc(3)\nint x;\n", SAME,
                   [kept("free", "comment"), kept("malloc", "comment")]),
    "06_member_calls": (
        b"void f(struct o *o, struct o s, void *p)\n{\n"
        b"    o->free(p);\n    s.free(p);\n    (*o->free)(p);\n}\n", SAME,
        [kept("free", "member")] * 3),
    "07_member_declaration": (
        b"struct o { void *(*malloc)(unsigned long); void (*free)(void *); int calloc; };\n", SAME,
        [kept("malloc", "member"), kept("free", "member"), kept("calloc", "member")]),
    "08_designated_table": (
        b"struct o o = {.malloc = malloc, .free = free};\n",
        b"struct o o = {.malloc = shale_alloc, .free = shale_free};\n",
        [kept("malloc", "designator"), ("malloc", C, "allocator-table"),
         kept("free", "designator"), ("free", C, "allocator-table")]),
    "08_positional_table": (
        b"struct o o = {malloc, realloc, free};\n",
        b"struct o o = {shale_alloc, shale_realloc, shale_free};\n",
        [(name, C, "allocator-table") for name in ("malloc", "realloc", "free")]),
    "08_table_with_a_sibling_of_libc": (
        b"struct o o = {malloc, posix_memalign, free};\n", SAME,
        [review("malloc", "allocator-table-libc"), review("posix_memalign", "no-counterpart"),
         review("free", "allocator-table-libc")]),
    "09_callbacks": (
        b"void f(void)\n{\n    void (*fp)(void *);\n    each(free);\n    each(&free);\n"
        b"    fp = free;\n}\n",
        b"void f(void)\n{\n    void (*fp)(void *);\n    each(shale_free);\n"
        b"    each(&shale_free);\n    fp = shale_free;\n}\n",
        [("free", C + "+", "function-pointer")] * 3),
    "10_parenthesized": (
        b"void f(void *p, void *q)\n{\n    (free)(p);\n    (*free)(q);\n}\n",
        b"void f(void *p, void *q)\n{\n    (shale_free)(p);\n    (*shale_free)(q);\n}\n",
        [CALL, CALL]),
    "11_macro_bodies": (
        b"#define RELEASE(p) do { free(p); (p) = 0; } while (0)\n#define GET malloc\n",
        b"#define RELEASE(p) do { shale_free(p); (p) = 0; } while (0)\n#define GET shale_alloc\n",
        [("free", C, "macro-body"), ("malloc", C + "+", "function-pointer")]),
    "12_token_pasting": (
        b"#define A(x) x##free\n#define B(x) my_##x\n#define Q(x) #x\n"
        b"void f(void) { B(free)(0); puts(Q(malloc)); }\n", SAME,
        [review("free", "token-pasting"), review("free", "token-pasting"),
         review("malloc", "token-pasting")]),
    "13_names_of_other_things": (
        b"int f(int free) { return free + 1; }\n"
        b"int g(void) { int a = 1, free = 2; return free > a; }\n"
        b"void h(int n) { if (n) goto free; n++; free: return; }\n"
        b"enum e { free, used };\nstruct malloc { int x; };\n", SAME,
        [kept("free", "local-name")] * 4 + [kept("free", "label")] * 2 +
        [kept("free", "local-name"), kept("malloc", "tag")]),
    "13_a_hidden_name_ends_with_its_block": (
        b"void f(void *p) { { int free = 0; use(free); } free(p); }\n",
        b"void f(void *p) { { int free = 0; use(free); } shale_free(p); }\n",
        [kept("free", "local-name"), kept("free", "local-name"), CALL]),
    "13_function_pointer_parameter": (
        b"void f(void (*free)(void *), void *p) { free(p); }\n", SAME,
        [kept("free", "declarator"), kept("free", "local-name")]),
    "14_own_prototype": (
        b"extern void *malloc(unsigned long);\nvoid free(void *);\n"
        b"void f(void) { free(malloc(1)); }\n",
        b"extern void *malloc(unsigned long);\nvoid free(void *);\n"
        b"void f(void) { shale_free(shale_alloc(1)); }\n",
        [kept("malloc", "prototype"), kept("free", "prototype"), CALL, MALLOC]),
    "15_file_that_defines_free": (
        b"void free(void *p) { (void)p; }\nvoid f(void *p) { free(p); }\n", SAME,
        [kept("free", "definition", "+"), kept("free", "file-defines-allocator", "+")]),
    "15_file_that_defines_a_macro": (
        b"#define malloc(n) my_malloc(n)\nvoid *f(void) { return malloc(1); }\n", SAME,
        [kept("malloc", "defines-macro", "+"), kept("malloc", "file-defines-allocator", "+")]),
    "15_preprocessor_tests": (
        b"#ifdef malloc\n#undef free\n#endif\n#if defined(calloc)\n#endif\n", SAME,
        [kept("malloc", "preprocessor-test", "+"), kept("free", "preprocessor-test", "+"),
         kept("calloc", "preprocessor-test", "+")]),
    "16_strdup_converts_with_its_free": (
        b"void f(const char *s)\n{\n    char *a = strdup(s), *b = strndup(s, 3);\n"
        b"    free(a);\n    free(b);\n}\n",
        b"void f(const char *s)\n{\n    char *a = shale_strdup(s), *b = shale_strndup(s, 3);\n"
        b"    shale_free(a);\n    shale_free(b);\n}\n",
        [("strdup", C, "call"), ("strndup", C, "call"), CALL, CALL]),
    "16_asprintf_keeps_its_free": (
        b'void f(void)\n{\n    char *s;\n    if (asprintf(&s, "%d", 1) > 0)\n'
        b"        free(s);\n}\n", SAME, [kept("free", "libc-owned")]),
    "17_getline": (
        b"void f(void *in)\n{\n    char *line = 0;\n    unsigned long n = 0;\n"
        b"    while (getline(&line, &n, in) > 0)\n        ;\n    free(line);\n}\n", SAME,
        [kept("free", "libc-owned")]),
    "17_realpath_getcwd": (
        b"void f(void)\n{\n    char *a = realpath(\"x\", NULL);\n    char *b = getcwd(0, 0);\n"
        b"    free(a);\n    free(b);\n}\n", SAME, [kept("free", "libc-owned")] * 2),
    "17_scandir": (
        b"void f(void)\n{\n    struct dirent **list;\n"
        b"    int n = scandir(\".\", &list, 0, 0);\n    while (n--)\n        free(list[n]);\n"
        b"    free(list);\n}\n", SAME, [kept("free", "libc-owned")] * 2),
    "17_open_memstream_backtrace_symbols": (
        b"void f(void **b)\n{\n    char *t;\n    unsigned long n;\n"
        b"    void *m = open_memstream(&t, &n);\n    char **s = backtrace_symbols(b, 3);\n"
        b"    fclose(m);\n    free(t);\n    free(s);\n}\n", SAME,
        [kept("free", "libc-owned")] * 2),
    "18_returned_inside_the_world": (
        b"static char *make(void) { return malloc(3); }\nvoid f(void) { free(make()); }\n",
        b"static char *make(void) { return shale_alloc(3); }\nvoid f(void) { shale_free(make()); }\n",
        [MALLOC, CALL]),
    "18_stored_inside_the_world": (
        b"struct s { char *t; };\nvoid f(struct s *s) { s->t = malloc(3); }\n"
        b"void g(struct s *s) { free(s->t); }\n",
        b"struct s { char *t; };\nvoid f(struct s *s) { s->t = shale_alloc(3); }\n"
        b"void g(struct s *s) { shale_free(s->t); }\n",
        [MALLOC, CALL]),
    "18_returned_to_the_outside": (b"char *api_name(void) { return strdup(\"x\"); }\n", SAME,
                                   [review("strdup", "escapes")]),
    "18_passed_to_the_outside": (b"void f(void) { other_take(malloc(3)); }\n", SAME,
                                 [review("malloc", "escapes")]),
    "19_conditional_owner": (
        b"void f(int c)\n{\n    char *p = c ? malloc(3) : realpath(\"x\", NULL);\n"
        b"    free(p);\n}\n", SAME,
        [review("malloc", "mixed-owner"), review("free", "mixed-owner")]),
    "20_made_by_another_library": (
        b"void f(void)\n{\n    char *line = readline(\"> \");\n    free(line);\n}\n", SAME,
        [review("free", "foreign-memory")]),
    "21_held_by_libc": (
        b"void f(void *out)\n{\n    char *a = malloc(99), *b = malloc(9);\n"
        b"    setvbuf(out, a, 0, 99);\n    putenv(b);\n    fclose(out);\n    free(a);\n}\n", SAME,
        [kept("malloc", "held-by-libc"), kept("malloc", "held-by-libc"),
         kept("free", "held-by-libc")]),
    "21_given_by_a_callback": (
        b"static char *on_read(void) { return malloc(9); }\n"
        b"void f(void) { reader_set(on_read); }\n", SAME,
        [review("malloc", "callback-result")]),
    "22_freed_at_once": (b"void f(void) { free(malloc(7)); }\n",
                         b"void f(void) { shale_free(shale_alloc(7)); }\n", [CALL, MALLOC]),
    "23_not_evaluated": (b"unsigned long f(void) { return sizeof(malloc(3)); }\n",
                         b"unsigned long f(void) { return sizeof(shale_alloc(3)); }\n", [MALLOC]),
    "24_inactive_branch": (
        b"void f(void *p)\n{\n#if 0\n    free(p);\n#else\n    free(p);\n#endif\n}\n",
        b"void f(void *p)\n{\n#if 0\n    shale_free(p);\n#else\n    shale_free(p);\n#endif\n}\n",
        [("free", C + "+", "call"), CALL]),
    "25_generated": (b"/* Generated by tool; do not edit */\nvoid f(void *p) { free(p); }\n", SAME,
                     [("", K, "generated")]),
    "27_alloca": (b"void f(void) { use(alloca(3)); }\n", SAME, [kept("alloca", "alloca")]),
    "28_attributes": (
        b"void drop(void *);\nvoid *a(void) __attribute__((malloc));\n"
        b"void *b(void) __attribute__((malloc(free)));\n", SAME,
        [kept("malloc", "attribute-name"), review("malloc", "attribute"),
         review("free", "attribute")]),
    "29_past_any_layer": (
        b"void *__real_malloc(unsigned long);\nvoid *f(void) { return __real_malloc(3); }\n"
        b"void g(void) __asm__(\"free\");\n", SAME,
        [kept("__real_malloc", "prototype")] + [kept("__real_malloc", "libc-itself")]),
}


@pytest.mark.parametrize("name", CASES)
def test_case(tmp_path, name):
    before, after, expected = CASES[name]
    write_tree(tmp_path, {"a.c": before})
    assert sites(tmp_path) == expected
    migrate("--write", tmp_path)
    assert (tmp_path / "a.c").read_bytes() == (before if after is None else INCLUDE + after)


def test_posix_memalign_and_valloc_bring_their_headers(tmp_path):
    write_tree(tmp_path, {"a.c": b"""\
#include <stdlib.h>

int f(struct s *s, void **out)
{
    if (posix_memalign((void **)&s->buffer, 64, s->size) != 0)
        return -1;
    free(s->buffer);
    return posix_memalign(out, 32, 8);
}

void *g(void) { return valloc(100); }
void h(void) { free(g()); }
"""})
    assert sites(tmp_path) == [("posix_memalign", C, "call"), CALL, ("posix_memalign", C, "call"),
                               ("valloc", C, "call"), CALL]
    migrate("--write", tmp_path)
    assert (tmp_path / "a.c").read_bytes() == b"""\
#include <errno.h>
#include <unistd.h>
#include <shale/alloc.h>
#include <stdlib.h>

int f(struct s *s, void **out)
{
    if (((s->buffer = shale_alloc_aligned(64, s->size)) ? 0 : errno) != 0)
        return -1;
    shale_free(s->buffer);
    return ((*out = shale_alloc_aligned(32, 8)) ? 0 : errno);
}

void *g(void) { return shale_alloc_aligned((size_t)sysconf(_SC_PAGESIZE), 100); }
void h(void) { shale_free(g()); }
"""


def test_25_third_party_folders_stay(tmp_path):
    text = b"void f(void *p) { free(p); }\n"
    write_tree(tmp_path, {"third_party/a.c": text, "vendor/b.c": text, "deps/x/c.c": text,
                          "own.c": text})
    assert sites(tmp_path) == [("", K, "third-party"), CALL, ("", K, "third-party"),
                               ("", K, "third-party")]
    migrate("--write", tmp_path)
    changed = [name for name, now in read_tree(tmp_path).items() if now != text]
    assert changed == ["own.c"]


def test_25_a_folder_given_by_name_is_not_third_party(tmp_path):
    write_tree(tmp_path, {"deps/x/c.c": b"void f(void *p) { free(p); }\n"})
    assert sites(tmp_path / "deps") == [CALL]


def test_26_other_languages_are_for_review(tmp_path):
    text = b"void f(void *p) { free(p); }\n"
    write_tree(tmp_path, {"a.cpp": text, "b.mm": text, "c.inc": text})
    assert sites(tmp_path) == [review("free", "not-c")] * 3
    migrate("--write", tmp_path)
    assert set(read_tree(tmp_path).values()) == {text}


BODY = b"void f(void *p) { free(p); }\n"
NEW = b"void f(void *p) { shale_free(p); }\n"
INCLUDE_PLACES = {
    "first_comment": (b"/* Licence. */\n" + BODY, b"/* Licence. */\n" + INCLUDE + NEW),
    "line_comments": (b"// One.\n// Two.\n\n#include <a.h>\n" + BODY,
                      b"// One.\n// Two.\n\n" + INCLUDE + b"#include <a.h>\n" + NEW),
    "feature_macro": (b"/* L */\n#define _GNU_SOURCE\n#include <a.h>\n" + BODY,
                      b"/* L */\n#define _GNU_SOURCE\n" + INCLUDE + b"#include <a.h>\n" + NEW),
    "feature_group": (b"#ifndef _GNU_SOURCE\n#define _GNU_SOURCE 1\n#endif\n" + BODY,
                      b"#ifndef _GNU_SOURCE\n#define _GNU_SOURCE 1\n#endif\n" + INCLUDE + NEW),
    "configuration": (b'#include "config.h"\n#include <a.h>\n' + BODY,
                      b'#include "config.h"\n' + INCLUDE + b"#include <a.h>\n" + NEW),
    "own_define_between": (b'#define x_c\n#include "lprefix.h"\n#include <a.h>\n' + BODY,
                           b'#define x_c\n#include "lprefix.h"\n' + INCLUDE + b"#include <a.h>\n" +
                           NEW),
    "no_comment": (BODY, INCLUDE + NEW),
    "there_already": (INCLUDE + BODY, INCLUDE + NEW),
}


@pytest.mark.parametrize("name", INCLUDE_PLACES)
def test_30_one_include(tmp_path, name):
    before, after = INCLUDE_PLACES[name]
    write_tree(tmp_path, {"a.c": before})
    migrate("--write", tmp_path)
    assert (tmp_path / "a.c").read_bytes() == after


def test_30_headers_get_it_behind_their_guard(tmp_path):
    write_tree(tmp_path, {
        "a.h": b"/* A. */\n#ifndef A_H\n#define A_H\n\n#define DROP(p) free(p)\n\n#endif\n",
        "b.h": b"#pragma once\n#define DROP(p) free(p)\n"})
    migrate("--write", tmp_path)
    assert read_tree(tmp_path) == {
        "a.h": b"/* A. */\n#ifndef A_H\n#define A_H\n" + INCLUDE +
               b"\n#define DROP(p) shale_free(p)\n\n#endif\n",
        "b.h": b"#pragma once\n" + INCLUDE + b"#define DROP(p) shale_free(p)\n"}


BYTES = {
    "crlf": (b"/* L */\r\nvoid f(void *p)\r\n{\r\n\tfree(p);\r\n}\r\n",
             b"/* L */\r\n#include <shale/alloc.h>\r\nvoid f(void *p)\r\n{\r\n\tshale_free(p);\r\n"
             b"}\r\n"),
    "byte_order_mark": (b"\xef\xbb\xbfvoid f(void *p) { free(p); }\n",
                        b"\xef\xbb\xbf" + INCLUDE + b"void f(void *p) { shale_free(p); }\n"),
    "trigraph": (b"int a??(2??);\nvoid f(void *p) { free(p); }\n",
                 INCLUDE + b"int a??(2??);\nvoid f(void *p) { shale_free(p); }\n"),
    "continuation": (b"void f(void *p) { fr\\\nee(p); \\\n }\n",
                     INCLUDE + b"void f(void *p) { shale_free(p); \\\n }\n"),
    "no_final_newline": (b"void f(void *p) { free(p); }", INCLUDE +
                         b"void f(void *p) { shale_free(p); }"),
    "latin_1": (b"/* caf\xe9 */\nvoid f(void *p) { free(p); }\n",
                b"/* caf\xe9 */\n" + INCLUDE + b"void f(void *p) { shale_free(p); }\n"),
    "form_feed_and_tabs": (b"\x0cvoid\tf(void *p) {\tfree\t(p);\t}\n",
                           INCLUDE + b"\x0cvoid\tf(void *p) {\tshale_free\t(p);\t}\n"),
}


@pytest.mark.parametrize("name", BYTES)
def test_31_all_other_bytes_stay(tmp_path, name):
    before, after = BYTES[name]
    write_tree(tmp_path, {"a.c": before})
    migrate("--write", tmp_path)
    assert (tmp_path / "a.c").read_bytes() == after
    migrate("--undo", tmp_path)
    assert (tmp_path / "a.c").read_bytes() == before


def test_32_a_second_run_is_empty(tmp_path):
    write_tree(tmp_path, {f"{name}.c": case[0] for name, case in CASES.items()})
    migrate("--write", tmp_path)
    after = read_tree(tmp_path)
    out, _ = migrate("--diff", tmp_path)
    assert out == b""
    migrate("--write", tmp_path)
    assert read_tree(tmp_path) == after
    migrate("--check", tmp_path)


def test_33_undo_is_byte_identical(tmp_path):
    write_tree(tmp_path, {f"{name}.c": case[0] for name, case in CASES.items()})
    before = read_tree(tmp_path)
    migrate("--write", tmp_path)
    assert read_tree(tmp_path) != before
    migrate("--undo", tmp_path)
    assert read_tree(tmp_path) == before
    assert not (tmp_path / ".shale-migrate").exists()


def test_34_a_dry_run_writes_nothing(tmp_path):
    write_tree(tmp_path, {f"{name}.c": case[0] for name, case in CASES.items()})
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    for mode in ((), ("--diff",), ("--list",), ("--json",)):
        migrate(*mode, tmp_path)
    migrate("--check", tmp_path, status=1)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_call_that_would_begin_with_a_parenthesis_stays_behind_a_name(tmp_path):
    write_tree(tmp_path, {"a.c": b"""
#define ALLOC(p) posix_memalign(&p, 64, 8)
#define ALLOCATE posix_memalign(&p, 64, 8)
#if 1
#endif
void f(void) { WHEN posix_memalign(&p, 64, 8) { free(p); } }
int g(void) { void *p; if (1) return posix_memalign(&p, 64, 8); else posix_memalign(&p, 64, 8); }
"""})
    assert [site for site in sites(tmp_path) if site[0] == "posix_memalign"] == [
        ("posix_memalign", C, "macro-body"), ("posix_memalign", C, "macro-body"),
        ("posix_memalign", "review+", "no-counterpart"), ("posix_memalign", C, "call"),
        ("posix_memalign", C, "call")]
