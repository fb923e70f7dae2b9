/* SPDX-License-Identifier: MIT */
/* The fill patterns of debug builds; built with them compiled in, for each backend. */
#include <shale/shale.h>

#include "base/attributes.h"
#include "test.h"

static void assert_pattern(const void *block, size_t from, size_t to, unsigned char byte)
{
    const unsigned char *bytes = block;
    __asm__("" : "+r"(bytes)); /* up to the usable size, past what the compiler knows */
    for (size_t i = from; i < to; i++)
        if (bytes[i] != byte)
            fail_msg("byte %zu of [%zu, %zu) is %#x, not %#x", i, from, to, bytes[i], byte);
}

static const size_t sizes[] = {1, 8, 24, 100, 1000, 5000, 70000, 2000000};

static void fill_fresh_block_is_all_pattern(void **state)
{
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(sizes); i++) {
        void *plain = shale_alloc(sizes[i]);
        void *aligned = shale_alloc_aligned(256, sizes[i]);
        void *node = shale_alloc_node(sizes[i]);
        assert_pattern(plain, 0, shale_usable_size(plain), SHALE_FILL_FRESH);
        assert_pattern(aligned, 0, shale_usable_size(aligned), SHALE_FILL_FRESH);
        assert_pattern(node, 0, shale_usable_size(node), SHALE_FILL_FRESH);
        shale_free(plain);
        shale_free_aligned(aligned, 256, sizes[i]);
        shale_free(node);
    }
}

static void fill_calloc_stays_zero(void **state)
{
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(sizes); i++) {
        void *block = shale_calloc(1, sizes[i]);
        assert_pattern(block, 0, sizes[i], 0);
        assert_pattern(block, sizes[i], shale_usable_size(block), SHALE_FILL_FRESH);
        shale_free(block);
    }
}

static void fill_realloc_fills_what_is_new(void **state)
{
    unsigned char *block = shale_alloc(3);
    memset(block, 1, 3);
    size_t old = 3;
    for (size_t i = 1; i < SHALE_ARRAY_LENGTH(sizes); i++) {
        block = shale_realloc(block, sizes[i]);
        assert_pattern(block, 0, old, 1);
        assert_pattern(block, old, shale_usable_size(block), SHALE_FILL_FRESH);
        memset(block, 1, sizes[i]);
        old = sizes[i];
    }
    block = shale_realloc(block, 10);
    assert_pattern(block, 0, 10, 1);
    block = shale_realloc(block, 5);
    block = shale_realloc(block, 7);
    assert_pattern(block, 0, 5, 1);
    shale_free(block);
}

static void fill_realloc_moves_always(void **state)
{
    void *block = shale_alloc(100);
    uintptr_t old = (uintptr_t)block;
    block = shale_realloc(block, 101);
    assert_true((uintptr_t)block != old);
    shale_free(block);
}

/* The backend may write its links into the first bytes of a freed block; the rest stays. Reads
 * freed memory, so under sanitizers and valgrind only the mock runs it, which keeps its blocks. */
static void fill_freed_block_is_pattern(void **state)
{
    unsigned char *block = shale_alloc(1000);
    memset(block, 1, 1000);
    unsigned char *stale = block;
    __asm__("" : "+r"(stale));
    void *neighbour = shale_alloc(1000); /* keeps the block from joining the free memory behind */
    shale_free(block);
    assert_pattern(stale, 64, 900, SHALE_FILL_FREED);
    shale_free(neighbour);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(fill_fresh_block_is_all_pattern), cmocka_unit_test(fill_calloc_stays_zero),
    cmocka_unit_test(fill_realloc_fills_what_is_new),  cmocka_unit_test(fill_realloc_moves_always),
    cmocka_unit_test(fill_freed_block_is_pattern),
};

RUN_TESTS("alloc_fill")
