/* SPDX-License-Identifier: MIT */
/*
 * Run with libshale-malloc.so preloaded: every entry point is the library's, and does what its
 * manual page says. Argument: the library's file name.
 */
#define _GNU_SOURCE
#include "test.h"

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <unistd.h>

static const char *library;

/* Volatile: the compiler knows what these functions do, and would leave calls out. */
static void *(*volatile call_malloc)(size_t) = malloc;
static void *(*volatile call_calloc)(size_t, size_t) = calloc;
static void *(*volatile call_realloc)(void *, size_t) = realloc;
static void *(*volatile call_reallocarray)(void *, size_t, size_t) = reallocarray;
static void (*volatile call_free)(void *) = free;

static void entries_all_from_the_library(void **state)
{
    static const char *const names[] = {
        "malloc",       "free",       "calloc",        "realloc",
        "reallocarray", "memalign",   "aligned_alloc", "posix_memalign",
        "valloc",       "pvalloc",    "malloc_trim",   "malloc_usable_size",
        "mallinfo2",    "free_sized", "cfree",         "free_aligned_sized",
        "_Znwm",        "_Znam",      "_ZdlPv",        "_ZdaPvSt11align_val_tRKSt9nothrow_t",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        Dl_info info;
        void *address = dlsym(RTLD_DEFAULT, names[i]);
        assert_non_null(address);
        assert_int_not_equal(dladdr(address, &info), 0);
        if (strstr(info.dli_fname, library) == NULL)
            fail_msg("%s is in %s", names[i], info.dli_fname);
    }
}

static void malloc_zero_is_a_block(void **state)
{
    (void)state;
    void *a = call_malloc(0);
    void *b = call_malloc(0);
    assert_non_null(a);
    assert_ptr_not_equal(a, b);
    call_free(a);
    call_free(b);
}

static void realloc_to_zero_frees(void **state)
{
    (void)state;
    assert_null(call_realloc(call_malloc(100), 0));
    void *block = call_realloc(NULL, 0);
    assert_non_null(block);
    call_free(block);
}

static void products_that_overflow_enomem(void **state)
{
    (void)state;
    errno = 0;
    assert_null(call_calloc(SIZE_MAX, 2));
    assert_int_equal(errno, ENOMEM);
    errno = 0;
    char *block = call_malloc(10);
    assert_null(call_reallocarray(block, SIZE_MAX, 3));
    assert_int_equal(errno, ENOMEM);
    call_free(block);
}

static void posix_memalign_errors_and_errno(void **state)
{
    void *block = &block;
    (void)state;
    errno = 5;
    assert_int_equal(posix_memalign(&block, 3, 10), EINVAL);
    assert_int_equal(posix_memalign(&block, 4, 10), EINVAL);
    assert_int_equal(posix_memalign(&block, 64, SIZE_MAX / 2), ENOMEM);
    assert_ptr_equal(block, &block);
    assert_int_equal(posix_memalign(&block, 4096, 10), 0);
    assert_int_equal((uintptr_t)block % 4096, 0);
    assert_int_equal(errno, 5);
    call_free(block);
}

static void page_functions_align_and_round(void **state)
{
    size_t page = (size_t)getpagesize();
    (void)state;
    void *a = valloc(10);
    void *b = dlsym(RTLD_DEFAULT, "pvalloc");
    assert_int_equal((uintptr_t)a % page, 0);
    void *c = ((void *(*)(size_t))b)(page + 1);
    assert_int_equal((uintptr_t)c % page, 0);
    assert_true(malloc_usable_size(c) >= 2 * page);
    void *d = memalign(1 << 20, 10);
    assert_int_equal((uintptr_t)d % (1 << 20), 0);
    call_free(a);
    call_free(c);
    call_free(d);
}

/* Volatile sizes: the compiler warns of sizes that it knows to be too large. */
static void page_functions_overflow_enomem(void **state)
{
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 4095, SIZE_MAX - 8192, SIZE_MAX / 2 + 1};
    void *(*call_pvalloc)(size_t) = (void *(*)(size_t))dlsym(RTLD_DEFAULT, "pvalloc");
    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        volatile size_t size = sizes[i];
        errno = 0;
        assert_null(valloc(size));
        assert_int_equal(errno, ENOMEM);
        errno = 0;
        assert_null(call_pvalloc(size));
        assert_int_equal(errno, ENOMEM);
        errno = 0;
        assert_null(aligned_alloc(64, size));
        assert_int_equal(errno, ENOMEM);
        errno = 0;
        assert_null(memalign(1 << 20, size));
        assert_int_equal(errno, ENOMEM);
    }
}

static void mallinfo2_sees_a_block(void **state)
{
    (void)state;
    struct mallinfo2 before = mallinfo2();
    void *block = call_malloc(10u << 20);
    struct mallinfo2 after = mallinfo2();
    assert_true(after.uordblks >= before.uordblks + (10u << 20));
    assert_true(after.arena >= after.uordblks);
    call_free(block);
    assert_int_equal(malloc_trim(0), 1);
    assert_int_equal(mallinfo2().keepcost, 0);
}

static void strings_of_libc_are_served(void **state)
{
    char *text = NULL;
    (void)state;
    char *copy = strdup("a string of the C library");
    assert_true(malloc_usable_size(copy) >= 26);
    assert_true(asprintf(&text, "%s %d", copy, 42) > 0);
    call_free(copy);
    call_free(text);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(entries_all_from_the_library),
    cmocka_unit_test(malloc_zero_is_a_block),
    cmocka_unit_test(realloc_to_zero_frees),
    cmocka_unit_test(products_that_overflow_enomem),
    cmocka_unit_test(posix_memalign_errors_and_errno),
    cmocka_unit_test(page_functions_align_and_round),
    cmocka_unit_test(page_functions_overflow_enomem),
    cmocka_unit_test(mallinfo2_sees_a_block),
    cmocka_unit_test(strings_of_libc_are_served),
};

int main(int argc, char **argv)
{
    library = argc > 1 ? argv[1] : "libshale-malloc.so";
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("preload_entries", tests, NULL, NULL);
}
