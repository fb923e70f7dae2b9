/* SPDX-License-Identifier: MIT */
/* The malloc family of the engine in one thread: sizes, alignment, zeroing, realloc, limits. */
#include "test.h"

#include <errno.h>

#include <shale/error.h>

#include "base/os.h"
#include "blocks.h"
#include "slab/class.h"
#include "slab/malloc.h"
#include "slab/move.h"
#include "slab/stats.h"
#include "slab/validate.h"

/* The first call of the process: nothing is started, no table is filled. */
static void aligned_first_call_large_enough(void **state)
{
    (void)state;
    void *block = slab_aligned(32, 5000);
    assert_non_null(block);
    assert_true(slab_usable_size(block) >= 5000);
    slab_free(block);
}

static void malloc_every_class_aligned_and_whole(void **state)
{
    enum { COUNT = 40 };
    static struct tagged blocks[COUNT];
    (void)state;
    for (unsigned class = 0; class < SLAB_CLASSES; class ++) {
        size_t size = slab_class_sizes[class];
        for (int i = 0; i < COUNT; i++) {
            blocks[i] = (struct tagged){slab_malloc(size), size, class};
            assert_non_null(blocks[i].block);
            assert_int_equal((uintptr_t)blocks[i].block % 16, 0);
            assert_int_equal(slab_usable_size(blocks[i].block), size);
            memset(blocks[i].block, i, size);
            tagged_fill(&blocks[i]);
        }
        for (int i = 0; i < COUNT; i++) {
            assert_true(tagged_intact(&blocks[i]));
            slab_free(blocks[i].block);
        }
    }
    assert_int_equal(slab_validate(), 0);
}

static void malloc_every_size_usable(void **state)
{
    (void)state;
    for (size_t size = 0; size < 70000; size += size < 2000 ? 1 : 61) {
        struct tagged block = {slab_malloc(size), size, size};
        assert_non_null(block.block);
        assert_true(slab_usable_size(block.block) >= size);
        tagged_fill(&block);
        assert_true(tagged_intact(&block));
        slab_free(block.block);
    }
}

static void malloc_large_sizes_usable(void **state)
{
    (void)state;
    for (size_t size = 65536; size < 40u << 20; size += size / 7 + 1) {
        struct tagged block = {slab_malloc(size), size, size};
        assert_non_null(block.block);
        assert_true(slab_usable_size(block.block) >= size);
        assert_int_equal((uintptr_t)block.block % SLAB_UNIT_SIZE, 0);
        tagged_fill(&block);
        assert_true(tagged_intact(&block));
        slab_free(block.block);
    }
    assert_int_equal(slab_validate(), 0);
}

static void malloc_zero_bytes_distinct_blocks(void **state)
{
    (void)state;
    void *a = slab_malloc(0);
    void *b = slab_malloc(0);
    assert_non_null(a);
    assert_non_null(b);
    assert_ptr_not_equal(a, b);
    slab_free(a);
    slab_free(b);
}

static void malloc_too_large_enomem(void **state)
{
    (void)state;
    static const size_t sizes[] = {SIZE_MAX,     SIZE_MAX - 1, SIZE_MAX - 65536,
                                   SIZE_MAX / 2, PTRDIFF_MAX,  (size_t)1 << 60};
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(sizes); i++) {
        errno = 0;
        assert_null(slab_malloc(sizes[i]));
        assert_int_equal(errno, ENOMEM);
        errno = 0;
        assert_null(slab_calloc(1, sizes[i]));
        assert_int_equal(errno, ENOMEM);
        errno = 0;
        assert_null(slab_aligned(4096, sizes[i]));
        assert_int_equal(errno, ENOMEM);
    }
    assert_int_equal(slab_validate(), 0);
}

static bool all_zero(const unsigned char *block, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (block[i] != 0)
            return false;
    return true;
}

static void calloc_always_zero(void **state)
{
    uint64_t random = random_seed("calloc_always_zero");
    enum { COUNT = 300 };
    static unsigned char *blocks[COUNT];
    (void)state;
    for (int i = 0; i < 6000; i++) {
        size_t slot = random_below(&random, COUNT);
        size_t size = random_size(&random);
        slab_free(blocks[slot]);
        blocks[slot] = slab_calloc(1, size);
        assert_non_null(blocks[slot]);
        assert_true(all_zero(blocks[slot], slab_usable_size(blocks[slot]) < size ? 0 : size));
        memset(blocks[slot], 0xa5, slab_usable_size(blocks[slot]));
    }
    for (int i = 0; i < COUNT; i++)
        slab_free(blocks[i]);
}

static void calloc_overflow_enomem(void **state)
{
    (void)state;
    errno = 0;
    assert_null(slab_calloc(SIZE_MAX / 2 + 1, 2));
    assert_int_equal(errno, ENOMEM);
    errno = 0;
    assert_null(slab_calloc((size_t)1 << 32, (size_t)1 << 32));
    assert_int_equal(errno, ENOMEM);
    void *block = slab_calloc(0, SIZE_MAX);
    assert_non_null(block);
    slab_free(block);
}

static void calloc_purged_large_zero_again(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        size_t size = 9u << 20;
        unsigned char *block = slab_calloc(1, size);
        assert_non_null(block);
        assert_true(all_zero(block, size));
        memset(block, 1, size);
        slab_free(block);
        if (i % 2 == 1)
            (void)slab_give_back(SIZE_MAX);
    }
}

static void aligned_every_power_of_two(void **state)
{
    (void)state;
    for (size_t alignment = 1; alignment <= (size_t)64 << 20; alignment *= 2) {
        for (size_t size = 0; size <= 3u << 20; size = size * 3 + 1) {
            struct tagged block = {slab_aligned(alignment, size), size, alignment};
            assert_non_null(block.block);
            assert_int_equal((uintptr_t)block.block % alignment, 0);
            assert_true(slab_usable_size(block.block) >= size);
            tagged_fill(&block);
            assert_true(tagged_intact(&block));
            slab_free(block.block);
        }
    }
    assert_int_equal(slab_validate(), 0);
}

/* Each class at each alignment up to a unit: aligned, large enough, and apart from its neighbours.
 */
static void aligned_every_class_every_alignment(void **state)
{
    enum { COUNT = 5 };
    struct tagged blocks[COUNT];
    (void)state;
    for (unsigned class = 0; class < SLAB_CLASSES; class ++) {
        for (size_t alignment = 16; alignment <= SLAB_UNIT_SIZE; alignment *= 2) {
            for (int i = 0; i < COUNT; i++) {
                size_t size = slab_class_sizes[class] - (size_t)i % 3;
                blocks[i] = (struct tagged){slab_aligned(alignment, size), size, alignment};
                assert_non_null(blocks[i].block);
                assert_int_equal((uintptr_t)blocks[i].block % alignment, 0);
                assert_true(slab_usable_size(blocks[i].block) >= size);
                tagged_fill(&blocks[i]);
            }
            for (int i = 0; i < COUNT; i++) {
                assert_true(tagged_intact(&blocks[i]));
                slab_free(blocks[i].block);
            }
        }
    }
    assert_int_equal(slab_validate(), 0);
}

static void aligned_overflow_enomem(void **state)
{
    (void)state;
    for (size_t alignment = 1; alignment != 0; alignment *= 2) {
        for (size_t less = 0; less < 4; less++) {
            errno = 0;
            assert_null(slab_aligned(alignment, SIZE_MAX - less));
            assert_int_equal(errno, ENOMEM);
        }
    }
    errno = 0;
    assert_null(slab_aligned((size_t)1 << 63, 1));
    assert_int_equal(errno, ENOMEM);
}

/* An aligned block is a block: it keeps its contents, though not its alignment. */
static void realloc_aligned_block_keeps_contents(void **state)
{
    static const size_t sizes[] = {1, 300, 5000, 70000, 3u << 20};
    (void)state;
    for (size_t alignment = 32; alignment <= 8u << 20; alignment *= 4) {
        for (size_t from = 0; from < SHALE_ARRAY_LENGTH(sizes); from++) {
            for (size_t to = 0; to < SHALE_ARRAY_LENGTH(sizes); to++) {
                size_t kept = sizes[from] < sizes[to] ? sizes[from] : sizes[to];
                unsigned char *block = slab_aligned(alignment, sizes[from]);
                memset(block, 0x3c, sizes[from]);
                block = slab_realloc(block, sizes[to]);
                assert_non_null(block);
                assert_int_equal(block[0], 0x3c);
                assert_int_equal(block[kept - 1], 0x3c);
                slab_free(block);
            }
        }
    }
    assert_int_equal(slab_validate(), 0);
}

static void aligned_bad_alignment_einval(void **state)
{
    (void)state;
    static const size_t bad[] = {0, 3, 24, SIZE_MAX};
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(bad); i++) {
        errno = 0;
        assert_null(slab_aligned(bad[i], 16));
        assert_int_equal(errno, EINVAL);
    }
}

static void realloc_matrix_keeps_contents(void **state)
{
    (void)state;
    static const size_t sizes[] = {
        0,     1,     16,     17,     100,      1000,           5000,     8192,     8193,    20000,
        65536, 65537, 131072, 200000, 1u << 20, (1u << 20) + 1, 2u << 20, 5u << 20, 9u << 20};
    for (size_t from = 0; from < SHALE_ARRAY_LENGTH(sizes); from++) {
        for (size_t to = 0; to < SHALE_ARRAY_LENGTH(sizes); to++) {
            size_t kept = sizes[from] < sizes[to] ? sizes[from] : sizes[to];
            unsigned char *block = slab_malloc(sizes[from]);
            for (size_t i = 0; i < sizes[from]; i++)
                block[i] = (unsigned char)(i * 7 + from);
            block = slab_realloc(block, sizes[to]);
            assert_non_null(block);
            assert_true(slab_usable_size(block) >= sizes[to]);
            for (size_t i = 0; i < kept; i++)
                if (block[i] != (unsigned char)(i * 7 + from))
                    fail_msg("%zu -> %zu: byte %zu lost", sizes[from], sizes[to], i);
            memset(block, 1, sizes[to]);
            slab_free(block);
        }
    }
    assert_int_equal(slab_validate(), 0);
}

static void realloc_null_allocates(void **state)
{
    (void)state;
    void *block = slab_realloc(NULL, 100);
    assert_non_null(block);
    assert_true(slab_usable_size(block) >= 100);
    slab_free(block);
}

static void realloc_too_large_keeps_block(void **state)
{
    (void)state;
    char *block = slab_malloc(100);
    memcpy(block, "kept", 5);
    errno = 0;
    assert_null(slab_realloc(block, SIZE_MAX - 100));
    assert_int_equal(errno, ENOMEM);
    assert_string_equal(block, "kept");
    slab_free(block);
}

static void realloc_same_class_in_place(void **state)
{
    (void)state;
    void *block = slab_malloc(1000);
    assert_ptr_equal(slab_realloc(block, 1024), block);
    assert_ptr_equal(slab_realloc(block, 513), block);
    slab_free(block);
}

/* Two that grow in turn: each moves to where it has room, and no more before that is used up. */
static void realloc_growing_blocks_get_room(void **state)
{
    enum { BLOCKS = 2, STEP = 40000, END = 900000 };
    unsigned char *blocks[BLOCKS];
    unsigned moves = 0;
    (void)state;
    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = slab_malloc(STEP);
        memset(blocks[i], i + 1, STEP);
    }
    for (size_t size = STEP; size < END; size += STEP) {
        for (int i = 0; i < BLOCKS; i++) {
            unsigned char *grown = slab_realloc(blocks[i], size + STEP);
            assert_non_null(grown);
            memset(grown + size, i + 1, STEP);
            moves += grown != blocks[i];
            blocks[i] = grown;
        }
    }
    assert_in_range(moves, BLOCKS, 2 * BLOCKS);
    for (int i = 0; i < BLOCKS; i++) {
        for (size_t at = 0; at < END; at++)
            if (blocks[i][at] != i + 1)
                fail_msg("block %d differs at %zu", i, at);
        slab_free(blocks[i]);
    }
    assert_int_equal(slab_validate(), 0);
}

/* The whole of a segment can be one run, which stays what it is when it shrinks. */
static void realloc_run_grows_to_a_segment(void **state)
{
    (void)state;
    char *block = slab_realloc(slab_malloc(1000), 70000);
    block[69999] = 'x';
    for (size_t size = 100000; size <= SLAB_SEGMENT_SIZE; size += 100000)
        assert_ptr_equal(slab_realloc(block, size), block);
    assert_int_equal(slab_validate(), 0);
    assert_ptr_equal(slab_realloc(block, (1u << 20) + 5), block);
    assert_true(slab_usable_size(block) < (1u << 20) + SLAB_UNIT_SIZE + 5);
    assert_int_equal(block[69999], 'x');
    char *larger = slab_realloc(block, SLAB_SEGMENT_SIZE + 1);
    assert_int_equal(larger[69999], 'x');
    slab_free(larger);
    assert_int_equal(slab_validate(), 0);
}

static void realloc_large_grows_in_place_when_free(void **state)
{
    (void)state;
    void *block = slab_malloc(70000);
    assert_ptr_equal(slab_realloc(block, 130000), block);
    slab_free(block);
    block = slab_malloc(3u << 20);
    assert_ptr_equal(slab_realloc(block, (3u << 20) + 500000), block);
    slab_free(block);
}

/* A block in the way on each side: it can only grow by moving. */
static unsigned char *surrounded(size_t size, void **wall)
{
    unsigned char *block = slab_malloc(size);
    *wall = slab_malloc(3u << 20);
    assert_non_null(block);
    assert_non_null(*wall);
    for (size_t i = 0; i < size; i += 509)
        block[i] = (unsigned char)(i >> 12);
    return block;
}

static void assert_contents(const unsigned char *block, size_t size)
{
    for (size_t i = 0; i < size; i += 509)
        if (block[i] != (unsigned char)(i >> 12))
            fail_msg("byte %zu is %u", i, block[i]);
}

static int mappings(void)
{
    int lines = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    assert_non_null(maps);
    for (int c = getc(maps); c != EOF; c = getc(maps))
        lines += c == '\n';
    (void)fclose(maps);
    return lines;
}

/* Valgrind's kernel, for one, does not know how. */
static bool can_move_pages(void)
{
    void *from;
    void *to;
    size_t page = shale_os_page_size();
    assert_int_equal(shale_os_map(page, 0, &from), 0);
    assert_int_equal(shale_os_map(page, 0, &to), 0);
    bool can = shale_os_move(from, page, to) != SHALE_ENOTSUP;
    (void)shale_os_release(from, page);
    (void)shale_os_release(to, page);
    return can;
}

static void realloc_large_moves_pages_and_heals(void **state)
{
    enum { WALLS = 20 };
    void *walls[WALLS];
    size_t size = 5u << 20;
    (void)state;
    (void)slab_give_back(SIZE_MAX);
    int before = mappings();
    unsigned char *block = surrounded(size, &walls[0]);
    for (int i = 1; i < WALLS; i++) {
        unsigned char *grown = slab_realloc(block, size + (3u << 20) + (size_t)i * 4096);
        walls[i] = slab_malloc(3u << 20);
        assert_non_null(grown);
        assert_contents(grown, size);
        grown[size + (3u << 20)] = 1;
        size += 3u << 20;
        for (size_t at = size - (3u << 20); at < size; at++)
            grown[at] = 0;
        for (size_t at = 0; at < size; at += 509)
            grown[at] = (unsigned char)(at >> 12);
        block = grown;
    }
    assert_true(slab_move_count() > 0 || !can_move_pages());
    assert_int_equal(slab_validate(), 0);
    for (int i = 0; i < WALLS; i++)
        slab_free(walls[i]);
    slab_free(block);
    (void)slab_give_back(SIZE_MAX);
    assert_int_equal(slab_move_count(), 0);
    assert_true(mappings() <= before + 4);
    assert_int_equal(slab_validate(), 0);
    unsigned char *fresh = slab_calloc(1, 60u << 20); /* what was moved around reads as zero */
    for (size_t i = 0; i < 60u << 20; i += 61)
        assert_int_equal(fresh[i], 0);
    slab_free(fresh);
}

static void realloc_large_half_moved_segment_dirty(void **state)
{
    void *wall;
    (void)state;
    (void)slab_give_back(SIZE_MAX);
    unsigned char *big = slab_malloc(8u << 20); /* dirties what the next block lies in */
    memset(big, 0xff, 8u << 20);
    slab_free(big);
    unsigned char *block = surrounded((4u << 20) + 100, &wall);
    block = slab_realloc(block, 24u << 20);
    assert_non_null(block);
    assert_contents(block, (4u << 20) + 100);
    slab_free(block);
    slab_free(wall);
    unsigned char *zero = slab_calloc(1, 24u << 20);
    for (size_t i = 0; i < 24u << 20; i++)
        if (zero[i] != 0)
            fail_msg("byte %zu is not zero", i);
    slab_free(zero);
    assert_int_equal(slab_validate(), 0);
}

static void free_null_and_foreign_ignored(void **state)
{
    int local = 0;
    (void)state;
    void *libc = malloc(10);
    errno = 77;
    slab_free(NULL);
    slab_free(&local);
    slab_free(libc);
    assert_int_equal(errno, 77);
    assert_false(slab_owns(libc));
    assert_false(slab_owns(&local));
    assert_int_equal(slab_usable_size(libc), 0);
    assert_int_equal(slab_usable_size(NULL), 0);
    errno = 0;
    assert_null(slab_realloc(libc, 20));
    assert_int_equal(errno, ENOMEM);
    free(libc);
}

static uint64_t misuse_count(void)
{
    struct slab_sums sum;
    slab_stats_sum(&sum);
    return sum.misuse;
}

static void large_double_free_counted(void **state)
{
    (void)state;
    static const size_t sizes[] = {100000, 5u << 20};
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(sizes); i++) {
        uint64_t before = misuse_count();
        void *block = slab_malloc(sizes[i]);
        slab_free(block);
        slab_free(block);
        assert_int_equal(misuse_count(), before + 1);
        assert_int_equal(slab_validate(), 0);
    }
}

static void free_double_in_parked_slab_counted(void **state)
{
    enum { COUNT = 64 };
    void *blocks[COUNT];
    (void)state;
    uint64_t before = misuse_count();
    for (int i = 0; i < COUNT; i++)
        blocks[i] = slab_malloc(65000);
    for (int i = 0; i < COUNT; i++)
        slab_free(blocks[i]);
    slab_free(blocks[0]); /* its slab is gone, or empty */
    assert_int_equal(misuse_count(), before + 1);
}

static void stats_exact_counts_live_blocks(void **state)
{
    static struct slab_stats before;
    static struct slab_stats after;
    enum { COUNT = 5000 };
    static void *blocks[COUNT];
    (void)state;
    unsigned class = slab_class_of(48);
    assert_int_equal(slab_stats_exact(&before), 0);
    for (int i = 0; i < COUNT; i++)
        blocks[i] = slab_malloc(48);
    assert_int_equal(slab_stats_exact(&after), 0);
    assert_int_equal(after.classes[class].live, before.classes[class].live + COUNT);
    assert_int_equal(after.classes[class].allocs, before.classes[class].allocs + COUNT);
    for (int i = 0; i < COUNT; i++)
        slab_free(blocks[i]);
    (void)slab_give_back(SIZE_MAX);
    assert_int_equal(slab_stats_exact(&after), 0);
    assert_int_equal(after.classes[class].live, before.classes[class].live);
    assert_int_equal(after.classes[class].allocs, before.classes[class].allocs + COUNT);
    assert_int_equal(after.pool.segments_dirty, 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(aligned_first_call_large_enough),
    cmocka_unit_test(malloc_every_size_usable),
    cmocka_unit_test(malloc_every_class_aligned_and_whole),
    cmocka_unit_test(malloc_large_sizes_usable),
    cmocka_unit_test(malloc_zero_bytes_distinct_blocks),
    cmocka_unit_test(malloc_too_large_enomem),
    cmocka_unit_test(calloc_always_zero),
    cmocka_unit_test(calloc_overflow_enomem),
    cmocka_unit_test(calloc_purged_large_zero_again),
    cmocka_unit_test(aligned_every_power_of_two),
    cmocka_unit_test(aligned_every_class_every_alignment),
    cmocka_unit_test(aligned_overflow_enomem),
    cmocka_unit_test(aligned_bad_alignment_einval),
    cmocka_unit_test(realloc_aligned_block_keeps_contents),
    cmocka_unit_test(realloc_matrix_keeps_contents),
    cmocka_unit_test(realloc_null_allocates),
    cmocka_unit_test(realloc_too_large_keeps_block),
    cmocka_unit_test(realloc_same_class_in_place),
    cmocka_unit_test(realloc_growing_blocks_get_room),
    cmocka_unit_test(realloc_run_grows_to_a_segment),
    cmocka_unit_test(realloc_large_grows_in_place_when_free),
    cmocka_unit_test(realloc_large_moves_pages_and_heals),
    cmocka_unit_test(realloc_large_half_moved_segment_dirty),
    cmocka_unit_test(free_null_and_foreign_ignored),
    cmocka_unit_test(large_double_free_counted),
    cmocka_unit_test(free_double_in_parked_slab_counted),
    cmocka_unit_test(stats_exact_counts_live_blocks),
};

RUN_TESTS("slab_malloc")
