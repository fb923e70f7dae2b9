/* SPDX-License-Identifier: MIT */
/* What every backend of the front door must do, built once for each: <shale/alloc.h>, sentence by
 * sentence. */
#include <errno.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shale/shale.h>

#include "base/attributes.h"
#include "test.h"

/* Sizes around every place where allocators change what they do. */
static const size_t sizes[] = {
    1,     7,     8,     9,     15,     16,     17,      24,      31,     32,   33,   48,
    63,    64,    65,    100,   127,    128,    129,     255,     256,    257,  511,  512,
    513,   1000,  1023,  1024,  1025,   2048,   4095,    4096,    4097,   8191, 8193, 16384,
    20000, 32768, 65535, 65537, 131072, 262145, 1048576, 1048577, 5000000};
enum { SIZE_COUNT = sizeof sizes / sizeof sizes[0] };

/* Too large for any backend; volatile, or the compiler warns of what is tested here. */
static volatile size_t zero; /* the analyzer warns of a constant */
static volatile size_t too_large[] = {SIZE_MAX, SIZE_MAX - 15, SIZE_MAX - 65536,
                                      (size_t)PTRDIFF_MAX + 1};

/* Blocks that a failed test would leak, and uses after calls that must fail, are no findings. */
/* NOLINTBEGIN(clang-analyzer-unix.Malloc) */
static void assert_no_memory(void *block)
{
    int error = errno;
    assert_null(block);
    assert_int_equal(error, ENOMEM);
}

static void assert_filled(const void *block, size_t size, unsigned char byte)
{
    const unsigned char *bytes = block;
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != byte)
            fail_msg("byte %zu of %zu is %#x, not %#x", i, size, bytes[i], byte);
}

static size_t alignment_for(size_t size)
{
    return size >= 16 ? 16 : size >= 8 ? 8 : 1;
}

static void alloc_any_size_is_aligned_and_writable(void **state)
{
    unsigned char *blocks[SIZE_COUNT];
    for (size_t i = 0; i < SIZE_COUNT; i++) {
        blocks[i] = shale_alloc(sizes[i]);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % alignment_for(sizes[i]), 0);
        memset(blocks[i], (int)i + 1, sizes[i]);
    }
    for (size_t i = 0; i < SIZE_COUNT; i++) {
        assert_filled(blocks[i], sizes[i], (unsigned char)(i + 1));
        shale_free(blocks[i]);
    }
}

static void alloc_zero_gives_unique_blocks(void **state)
{
    void *blocks[] = {shale_alloc(zero),         shale_alloc(zero),
                      shale_calloc(zero, 8),     shale_calloc(8, zero),
                      shale_realloc(NULL, zero), shale_alloc_aligned(64, zero),
                      shale_alloc_array(zero, 8)};
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(blocks); i++) {
        assert_non_null(blocks[i]);
        for (size_t j = 0; j < i; j++)
            assert_ptr_not_equal(blocks[i], blocks[j]);
    }
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(blocks); i++)
        shale_free(blocks[i]);
}

static void alloc_too_large_is_enomem(void **state)
{
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(too_large); i++) {
        errno = 0;
        assert_no_memory(shale_alloc(too_large[i]));
        errno = 0;
        assert_no_memory(shale_calloc(1, too_large[i]));
        errno = 0;
        assert_no_memory(shale_realloc(NULL, too_large[i]));
        errno = 0;
        assert_no_memory(shale_alloc_aligned(64, too_large[i]));
        errno = 0;
        assert_no_memory(shale_alloc_node(too_large[i]));
        errno = 0;
        assert_no_memory(shale_alloc_array(1, too_large[i]));
    }
}

static void calloc_any_size_is_zero(void **state)
{
    for (size_t i = 0; i < SIZE_COUNT; i++) {
        void *dirty = shale_alloc(sizes[i]);
        assert_non_null(dirty);
        memset(dirty, 0xFF, sizes[i]);
        shale_free(dirty);
        void *block = shale_calloc(sizes[i], 1);
        assert_non_null(block);
        assert_filled(block, sizes[i], 0);
        shale_free(block);
    }
}

static void calloc_overflow_is_enomem(void **state)
{
    volatile size_t half = SIZE_MAX / 2 + 1;
    volatile size_t above_third = SIZE_MAX / 3 + 1;
    errno = 0;
    assert_no_memory(shale_calloc(half, 2));
    errno = 0;
    assert_no_memory(shale_calloc(half, half));
    errno = 0;
    assert_no_memory(shale_calloc(3, above_third));
}

static void array_overflow_is_enomem(void **state)
{
    volatile size_t half = SIZE_MAX / 2 + 1;
    errno = 0;
    assert_no_memory(shale_alloc_array(half, 2));
    errno = 0;
    assert_no_memory(SHALE_NEW_ARRAY(uint64_t, half));
    errno = 0;
    assert_no_memory(SHALE_NEW_ARRAY_ZERO(uint64_t, half));
    int *volatile kept = SHALE_NEW_ARRAY(int, 3); /* still valid after a failure */
    assert_non_null(kept);
    memset(kept, 0x5C, 3 * sizeof *kept);
    errno = 0;
    assert_no_memory(SHALE_RESIZE_ARRAY(int, kept, half));
    assert_filled(kept, 3 * sizeof *kept, 0x5C);
    shale_free(kept);
}

static void realloc_growing_keeps_content(void **state)
{
    unsigned char *block = NULL;
    size_t old = 0;
    for (size_t i = 0; i < SIZE_COUNT; i++) {
        block = shale_realloc(block, sizes[i]);
        assert_non_null(block);
        assert_filled(block, old, 0x5C);
        memset(block, 0x5C, sizes[i]);
        old = sizes[i];
    }
    shale_free(block);
}

static void realloc_shrinking_keeps_content(void **state)
{
    unsigned char *block = shale_alloc(sizes[SIZE_COUNT - 1]);
    assert_non_null(block);
    memset(block, 0x5C, sizes[SIZE_COUNT - 1]);
    for (size_t i = SIZE_COUNT; i-- > 0;) {
        block = shale_realloc(block, sizes[i]);
        assert_non_null(block);
        assert_filled(block, sizes[i], 0x5C);
    }
    shale_free(block);
}

static void realloc_zero_gives_a_block(void **state)
{
    void *block = shale_alloc(1000);
    block = shale_realloc(block, zero);
    assert_non_null(block);
    void *other = shale_alloc(zero);
    assert_ptr_not_equal(block, other);
    block = shale_realloc(block, zero);
    assert_non_null(block);
    assert_ptr_not_equal(block, other);
    block = shale_realloc(block, 100);
    assert_non_null(block);
    memset(block, 1, 100);
    shale_free(block);
    shale_free(other);
}

static void realloc_failing_keeps_the_block(void **state)
{
    unsigned char *volatile block = shale_alloc(100); /* still valid after a failure */
    assert_non_null(block);
    memset(block, 0x5C, 100);
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(too_large); i++) {
        errno = 0;
        assert_no_memory(shale_realloc(block, too_large[i]));
        assert_filled(block, 100, 0x5C);
    }
    shale_free(block);
}

static void aligned_each_power_of_two_is_aligned(void **state)
{
    for (size_t alignment = 1; alignment <= 65536; alignment *= 2)
        for (size_t i = 0; i < SIZE_COUNT; i += 3) {
            void *block = shale_alloc_aligned(alignment, sizes[i]);
            assert_non_null(block);
            assert_int_equal((uintptr_t)block % alignment, 0);
            memset(block, 1, sizes[i]);
            assert_true(shale_usable_size(block) >= sizes[i]);
            if (i % 2)
                shale_free_aligned(block, alignment, sizes[i]);
            else
                shale_free(block);
        }
}

static void aligned_no_power_of_two_is_einval(void **state)
{
    static volatile size_t wrong[] = {0, 3, 6, 24, 100, SIZE_MAX};
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(wrong); i++) {
        errno = 0;
        void *block = shale_alloc_aligned(wrong[i], 64);
        int error = errno;
        assert_null(block);
        assert_int_equal(error, EINVAL);
    }
}

static void aligned_realloc_keeps_content(void **state)
{
    unsigned char *block = shale_alloc_aligned(4096, 5000);
    assert_non_null(block);
    memset(block, 0x5C, 5000);
    block = shale_realloc(block, 20000);
    assert_non_null(block);
    assert_filled(block, 5000, 0x5C);
    shale_free(block);
}

static void node_any_size_has_its_own_lines(void **state)
{
    size_t line = shale_cache_line();
    assert_true(line >= 16 && (line & (line - 1)) == 0);
    for (size_t size = 1; size < 5 * line; size += 13) {
        void *first = shale_alloc_node(size);
        void *second = shale_alloc_node(size);
        assert_non_null(first);
        assert_non_null(second);
        assert_int_equal((uintptr_t)first % line, 0);
        assert_int_equal((uintptr_t)second % line, 0);
        assert_true(shale_usable_size(first) >= (size + line - 1) / line * line);
        shale_free(first);
        shale_free(second);
    }
}

static void node_zero_is_null(void **state)
{
    errno = 77;
    assert_null(shale_alloc_node(0));
    assert_int_equal(errno, 77);
}

static void free_null_does_nothing(void **state)
{
    shale_free(NULL);
    shale_free_sized(NULL, 0);
    shale_free_sized(NULL, 100);
    shale_free_aligned(NULL, 64, 100);
    assert_int_equal(shale_usable_size(NULL), 0);
}

static void free_any_form_keeps_errno(void **state)
{
    for (size_t i = 0; i < SIZE_COUNT; i++) {
        void *plain = shale_alloc(sizes[i]);
        void *sized = shale_alloc(sizes[i]);
        void *aligned = shale_alloc_aligned(64, sizes[i]);
        errno = 77;
        shale_free(plain);
        shale_free_sized(sized, sizes[i]);
        shale_free_aligned(aligned, 64, sizes[i]);
        assert_int_equal(errno, 77);
    }
}

/* A size must be good enough after a resize too, when the backend left the block where it was. */
static void free_sized_after_resize_is_safe(void **state)
{
    for (size_t round = 0; round < 200; round++) {
        unsigned char *blocks[40];
        for (size_t i = 0; i < 40; i++) {
            blocks[i] = shale_alloc(112);
            blocks[i] = shale_realloc(blocks[i], 60);
            assert_non_null(blocks[i]);
            memset(blocks[i], 1, 60);
        }
        for (size_t i = 0; i < 40; i++)
            shale_free_sized(blocks[i], 60);
        for (size_t i = 0; i < 40; i++) {
            blocks[i] = shale_calloc(1, 64);
            assert_non_null(blocks[i]);
            assert_filled(blocks[i], 64, 0);
            memset(blocks[i], 0xFF, 64);
        }
        for (size_t i = 0; i < 40; i++)
            shale_free_sized(blocks[i], 64);
    }
    void *empty = shale_alloc(zero);
    shale_free_sized(empty, 0);
}

static void usable_size_any_block_holds_the_size(void **state)
{
    for (size_t i = 0; i < SIZE_COUNT; i++) {
        void *block = shale_alloc(sizes[i]);
        assert_non_null(block);
        assert_true(shale_usable_size(block) >= sizes[i]);
        shale_free(block);
    }
}

static void strdup_text_is_copied(void **state)
{
    char text[] = "epoch";
    char *copy = shale_strdup(text);
    assert_non_null(copy);
    text[0] = 'X';
    assert_string_equal(copy, "epoch");
    shale_free_sized(copy, sizeof "epoch");
    copy = shale_strdup("");
    assert_string_equal(copy, "");
    shale_free(copy);
}

static void strndup_text_is_cut(void **state)
{
    static const char unterminated[3] = {'a', 'b', 'c'};
    char *copy = shale_strndup(unterminated, 3);
    assert_string_equal(copy, "abc");
    shale_free(copy);
    copy = shale_strndup("epoch", 2);
    assert_string_equal(copy, "ep");
    shale_free(copy);
    copy = shale_strndup("epoch", SIZE_MAX);
    assert_string_equal(copy, "epoch");
    shale_free(copy);
}

struct wide {
    _Alignas(128) char bytes[200];
};

static void typed_forms_fit_their_type(void **state)
{
    struct wide *one = SHALE_NEW(struct wide);
    struct wide *many = SHALE_NEW_ARRAY_ZERO(struct wide, 3);
    struct wide *cleared = SHALE_NEW_ZERO(struct wide);
    assert_non_null(one);
    assert_non_null(many);
    assert_non_null(cleared);
    assert_int_equal((uintptr_t)one % 128, 0);
    assert_int_equal((uintptr_t)many % 128, 0);
    assert_filled(many, 3 * sizeof *many, 0);
    assert_filled(cleared, sizeof *cleared, 0);
    shale_free(one);
    shale_free(many);
    shale_free(cleared);

    size_t evaluated = 0;
    long *numbers = SHALE_NEW_ARRAY(long, ++evaluated);
    assert_int_equal(evaluated, 1);
    numbers = SHALE_RESIZE_ARRAY(long, numbers, ++evaluated);
    assert_int_equal(evaluated, 2);
    numbers[1] = 2;
    shale_free(numbers);
}

/* The symbols and the inline functions give and take the same blocks. */
static void symbols_share_blocks_with_inline_calls(void **state)
{
    void *(*volatile allocate)(size_t) = shale_alloc;
    void (*volatile release)(void *) = shale_free;
    void *(*volatile resize)(void *, size_t) = shale_realloc;
    for (size_t i = 0; i < SIZE_COUNT; i++) {
        void *block = allocate(sizes[i]);
        assert_non_null(block);
        shale_free(block);
        block = shale_calloc(1, sizes[i]);
        block = resize(block, sizes[i] + 10);
        assert_non_null(block);
        release(block);
    }
}

enum { PASSED_BLOCKS = 2000 };

struct passing {
    void *blocks[PASSED_BLOCKS];
};

static void *allocate_for_others(void *argument)
{
    struct passing *passing = argument;
    for (size_t i = 0; i < PASSED_BLOCKS; i++) {
        size_t size = sizes[i % 40];
        passing->blocks[i] = shale_alloc(size);
        memset(passing->blocks[i], (int)(i & 0x7F), size);
    }
    return NULL;
}

static void *free_for_others(void *argument)
{
    struct passing *passing = argument;
    for (size_t i = 0; i < PASSED_BLOCKS; i++) {
        assert_filled(passing->blocks[i], sizes[i % 40], i & 0x7F);
        shale_free(passing->blocks[i]);
    }
    return NULL;
}

static void threads_free_what_others_allocated(void **state)
{
    static struct passing passing[4];
    pthread_t threads[4];
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 4; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, allocate_for_others, &passing[i]),
                             0);
        for (size_t i = 0; i < 4; i++)
            pthread_join(threads[i], NULL);
        /* The allocating threads have ended; others and this one free. */
        for (size_t i = 0; i < 3; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, free_for_others, &passing[i]), 0);
        free_for_others(&passing[3]);
        for (size_t i = 0; i < 3; i++)
            pthread_join(threads[i], NULL);
    }
}

static void fork_child_goes_on_allocating(void **state)
{
    char *before = shale_strdup("parent");
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        before = shale_realloc(before, 100);
        char *own = shale_calloc(10, 10);
        int wrong = !before || !own || strcmp(before, "parent") != 0;
        shale_free(before);
        shale_free(own);
        _exit(wrong);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    shale_free(before);
}

static void backend_tells_its_name_and_version(void **state)
{
    assert_string_equal(shale_backend_name(), EXPECTED_BACKEND);
    assert_string_not_equal(shale_backend_version(), "");
#ifdef EXPECTED_VERSION
    assert_string_equal(shale_backend_version(), EXPECTED_VERSION);
#endif
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(alloc_any_size_is_aligned_and_writable),
    cmocka_unit_test(alloc_zero_gives_unique_blocks),
    cmocka_unit_test(alloc_too_large_is_enomem),
    cmocka_unit_test(calloc_any_size_is_zero),
    cmocka_unit_test(calloc_overflow_is_enomem),
    cmocka_unit_test(array_overflow_is_enomem),
    cmocka_unit_test(realloc_growing_keeps_content),
    cmocka_unit_test(realloc_shrinking_keeps_content),
    cmocka_unit_test(realloc_zero_gives_a_block),
    cmocka_unit_test(realloc_failing_keeps_the_block),
    cmocka_unit_test(aligned_each_power_of_two_is_aligned),
    cmocka_unit_test(aligned_no_power_of_two_is_einval),
    cmocka_unit_test(aligned_realloc_keeps_content),
    cmocka_unit_test(node_any_size_has_its_own_lines),
    cmocka_unit_test(node_zero_is_null),
    cmocka_unit_test(free_null_does_nothing),
    cmocka_unit_test(free_any_form_keeps_errno),
    cmocka_unit_test(free_sized_after_resize_is_safe),
    cmocka_unit_test(usable_size_any_block_holds_the_size),
    cmocka_unit_test(strdup_text_is_copied),
    cmocka_unit_test(strndup_text_is_cut),
    cmocka_unit_test(typed_forms_fit_their_type),
    cmocka_unit_test(symbols_share_blocks_with_inline_calls),
    cmocka_unit_test(threads_free_what_others_allocated),
    cmocka_unit_test(fork_child_goes_on_allocating),
    cmocka_unit_test(backend_tells_its_name_and_version),
};
/* NOLINTEND(clang-analyzer-unix.Malloc) */

RUN_TESTS("alloc_" EXPECTED_BACKEND)
