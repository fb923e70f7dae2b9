/* SPDX-License-Identifier: MIT */
/* Handles: exact through every kind of end, with narrow fields to their last value, and fuzzed. */
#include "epochs.h"

#include <shale/handle.h>

#include "blocks.h"
#include "slab/tag.h"

enum { HANDLES = 5000 };

static shale_handle handles[HANDLES];

static shale_epoch open_with_handles(void)
{
    struct shale_epoch_options options = {.flags = SHALE_EPOCH_HANDLES};
    shale_epoch epoch = 0;
    assert_int_equal(shale_epoch_open(&options, &epoch), 0);
    return epoch;
}

static void fill_handles(shale_epoch epoch, size_t size)
{
    for (size_t i = 0; i < HANDLES; i++) {
        void *block = NULL;
        handles[i] = shale_handle_alloc(epoch, size, &block);
        assert_true(handles[i] != 0);
        assert_ptr_equal(shale_handle_get(handles[i]), block);
        memset(block, 0xff, size);
    }
}

static void handle_of_all_sizes_free_and_reuse(void **state)
{
    static const size_t sizes[] = {0,   1,    16,   17,   100,  128,  129,   1000,
                                   768, 1024, 1025, 8192, 8193, 9000, 33000, 65536};
    shale_epoch epoch = open_with_handles();
    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        for (int round = 0; round < 300; round++) {
            unsigned char *block = NULL;
            void *again = NULL;
            shale_handle found = 0;
            shale_handle handle = shale_handle_alloc(epoch, sizes[i], (void **)&block);
            assert_true(handle != 0);
            assert_true((uintptr_t)block % 16 == 0);
            assert_true(shale_epoch_usable_size(block) >= sizes[i]);
            memset(block, 0xee, sizes[i]);
            assert_int_equal(shale_handle_check(handle), 0);
            assert_int_equal(shale_handle_of(block, &found), 0);
            assert_true(found == handle);
            assert_int_equal(shale_handle_free(handle), 0);
            assert_int_equal(shale_handle_free(handle), SHALE_EDOUBLEFREE);
            assert_int_equal(shale_handle_check(handle), SHALE_EDOUBLEFREE);
            assert_null(shale_handle_get(handle));
            shale_handle next = shale_handle_alloc(epoch, sizes[i], &again);
            assert_true(next != handle);
            assert_true(shale_handle_check(handle) == SHALE_ESTALE || again != block);
            assert_int_equal(shale_handle_free(next), 0);
        }
    }
    errno = 0;
    assert_true(shale_handle_alloc(epoch, 65537, NULL) == 0);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(slab_validate(), 0);
    assert_int_equal(shale_epoch_close(epoch, SHALE_EPOCH_DRAIN, 0), 0);
    assert_true(shale_handle_alloc(epoch, 100, NULL) == 0);
    assert_int_equal(errno, ESTALE);
    assert_nothing_left();
}

static void handle_refused_without_the_flag(void **state)
{
    shale_epoch epoch = open_plain();
    shale_handle handle = 7;
    void *block = shale_epoch_alloc(epoch, 100);
    (void)state;
    errno = 0;
    assert_true(shale_handle_alloc(epoch, 100, NULL) == 0);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(shale_handle_of(block, &handle), SHALE_EBADHANDLE);
    assert_int_equal(shale_handle_of(NULL, &handle), SHALE_EBADHANDLE);
    assert_int_equal(shale_handle_of(&handle, &handle), SHALE_EBADHANDLE);
    assert_true(handle == 7);
    assert_true(shale_handle_alloc(SHALE_EPOCH_ETERNAL, 100, NULL) == 0);
    assert_int_equal(shale_epoch_close(epoch, SHALE_EPOCH_DISCARD, 0), 0);
    assert_nothing_left();
}

/* By address or by handle, drained or discarded, and whatever has the memory afterwards. */
static void handle_stale_after_every_kind_of_end(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        shale_epoch epoch = open_with_handles();
        shale_epoch other = kind % 2 == 0 ? open_plain() : open_region();
        fill_handles(epoch, 40);
        for (size_t i = 0; i < HANDLES && kind < 3; i++) {
            if (kind == 0)
                assert_int_equal(shale_handle_free(handles[i]), 0);
            else if (kind == 1)
                shale_epoch_free(shale_handle_get(handles[i]));
        }
        assert_int_equal(
            shale_epoch_close(epoch, kind < 2 ? SHALE_EPOCH_DRAIN : SHALE_EPOCH_DISCARD, 0), 0);
        for (int byte = 0; byte < 256; byte += 51) {
            fill(other, 40);
            for (size_t i = 0; i < COUNT; i++)
                memset(blocks[i], byte, 40);
            for (size_t i = 0; i < HANDLES; i++) {
                assert_null(shale_handle_get(handles[i]));
                assert_int_equal(shale_handle_free(handles[i]), SHALE_ESTALE);
            }
        }
        assert_int_equal(shale_epoch_close(other, SHALE_EPOCH_DISCARD, 0), 0);
        assert_nothing_left();
    }
    assert_int_equal(counters_now().misuse, 0);
}

/* A free by address of what is free already is found, and nothing is handed out twice. */
static void handle_double_free_by_address_counted(void **state)
{
    shale_epoch epoch = open_with_handles();
    uint64_t before = counters_now().misuse;
    (void)state;
    fill_handles(epoch, 100);
    char *block = shale_handle_get(handles[17]);
    shale_epoch_free(block);
    shale_epoch_free(block);
    shale_epoch_free(block + 16);
    shale_epoch_free((char *)shale_handle_get(handles[18]) + 16);
    assert_int_equal(counters_now().misuse, before + 3);
    assert_int_equal(shale_handle_check(handles[18]), 0);
    void *a = NULL;
    void *b = NULL;
    assert_true(shale_handle_alloc(epoch, 100, &a) != shale_handle_alloc(epoch, 100, &b));
    assert_ptr_not_equal(a, b);
    assert_int_equal(slab_validate(), 0);
    assert_int_equal(shale_epoch_close(epoch, SHALE_EPOCH_DISCARD, 0), 0);
    assert_nothing_left();
}

static int compare_handles(const void *a, const void *b)
{
    shale_handle x = *(const shale_handle *)a;
    shale_handle y = *(const shale_handle *)b;
    return x < y ? -1 : x > y;
}

/*
 * Tags of two bits and lives of two bits: every handle there can be on some units is given out,
 * each once, and none is ever valid again.
 */
static void handle_narrow_fields_never_repeat(void **state)
{
    enum { ALL = 200000 };
    shale_handle *all = malloc(ALL * sizeof(*all));
    size_t count = 0;
    (void)state;
    slab_tag_end = 2;
    for (int life = 0; life < 12; life++) {
        shale_epoch epoch = open_with_handles();
        slab_lives_end = (uint16_t)(life < 6 ? 3 : 4);
        for (int i = 0; i < 3000; i++) {
            void *block = NULL;
            shale_handle handle = shale_handle_alloc(epoch, 8192, &block);
            assert_true(handle != 0 && count < ALL);
            memset(block, 0xab, 8192);
            all[count++] = handle;
            if (i % 16 != 0)
                assert_int_equal(shale_handle_free(handle), 0);
        }
        assert_int_equal(slab_validate(), 0);
        assert_int_equal(
            shale_epoch_close(epoch, life % 2 == 0 ? SHALE_EPOCH_DISCARD : SHALE_EPOCH_DRAIN, 0),
            0);
        for (size_t i = 0; i < count && life % 2 == 1; i++)
            (void)shale_handle_free(all[i]);
        for (size_t i = 0; i < count; i++)
            assert_null(shale_handle_get(all[i]));
    }
    slab_tag_end = SLAB_TAG_END;
    slab_lives_end = SLAB_LIVES_END;
    qsort(all, count, sizeof(*all), compare_handles);
    for (size_t i = 1; i < count; i++)
        assert_true(all[i] != all[i - 1]);
    printf("# %zu handles, all different\n", count);
    free(all);
    assert_nothing_left();
}

/* One slot is used until its tag ends: then it is left out, and everything still adds up. */
static void handle_tags_end_before_they_wrap(void **state)
{
    shale_epoch epoch = open_with_handles();
    shale_handle first = 0;
    shale_handle last = 0;
    (void)state;
    for (int i = 0; i < 200000; i++) {
        shale_handle handle = shale_handle_alloc(epoch, 65000, NULL);
        assert_true(handle != last && handle != first);
        assert_int_equal(shale_handle_free(handle), 0);
        assert_true(last == 0 || shale_handle_check(last) != 0);
        first = first == 0 ? handle : first;
        last = handle;
    }
    assert_null(shale_handle_get(first));
    assert_int_equal(slab_validate(), 0);
    assert_int_equal(shale_epoch_close(epoch, SHALE_EPOCH_DRAIN, 0), 0);
    assert_nothing_left();
}

static void *free_handles(void *argument)
{
    uintptr_t *won = argument;
    for (size_t i = 0; i < HANDLES; i++)
        *won += shale_handle_free(handles[i]) == 0;
    return NULL;
}

/* Several free the same handles: each is freed once. */
static void *first_call_is_alloc(void *argument)
{
    void *block = NULL;
    shale_handle handle = shale_handle_alloc(*(shale_epoch *)argument, 64, &block);
    return handle != SHALE_HANDLE_NULL && shale_handle_get(handle) == block &&
                   shale_handle_free(handle) == 0
               ? argument
               : NULL;
}

/* It has no structure yet, and nothing of the epoch. */
static void handle_first_call_of_a_thread_works(void **state)
{
    shale_epoch epoch = open_with_handles();
    pthread_t thread;
    void *result = NULL;
    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, first_call_is_alloc, &epoch), 0);
    pthread_join(thread, &result);
    assert_ptr_equal(result, &epoch);
    assert_int_equal(shale_epoch_close(epoch, SHALE_EPOCH_DRAIN, 0), 0);
    assert_nothing_left();
}

static void handle_racing_frees_one_wins(void **state)
{
    enum { THREADS = 4 };
    (void)state;
    for (int round = 0; round < 20; round++) {
        shale_epoch epoch = open_with_handles();
        pthread_t threads[THREADS];
        uintptr_t won[THREADS] = {0};
        uintptr_t all = 0;
        fill_handles(epoch, 500);
        shale_handle keep[4];
        for (int i = 0; i < 4; i++) /* keeps the slabs from being given back meanwhile */
            keep[i] = shale_handle_alloc(epoch, 500, NULL);
        for (int i = 0; i < THREADS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, free_handles, &won[i]), 0);
        for (int i = 0; i < THREADS; i++) {
            pthread_join(threads[i], NULL);
            all += won[i];
        }
        assert_int_equal(all, HANDLES);
        for (int i = 0; i < 4; i++)
            assert_int_equal(shale_handle_free(keep[i]), 0);
        assert_int_equal(shale_epoch_close(epoch, SHALE_EPOCH_DRAIN, 0), 0);
        assert_nothing_left();
    }
    assert_int_equal(counters_now().misuse, 3); /* those of the test above */
}

/* Random values, and valid handles with some bits turned: nothing but an answer comes of them. */
static void handle_fuzz_any_value_is_answered(void **state)
{
    uint64_t random = random_seed("handles");
    shale_epoch epoch = open_with_handles();
    (void)state;
    fill_handles(epoch, 64);
    for (int i = 0; i < 3000000; i++) {
        shale_handle handle = random_next(&random);
        if (i % 2 == 0)
            handle = handles[handle % HANDLES] ^ 1ull << (handle >> 32) % 64 ^
                     1ull << (handle >> 40) % 64;
        void *block = shale_handle_get(handle);
        if (block == NULL) {
            assert_true(shale_handle_free(handle) < 0);
            continue;
        }
        shale_handle found = 0;
        assert_int_equal(shale_handle_of(block, &found), 0);
        assert_true(found == handle);
    }
    for (size_t i = 0; i < HANDLES; i++)
        assert_non_null(shale_handle_get(handles[i]));
    assert_int_equal(shale_handle_check(0), SHALE_EBADHANDLE);
    assert_int_equal(shale_handle_check(UINT64_MAX), SHALE_EBADHANDLE);
    assert_int_equal(slab_validate(), 0);
    assert_int_equal(shale_epoch_close(epoch, SHALE_EPOCH_DISCARD, 0), 0);
    assert_nothing_left();
}

static void handle_text_and_fields_round_trip(void **state)
{
    static const char *const wrong[] = {"",
                                        "h",
                                        "h1-000001-002-0003-0",
                                        "h1-000001-002-0003-05x",
                                        "H1-000001-002-0003-05",
                                        "h1-00001-002-0003-05",
                                        "h1-+00001-002-0003-05",
                                        "h1 -000001-002-0003-05"};
    uint64_t random = random_seed("handle text");
    struct shale_handle_fields fields = {1, 1u << 24, 0, 0, 0};
    shale_handle back = 0;
    (void)state;
    for (int i = 0; i < 10000; i++) {
        shale_handle handle = random_next(&random);
        char text[SHALE_HANDLE_TEXT_SIZE];
        shale_handle_print(handle, text);
        assert_int_equal(shale_handle_parse(text, &back), 0);
        assert_true(back == handle);
        struct shale_handle_fields taken;
        shale_handle_decode(handle, &taken);
        assert_int_equal(shale_handle_encode(&taken, &back), 0);
        assert_true(back == handle);
    }
    back = 5;
    assert_int_equal(shale_handle_encode(&fields, &back), SHALE_ERANGE);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        assert_int_equal(shale_handle_parse(wrong[i], &back), SHALE_EFORMAT);
    assert_true(back == 5);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(handle_of_all_sizes_free_and_reuse),
    cmocka_unit_test(handle_refused_without_the_flag),
    cmocka_unit_test(handle_stale_after_every_kind_of_end),
    cmocka_unit_test(handle_double_free_by_address_counted),
    cmocka_unit_test(handle_narrow_fields_never_repeat),
    cmocka_unit_test(handle_tags_end_before_they_wrap),
    cmocka_unit_test(handle_first_call_of_a_thread_works),
    cmocka_unit_test(handle_racing_frees_one_wins),
    cmocka_unit_test(handle_fuzz_any_value_is_answered),
    cmocka_unit_test(handle_text_and_fields_round_trip),
};

RUN_TESTS("slab_handle")
