# SPDX-License-Identifier: MIT
"""Whose memory reaches which free: through functions, files, macros, pointers, threads, fields."""
import json

from support import report, sites, write_tree

C, K, R = "converted", "kept", "review+"
CALL = ("free", C, "call")


def of(tmp_path, text, *more):
    write_tree(tmp_path, {"a.c": text, **dict(more)})
    return sites(tmp_path, "--no-compile-commands")


def test_a_wrapper_of_free_keeps_what_passes_through_it(tmp_path):
    assert of(tmp_path, b"""
static void drop(void *p) { free(p); }
void f(void) { char *l = 0; unsigned long n; getline(&l, &n, stdin); drop(l); }
""") == [("free", K, "libc-owned")]


def test_a_wrapper_for_both_owners_is_for_review_with_all_its_makers(tmp_path):
    assert of(tmp_path, b"""
static void drop(void *p) { free(p); }
static void *get(int n) { return malloc(n); }
void f(void) { char *l = 0; unsigned long n; getline(&l, &n, stdin); drop(l); }
void g(void) { char *p = get(3); drop(p); }
void h(void) { char *p = malloc(3); free(p); }
""") == [("free", R, "mixed-owner"), ("malloc", R, "mixed-owner"), ("malloc", C, "call"), CALL]


def test_macros_that_share_a_cast_do_not_share_owners(tmp_path):
    assert of(tmp_path, b"""
#define cast(t, e) ((t)(e))
void f(void) { char *l = 0; unsigned long n; getline(&l, &n, stdin); free(cast(void *, l)); }
void g(void) { char *p = cast(char *, malloc(3)); free(cast(void *, p)); }
""") == [("free", K, "libc-owned"), ("malloc", C, "call"), CALL]


def test_macros_that_make_and_free(tmp_path):
    assert of(tmp_path, b"""
#define readline_of(b) ((b) = readline("> "))
#define done_with(b) free(b)
void f(void) { char *b; readline_of(b); done_with(b); }
""") == [("free", R, "foreign-memory")]


def test_alias_macros_stand_for_their_function(tmp_path):
    assert of(tmp_path, b"""
#define my_free free
void f(void) { char *p = realpath("x", NULL); my_free(p); }
""") == [("free", K, "libc-owned")]


def test_files_of_the_world_are_read_together(tmp_path):
    assert of(tmp_path, b"char *line(void);\nvoid f(void) { free(line()); }\n", (
        "b.c", b"char *line(void) { return realpath(\"x\", NULL); }\n")) == \
        [("free", K, "libc-owned")]


def test_static_functions_of_one_name_in_two_files_are_two(tmp_path):
    text = b"static char *get(void) { return %s; }\nvoid %s(void) { free(get()); }\n"
    assert of(tmp_path, text % (b"malloc(3)", b"f"),
              ("b.c", text % (b"realpath(\"x\", NULL)", b"g"))) == \
        [("malloc", C, "call"), CALL, ("free", K, "libc-owned")]


def test_out_parameters_and_arrays(tmp_path):
    assert of(tmp_path, b"""
static void make(char **out) { *out = realpath("x", NULL); }
static void mine(char **out) { *out = malloc(3); }
void f(void) { char *a, *b; make(&a); mine(&b); free(a); free(b); }
void g(char **v, int n) { for (int i = 0; i < n; i++) v[i] = getcwd(NULL, 0);
                          for (int i = 0; i < n; i++) free(v[i]); }
""") == [("malloc", C, "call"), ("free", K, "libc-owned"), CALL, ("free", K, "libc-owned")]


def test_members_of_two_records_with_one_name(tmp_path):
    assert of(tmp_path, b"""
struct own { char *text; };
struct libc { char *text; };
void f(struct own *o, struct libc *l)
{
    o->text = strdup("x");
    l->text = realpath("x", NULL);
    free(o->text);
    free(l->text);
}
""") == [("strdup", C, "call"), CALL, ("free", K, "libc-owned")]


def test_numbers_carry_no_blocks(tmp_path):
    assert of(tmp_path, b"""
struct s { int n; char *n_text; };
void f(struct s *s) { int n = outside_count(); s->n = n; s->n_text = malloc(3); free(s->n_text); }
""") == [("malloc", C, "call"), CALL]


def test_a_call_through_a_pointer(tmp_path):
    assert of(tmp_path, b"""
static void release(void *p) { free(p); }
struct ops { void (*release)(void *); };
static struct ops ops = {.release = release};
void f(void) { char *p = realpath("x", NULL); ops.release(p); }
""") == [("free", K, "libc-owned")]


def test_a_thread_frees_its_argument(tmp_path):
    assert of(tmp_path, b"""
static void *run(void *arg) { free(arg); return 0; }
void f(void) { pthread_t t; char *p = realpath("x", NULL); pthread_create(&t, 0, run, p); }
""") == [("free", K, "libc-owned")]


def test_scanf_with_m_allocates(tmp_path):
    assert of(tmp_path, b"""
void f(const char *t) { char *w; int n; sscanf(t, "%ms %d", &w, &n); free(w); }
void g(const char *t) { char *w = malloc(9); sscanf(t, "%8s", w); free(w); }
""") == [("free", K, "libc-owned"), ("malloc", C, "call"), CALL]


def test_realloc_of_a_line_of_libc_stays(tmp_path):
    assert of(tmp_path, b"""
void f(void) { char *l = 0; unsigned long n; getline(&l, &n, stdin); l = realloc(l, 99); free(l); }
""") == [("realloc", K, "libc-owned"), ("free", K, "libc-owned")]


def test_a_public_pair_of_make_and_free_converts(tmp_path):
    assert of(tmp_path, b"""
struct thing *thing_new(void) { return malloc(9); }
void thing_free(struct thing *t) { free(t); }
""") == [("malloc", C, "call"), CALL]


def test_list_macros_of_unknown_headers_pass_through(tmp_path):
    assert of(tmp_path, b"""
void f(struct head *h) { struct e *e = malloc(9); LIST_INSERT(h, e);
                         free(LIST_FIRST(h)); free(container_of(h, struct e, l)); }
""") == [("malloc", C, "call"), CALL, CALL]


def test_branches_that_break_braces(tmp_path):
    assert of(tmp_path, b"""
void f(int a, int b)
{
    char *p;
#ifdef A
    if (a) {
#else
    if (b) {
#endif
        p = realpath("x", NULL);
        free(p);
    }
}
void g(void) { char *q = malloc(3); free(q); }
""") == [("free", K, "libc-owned"), ("malloc", C, "call"), CALL]


def test_reasons_name_the_place(tmp_path):
    write_tree(tmp_path, {"a.c": b"void f(void)\n{\n    char *p = realpath(\"x\", NULL);\n"
                                 b"    free(p);\n}\n"})
    assert report(tmp_path)["sites"][0]["detail"] == "realpath() at a.c:3"


# ---- with a compile database ----

def with_database(tmp_path, files, *names):
    write_tree(tmp_path, files)
    commands = [{"directory": str(tmp_path), "file": name, "command": f"cc -DON -c {name}"}
                for name in names]
    (tmp_path / "compile_commands.json").write_text(json.dumps(commands))
    return sites(tmp_path)


def test_database_tells_records_apart_behind_unknown_types(tmp_path):
    files = {"a.c": b"""
#include "a.h"
void f(void)
{
    get_own()->text = strdup("x");
    get_libc()->text = realpath("x", NULL);
    free(get_own()->text);
    free(get_libc()->text);
}
""", "a.h": b"""
#include <stdlib.h>
#include <string.h>
typedef struct own { char *text; } own_t;
typedef struct libc { char *text; } libc_t;
#define POINTER(t) t *
extern POINTER(own_t) get_own(void);
extern POINTER(libc_t) get_libc(void);
"""}
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    write_tree(tmp_path / "one", files)
    assert sites(tmp_path / "one") == [("strdup", R, "mixed-owner"), ("free", R, "mixed-owner"),
                                       ("free", R, "mixed-owner")]
    assert with_database(tmp_path / "two", files, "a.c") == \
        [("strdup", C, "call"), CALL, ("free", K, "libc-owned")]


def test_database_across_static_functions(tmp_path):
    assert with_database(tmp_path, {"a.c": b"""
#include <stdlib.h>
struct box { char *text; };
static void fill(struct box *box) { box->text = realpath("x", NULL); }
static void drop(struct box *box) { free(box->text); }
void f(void) { struct box box; fill(&box); drop(&box); }
"""}, "a.c") == [("free", K, "libc-owned")]


def test_database_knows_branches_that_are_not_compiled(tmp_path):
    assert with_database(tmp_path, {"a.c": b"""
#include <stdlib.h>
void f(void *p)
{
#ifdef ON
    free(p);
#else
    free(p);
#endif
}
"""}, "a.c") == [CALL, ("free", C + "+", "call")]


def test_database_knows_variables_of_unknown_types(tmp_path):
    assert with_database(tmp_path, {"a.c": b"""
#include <stdlib.h>
#define DECLARE(n) int n = 3
int f(void) { DECLARE(free); return free + 1; }
"""}, "a.c")[-1] == ("free", K, "local-name")


def test_alternatives_of_a_macro_are_not_mixed_owners(tmp_path):
    assert of(tmp_path, b"""
#ifdef OTHER_SYSTEM
#define GET(n) zone_malloc(zone, n)
#define DROP(p) zone_free(p)
#else
#define GET(n) malloc(n)
#define DROP(p) free(p)
#endif
static void *get(int n) { return GET(n); }
static void drop(void *p) { DROP(p); }
void f(void) { drop(get(3)); }
""") == [("malloc", C, "macro-body"), ("free", C, "macro-body")]


def test_methods_of_one_table_stay_together(tmp_path):
    assert of(tmp_path, b"""
static void *get(int n) { return malloc(n); }
static void drop(void *p) { free(p); }
static void *resize(void *p, int n) { p = zone_find(p); return realloc(p, n); }
static const hidden_type methods = {get, drop, resize};
""") == [("malloc", R, "mixed-owner"), ("free", R, "mixed-owner"), ("realloc", R, "mixed-owner")]


def test_positional_initializers_set_members(tmp_path):
    assert of(tmp_path, b"""
struct ops { int version; void (*drop)(void *); };
static void drop(void *p) { free(p); }
static struct ops ops = {1, drop};
void f(void) { ops.drop(realpath("x", NULL)); }
""") == [("free", K, "libc-owned")]


def test_macros_of_headers_call_their_users_static_functions(tmp_path):
    assert of(tmp_path, b'#include "a.h"\nstatic char *line(void) { return realpath("x", NULL); }\n'
                        b"void f(void) { free(LINE()); }\n",
              ("a.h", b"#define LINE() line()\n")) == [("free", K, "libc-owned")]


def test_a_macro_that_renames_a_definition_is_no_code_outside(tmp_path):
    text = b"""
#ifdef PREFIX
#define deflate z_deflate
#endif
unsigned long deflate(char *p) { return p[0]; }
void f(void) { char *p = malloc(3); p[0] = (char)deflate(p); free(p); }
"""
    assert of(tmp_path, text) == [("malloc", C, "call"), CALL]
    assert of(tmp_path, b"""
#define deflate z_deflate
char *deflate(char *);
void f(void) { char *p = deflate(0); free(p); }
""") == [("free", R, "foreign-memory")]


def test_a_stand_in_for_a_function_of_libc_does_not_hide_libcs(tmp_path):
    text = b"""
#ifndef HAVE_VASPRINTF
static int vasprintf(char **b, const char *f, va_list a) { *b = malloc(9); return vsprintf(*b, f, a); }
#endif
void f(va_list a) { char *p; vasprintf(&p, "x", a); free(p); }
"""
    mixed = [("malloc", R, "mixed-owner"), ("free", R, "mixed-owner")]
    assert of(tmp_path, text) == mixed
    assert of(tmp_path, text.replace(b"#endif", b"", 1).replace(b"#ifndef HAVE_VASPRINTF", b"")) == [
        ("malloc", C, "call"), CALL]
    macro = b"""
static char *my_realpath(const char *p) { return malloc(9); }
#ifdef LACKS_REALPATH
#define realpath(p, r) my_realpath(p)
#endif
void f(void) { free(realpath("x", 0)); }
"""
    assert of(tmp_path, macro) == [("malloc", R, "mixed-owner"), ("free", R, "mixed-owner")]
    assert of(tmp_path, macro.replace(b"realpath(p, r) my_realpath(p)", b"realpath my_realpath")) == [
        ("malloc", R, "mixed-owner"), ("free", R, "mixed-owner")]


def test_another_systems_name_of_strdup_is_no_allocator(tmp_path):
    text = b"""
#ifdef _MSC_VER
#define strdup _strdup
#endif
void f(void) { free(strdup("x")); }
"""
    calls = [CALL, ("strdup", C, "call")]
    assert of(tmp_path, text) == [("strdup", "kept+", "defines-macro"), *calls]
    assert of(tmp_path, text.replace(b"_strdup", b"own_strdup"))[1:] == [
        ("free", "kept+", "file-defines-allocator"), ("strdup", "kept+", "file-defines-allocator")]
