/* SPDX-License-Identifier: MIT */
/* Bump memory: alignment, zeroing, large requests, failure, and that malloc is never called. */
#include <errno.h>
#include <stdbool.h>

#include "base/bump.h"
#include "base/os.h"

#include "os_fail.h"
#include "test.h"

static struct shale_bump bump;

static int release(void **state)
{
    os_fail_off();
    shale_bump_release(&bump);
    return 0;
}

static bool is_zero(const char *block, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (block[i] != 0)
            return false;
    return true;
}

static void alloc_every_alignment_is_aligned_and_fresh(void **state)
{
    for (size_t alignment = 1; alignment <= 64 << 10; alignment *= 2) {
        for (size_t size = 1; size < 5000; size = size * 3 + 1) {
            char *block = shale_bump_alloc(&bump, size, alignment);
            assert_non_null(block);
            assert_int_equal((uintptr_t)block % alignment, 0);
            assert_true(is_zero(block, size));
            /* Not over an earlier block: those hold 0xa5. */
            memset(block, 0xa5, size);
        }
    }
}

static void alloc_default_alignment_is_16(void **state)
{
    (void)shale_bump_alloc(&bump, 1, 1);
    assert_int_equal((uintptr_t)shale_bump_alloc(&bump, 8, 0) % 16, 0);
}

static void alloc_large_keeps_the_rest_of_the_newest_chunk(void **state)
{
    char *before = shale_bump_alloc(&bump, 16, 16);
    char *large = shale_bump_alloc(&bump, 5 << 20, 4096);
    char *after = shale_bump_alloc(&bump, 16, 16);
    assert_non_null(large);
    assert_int_equal((uintptr_t)large % 4096, 0);
    memset(large, 1, 5 << 20);
    assert_ptr_equal(after, before + 16);
    assert_true(bump.mapped_bytes > 5 << 20);
}

static void alloc_first_large_then_small_both_work(void **state)
{
    char *large = shale_bump_alloc(&bump, 1 << 20, 0);
    char *small = shale_bump_alloc(&bump, 100, 0);
    assert_non_null(large);
    assert_non_null(small);
    memset(large, 1, 1 << 20);
    assert_true(is_zero(small, 100));
}

static void alloc_size_zero_gives_unique_blocks(void **state)
{
    assert_ptr_not_equal(shale_bump_alloc(&bump, 0, 1), shale_bump_alloc(&bump, 0, 1));
}

static void alloc_out_of_range_is_null(void **state)
{
    assert_null(shale_bump_alloc(&bump, SIZE_MAX, 16));
    assert_null(shale_bump_alloc(&bump, SIZE_MAX - 15, 16));
    assert_null(shale_bump_alloc(&bump, 16, 3));
    assert_null(shale_bump_alloc(&bump, 16, 128 << 10));
    assert_null(shale_bump_copy_text(&bump, "x", SIZE_MAX));
    assert_int_equal(bump.mapped_bytes, 0);
}

static void alloc_no_memory_is_null_and_usable_again(void **state)
{
    errno = 0;
    os_fail_from(OS_MAP, 1);
    assert_null(shale_bump_alloc(&bump, 16, 0));
    assert_null(shale_bump_alloc(&bump, 1 << 20, 0));
    assert_int_equal(errno, 0);
    os_fail_off();
    assert_non_null(shale_bump_alloc(&bump, 16, 0));
}

static void copy_text_part_is_terminated(void **state)
{
    assert_string_equal(shale_bump_copy_text(&bump, "shale and more", 5), "shale");
    assert_string_equal(shale_bump_copy_text(&bump, "", 0), "");
}

static void alloc_many_small_chunks_grow_to_their_limit(void **state)
{
    for (int i = 0; i < 100000; i++) {
        uint64_t *block = SHALE_BUMP_NEW(&bump, uint64_t);
        assert_non_null(block);
        *block = (uint64_t)i;
    }
    /* 800 kB of blocks: 64 + 128 + 256 + 512 KiB of chunks. */
    assert_in_range(bump.mapped_bytes, 800000, 1 << 20);
}

static void release_used_bump_is_empty_and_usable(void **state)
{
    (void)shale_bump_alloc(&bump, 1 << 20, 0);
    (void)shale_bump_alloc(&bump, 100, 0);
    shale_bump_release(&bump);
    assert_int_equal(bump.mapped_bytes, 0);
    assert_non_null(shale_bump_alloc(&bump, 100, 0));
}

#define CASE(function) cmocka_unit_test_teardown(function, release)
static const struct CMUnitTest tests[] = {
    CASE(alloc_every_alignment_is_aligned_and_fresh),
    CASE(alloc_default_alignment_is_16),
    CASE(alloc_large_keeps_the_rest_of_the_newest_chunk),
    CASE(alloc_first_large_then_small_both_work),
    CASE(alloc_size_zero_gives_unique_blocks),
    CASE(alloc_out_of_range_is_null),
    CASE(alloc_no_memory_is_null_and_usable_again),
    CASE(copy_text_part_is_terminated),
    CASE(alloc_many_small_chunks_grow_to_their_limit),
    CASE(release_used_bump_is_empty_and_usable),
};

RUN_TESTS("base_bump")
