/* SPDX-License-Identifier: MIT */
/* The table of known allocators. Layer 1; part of the self-check. */
#include "identify/catalog.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

/* A NULL-terminated list of texts. */
#define TEXTS(...)                                                                                 \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }
#define NO_TEXTS                                                                                   \
    (const char *const[])                                                                          \
    {                                                                                              \
        NULL                                                                                       \
    }

/*
 * Symbols: only names that no other project uses. malloc alone identifies nothing, and a generic
 * name such as mallctl is defined by programs that wrap jemalloc too. Texts: beginnings of longer
 * ones, so that this table itself, where every text ends, is not taken for eight allocators.
 */
const struct identify_allocator identify_allocators[] = {
    {
        .name = "system",
        .title = "the C library",
        .sonames = NO_TEXTS,
        .patterns = TEXTS("libc.so.[0-9]*", "libc-[0-9]*.so", "ld-musl-*.so.1", "libc.musl-*.so.1"),
        .symbols = TEXTS("__libc_start_main"),
        .strings = TEXTS("malloc(): invalid size (uns", "malloc(): corrupted top"),
        .version_method = IDENTIFY_VERSION_TEXT,
        .version_before = "stable release version ",
    },
    {
        /* before "shale", whose symbol it has too */
        .name = "shale-secure",
        .title = "Shale, secure variant",
        .sonames = TEXTS("libshale-malloc-secure.so.0", "libshale-malloc-secure.so"),
        .patterns = TEXTS("libshale-malloc-secure.so*"),
        .symbols = TEXTS("shale_secure_owns"),
        .strings = NO_TEXTS,
        .version_method = IDENTIFY_VERSION_TEXT,
        .version_before = "shale engine ",
    },
    {
        .name = "shale",
        .title = "Shale",
        .sonames = TEXTS("libshale-malloc.so.0", "libshale-malloc.so"),
        .patterns = TEXTS("libshale-malloc.so*"),
        .symbols = TEXTS("shale_owns"),
        .strings = NO_TEXTS,
        .version_method = IDENTIFY_VERSION_TEXT,
        .version_before = "shale engine ",
    },
    {
        .name = "mimalloc",
        .title = "mimalloc",
        .sonames = TEXTS("libmimalloc.so.3", "libmimalloc.so.2", "libmimalloc.so.2.0",
                         "libmimalloc.so", "libmimalloc-secure.so.2", "libmimalloc.so.1"),
        .patterns = TEXTS("libmimalloc.so*", "libmimalloc-*.so*"),
        .symbols = TEXTS("mi_version", "mi_malloc", "mi_heap_get_default", "_mi_page_malloc"),
        .strings = TEXTS("environment option mimalloc_"),
        .version_method = IDENTIFY_VERSION_MIMALLOC,
        .debian_package = "libmimalloc2.0",
    },
    {
        .name = "jemalloc",
        .title = "jemalloc",
        .sonames = TEXTS("libjemalloc.so.2", "libjemalloc.so.1", "libjemalloc.so"),
        .patterns = TEXTS("libjemalloc.so*", "libjemalloc-*.so*"),
        .symbols = TEXTS("je_malloc", "je_mallctl", "je_arena_init", "je_malloc_conf",
                         "je_malloc_mutex_lock_slow", "mallctlnametomib", "xallocx"),
        .strings = TEXTS("<jemalloc>: "),
        .version_method = IDENTIFY_VERSION_JEMALLOC,
        .debian_package = "libjemalloc2",
    },
    {
        .name = "tcmalloc",
        .title = "TCMalloc",
        .sonames = TEXTS("libtcmalloc_minimal.so.4", "libtcmalloc.so.4", "libtcmalloc_minimal.so",
                         "libtcmalloc.so"),
        .patterns = TEXTS("libtcmalloc.so*", "libtcmalloc_*.so*", "libtcmalloc-*.so*"),
        .symbols =
            TEXTS("tc_version", "tc_malloc", "TCMalloc_Internal_GetStats",
                  "MallocExtension_Internal_GetNumericProperty", "_ZN8tcmalloc6Static7inited_E"),
        .strings = TEXTS("tcmalloc: large alloc ", "tcmalloc: allocation failed"),
        .version_method = IDENTIFY_VERSION_TEXT,
        .version_before = "gperftools ",
        .debian_package = "libtcmalloc-minimal4",
    },
    {
        .name = "rpmalloc",
        .title = "rpmalloc",
        .sonames = TEXTS("librpmallocwrap.so", "librpmalloc.so.1", "librpmalloc.so"),
        .patterns = TEXTS("librpmalloc.so*", "librpmallocwrap*.so*", "librpmalloc-*.so*"),
        .symbols = TEXTS("rpmalloc", "rpmalloc_initialize", "rpmalloc_thread_initialize"),
        .strings = NO_TEXTS,
        .version_method = IDENTIFY_VERSION_NONE,
    },
    {
        .name = "snmalloc",
        .title = "snmalloc",
        .sonames = TEXTS("libsnmallocshim.so", "libsnmallocshim-checks.so", "libsnmalloc.so"),
        .patterns = TEXTS("libsnmalloc*.so*"),
        .symbols = TEXTS("sn_malloc", "get_malloc_info_v1", "_ZN8snmalloc5debug"),
        .strings = NO_TEXTS,
        .version_method = IDENTIFY_VERSION_NONE,
    },
    {
        .name = "scudo",
        .title = "Scudo",
        .sonames =
            TEXTS("libscudo.so", "libclang_rt.scudo_standalone-x86_64.so",
                  "libclang_rt.scudo_standalone.so", "libclang_rt.scudo_standalone-aarch64.so"),
        .patterns = TEXTS("libclang_rt.scudo*.so*", "libscudo*.so*"),
        .symbols = TEXTS("__scudo_print_stats", "__scudo_get_error_info", "__scudo_default_options",
                         "__scudo_set_rss_limit"),
        .strings = TEXTS("Scudo ERROR: "),
        .version_method = IDENTIFY_VERSION_NONE,
        .debian_package = "libclang-rt-14-dev",
    },
    {
        .name = "hardened_malloc",
        .title = "hardened_malloc",
        .sonames = TEXTS("libhardened_malloc.so", "libhardened_malloc-light.so"),
        .patterns = TEXTS("libhardened_malloc*.so*"),
        .symbols = TEXTS("malloc_object_size", "malloc_object_size_fast"),
        .strings = TEXTS("fatal allocator error: "),
        .version_method = IDENTIFY_VERSION_NONE,
    },
    {
        .name = "tbb",
        .title = "TBB malloc",
        .sonames = TEXTS("libtbbmalloc_proxy.so.2", "libtbbmalloc_proxy.so"),
        .patterns = TEXTS("libtbbmalloc*.so*"),
        .symbols = TEXTS("scalable_malloc", "__TBB_malloc_proxy"),
        .strings = NO_TEXTS,
        .version_method = IDENTIFY_VERSION_TEXT,
        .version_before = "TBBmalloc: VERSION\t\t",
        .debian_package = "libtbbmalloc2",
    },
    {
        .name = "asan",
        .title = "AddressSanitizer",
        .sonames = NO_TEXTS, /* a checker, not an allocator to choose */
        .patterns = TEXTS("libasan.so*", "libclang_rt.asan*.so*"),
        .symbols = TEXTS("__asan_init"),
        .strings = NO_TEXTS,
        .version_method = IDENTIFY_VERSION_NONE,
    },
    {.name = NULL},
};

const struct identify_allocator *identify_allocator_by_name(const char *name)
{
    if (strcmp(name, "glibc") == 0 || strcmp(name, "libc") == 0)
        return &identify_allocators[0];
    for (const struct identify_allocator *entry = identify_allocators; entry->name; entry++)
        if (strcmp(entry->name, name) == 0)
            return entry;
    return NULL;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool fits_any(const char *const *patterns, const char *name)
{
    for (; *patterns; patterns++)
        if (fnmatch(*patterns, name, 0) == 0)
            return true;
    return false;
}

const struct identify_allocator *identify_allocator_by_file(const char *path)
{
    for (const struct identify_allocator *entry = identify_allocators; entry->name; entry++)
        if (fits_any(entry->patterns, base_name(path)))
            return entry;
    return NULL;
}

bool identify_is_debugging_file(const char *path)
{
    /* The second line: Scudo before it stood alone, which Clang has dropped since. */
    static const char *const patterns[] = {"libasan.so*",
                                           "libclang_rt.asan*.so*",
                                           "libclang_rt.scudo-*.so*",
                                           "libclang_rt.scudo_minimal*.so*",
                                           "libtcmalloc*_debug.so*",
                                           "libtcmalloc_and_profiler.so*",
                                           "libmimalloc-debug.so*",
                                           NULL};
    return fits_any(patterns, base_name(path));
}

void identify_split_name(const char *text, char *name, size_t name_size, const char **version)
{
    const char *at = strchr(text, '@');
    size_t length = at ? (size_t)(at - text) : strlen(text);
    snprintf(name, name_size, "%.*s", (int)length, text);
    *version = at ? at + 1 : NULL;
}

bool identify_version_fits(const char *version, const char *wanted)
{
    size_t length = strlen(wanted);
    if (strncmp(version, wanted, length) != 0)
        return false;
    return version[length] == '\0' || version[length] == '.' || version[length] == '-';
}

/* Until 2.x one digit each: 2.0.9 is 209; 2.2 and 3.x write two digits: 3.6.0 is 30600. */
void identify_mimalloc_version(int number, char *text, size_t size)
{
    int base = number >= 10000 ? 100 : 10;
    snprintf(text, size, "%d.%d.%d", number / (base * base), number / base % base, number % base);
}
