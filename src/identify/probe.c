/* SPDX-License-Identifier: MIT */
/*
 * Ownership probes. Layer 1; part of the self-check.
 *
 * Each allocator that can be asked is found by dlsym, so that nothing is linked:
 *     mimalloc  mi_is_in_heap_region(pointer)
 *     tcmalloc  MallocExtension_GetOwnership(pointer)
 *     jemalloc  mallctl "arenas.lookup"; crashes on foreign pointers, so it is asked only about
 *               pointers of a malloc that lies in the same object as mallctl
 *     glibc     mallinfo2().uordblks grows by what it handed out
 *     shale     shale_owns(pointer)
 */
#define _GNU_SOURCE
#include "identify/probe.h"

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 3000, GLIBC_SIZE = 65536, GLIBC_ROUNDS = 4 };

/* POSIX lets a pointer from dlsym be a function; ISO C wants it copied. */
#define FIND(pointer, name)                                                                        \
    do {                                                                                           \
        void *found = dlsym(RTLD_DEFAULT, name);                                                   \
        memcpy(&(pointer), &found, sizeof found);                                                  \
    } while (0)

/* Where the object begins that holds the symbol a call from here would reach; NULL: nowhere. */
static const void *object_of(const char *symbol)
{
    Dl_info info;
    void *address = dlsym(RTLD_DEFAULT, symbol);
    return address && dladdr(address, &info) ? info.dli_fbase : NULL;
}

static bool owned_by_mimalloc(const void *pointer)
{
    _Bool (*ask)(const void *);
    FIND(ask, "mi_is_in_heap_region");
    return ask && ask(pointer);
}

static bool owned_by_tcmalloc(const void *pointer)
{
    enum { OWNED = 1 };
    int (*ask)(const void *);
    FIND(ask, "MallocExtension_GetOwnership");
    return ask && ask(pointer) == OWNED;
}

static bool owned_by_shale_secure(const void *pointer)
{
    _Bool (*ask)(const void *);
    FIND(ask, "shale_secure_owns");
    return ask && ask(pointer);
}

static bool owned_by_shale(const void *pointer)
{
    _Bool (*ask)(const void *);
    FIND(ask, "shale_owns");
    return ask && ask(pointer);
}

static bool owned_by_jemalloc(const void *pointer)
{
    int (*ask)(const char *, void *, size_t *, void *, size_t);
    const void *object = object_of("mallctl");
    if (!object || object_of("mallctlnametomib") != object || object_of("malloc") != object)
        return false;
    FIND(ask, "mallctl");
    unsigned arena;
    size_t size = sizeof arena;
    return ask && ask("arenas.lookup", &arena, &size, &pointer, sizeof pointer) == 0;
}

static const struct {
    const char *allocator;
    bool (*owns)(const void *pointer);
    const char *how;
} owners[] = {
    {"shale-secure", owned_by_shale_secure, "shale_secure_owns"},
    {"shale", owned_by_shale, "shale_owns"},
    {"mimalloc", owned_by_mimalloc, "mi_is_in_heap_region"},
    {"tcmalloc", owned_by_tcmalloc, "MallocExtension_GetOwnership"},
    {"jemalloc", owned_by_jemalloc, "mallctl arenas.lookup"},
};

static void note_owner(struct identify_report *report, const char *function, const void *pointer)
{
    if (!pointer)
        return;
    for (size_t i = 0; i < sizeof owners / sizeof owners[0]; i++) {
        if (!owners[i].owns(pointer))
            continue;
        identify_add_evidence(report, "probe", function, "its pointer belongs to %s (%s)",
                              owners[i].allocator, owners[i].how);
        if (report->allocator && strcmp(report->allocator, owners[i].allocator) != 0)
            identify_add_deviation(report, "this process", function, owners[i].allocator,
                                   owners[i].how);
        return;
    }
}

/* The compiler may drop an allocation that is only freed; one that got out of sight it keeps. */
static void keep(const void *pointer)
{
    __asm__ volatile("" : : "r"(pointer) : "memory");
}

/* Behind the C library, jemalloc's operator new takes its own memory, but its operator delete hands
 * it to the free() that comes first: to call the pair would end the process. */
static bool new_and_delete_disagree(void)
{
    const void *object = object_of("_Znwm");
    return object && object == object_of("mallctl") && object != object_of("malloc");
}

static void probe_new(struct identify_report *report)
{
    void *(*make)(size_t);
    void (*drop)(void *);
    FIND(make, "_Znwm");
    FIND(drop, "_ZdlPv");
    if (!make || !drop || new_and_delete_disagree())
        return;
    void *made = make(SIZE);
    note_owner(report, "operator new", made);
    drop(made);
}

/*
 * glibc counts the bytes it handed out. Other threads move the count too, so a growth in each of
 * some rounds says yes, a growth in none of them says no, and anything between says nothing.
 *
 * @return the rounds in which it grew, or -1 where glibc cannot be asked.
 */
static int rounds_counted_by_glibc(void)
{
    struct mallinfo2 (*ask)(void);
    const void *libc = object_of("__libc_start_main");
    if (!libc || object_of("mallinfo2") != libc)
        return -1;
    FIND(ask, "mallinfo2");
    int grown = 0;
    for (int i = 0; i < GLIBC_ROUNDS; i++) {
        size_t before = ask().uordblks;
        void *block = malloc(GLIBC_SIZE);
        keep(block);
        grown += block && ask().uordblks >= before + GLIBC_SIZE;
        free(block);
    }
    return grown;
}

static void probe_glibc(struct identify_report *report)
{
    int grown = rounds_counted_by_glibc();
    bool expected = report->allocator && strcmp(report->allocator, "system") == 0;
    if (grown == GLIBC_ROUNDS)
        identify_add_evidence(report, "probe", "malloc",
                              "glibc's mallinfo2().uordblks grows by what malloc hands out");
    if (grown == GLIBC_ROUNDS && !expected)
        identify_add_deviation(report, "this process", "malloc", "system", "mallinfo2");
    if (grown != 0 || !expected)
        return;
    identify_add_evidence(report, "probe", "malloc",
                          "glibc's mallinfo2().uordblks does not grow by what malloc hands out");
    if (report->verdict != SHALE_VERDICT_ACTIVE)
        return;
    report->verdict = SHALE_VERDICT_UNKNOWN;
    identify_set(report, &report->reason,
                 "malloc resolves to glibc, but glibc does not count what it hands out: something "
                 "replaces it while the program runs, as valgrind does");
}

static void probe_c(struct identify_report *report)
{
    void *plain = malloc(SIZE);
    keep(plain);
    note_owner(report, "malloc", plain);
    free(plain);
    void *zeroed = calloc(3, SIZE);
    keep(zeroed);
    note_owner(report, "calloc", zeroed);
    free(zeroed);
    void *aligned = NULL;
    if (posix_memalign(&aligned, 256, SIZE) != 0)
        return;
    keep(aligned);
    note_owner(report, "posix_memalign", aligned);
    free(aligned);
}

static void probe_realloc(struct identify_report *report)
{
    void *small = malloc(SIZE);
    keep(small);
    void *large = realloc(small, (size_t)SIZE * 4);
    if (!large) {
        free(small);
        return;
    }
    keep(large);
    note_owner(report, "realloc", large);
    free(large);
}

static void probe_strdup(struct identify_report *report)
{
    char *copy = strdup("the text to be copied");
    keep(copy);
    note_owner(report, "strdup", copy);
    free(copy);
}

void identify_probe(struct identify_report *report)
{
    int kept = errno;
    probe_c(report);
    probe_realloc(report);
    probe_strdup(report);
    probe_new(report);
    probe_glibc(report);
    errno = kept;
}
