/* SPDX-License-Identifier: MIT */
/* Epochs: opening, allocating, draining, discarding, references, names, limits. */
#include "epochs.h"

#include "slab/pool.h"
#include "slab/registry.h"

static int same_block(const void *a, const void *b)
{
    const char *x = *(char *const *)a;
    const char *y = *(char *const *)b;
    return x < y ? -1 : x > y;
}

/* ---- slab epochs -------------------------------------------------------------------------------
 */

static void epoch_blocks_of_all_sizes_hold_their_bytes(void **state)
{
    static struct {
        unsigned char *block;
        size_t size;
    } all[400];
    shale_epoch epochs[2] = {open_plain(), open_region()};
    (void)state;
    for (int e = 0; e < 2; e++) {
        for (size_t i = 0; i < 400; i++) {
            size_t size = i < 300 ? i * 13 : i < 390 ? i * 700 : i * 7000;
            all[i].size = size;
            all[i].block = shale_epoch_alloc(epochs[e], size);
            assert_non_null(all[i].block);
            assert_true((uintptr_t)all[i].block % 16 == 0);
            assert_true(shale_epoch_usable_size(all[i].block) >= size);
            memset(all[i].block, (int)(i & 0xff), size);
        }
        for (size_t i = 0; i < 400; i++) {
            shale_epoch of = 1;
            for (size_t j = 0; j < all[i].size; j++)
                assert_int_equal(all[i].block[j], i & 0xff);
            assert_int_equal(shale_epoch_of(all[i].block, &of), 0);
            assert_true(of == epochs[e]);
        }
        assert_int_equal(slab_validate(), 0);
        assert_int_equal(shale_epoch_close(epochs[e], SHALE_EPOCH_DISCARD, 0), 0);
    }
    assert_nothing_left();
}

static void epoch_calloc_is_zero_after_reuse(void **state)
{
    (void)state;
    for (int round = 0; round < 4; round++) {
        shale_epoch epoch = round % 2 == 0 ? open_plain() : open_region();
        for (size_t size = 1; size < 3000000; size = size * 3 + 5) {
            unsigned char *block = shale_epoch_calloc(epoch, 1, size);
            assert_non_null(block);
            for (size_t i = 0; i < size; i++)
                assert_int_equal(block[i], 0);
            memset(block, 0xff, size);
        }
        assert_int_equal(shale_epoch_close(epoch, SHALE_EPOCH_DISCARD, 0), 0);
    }
    errno = 0;
    assert_null(shale_epoch_calloc(1, SIZE_MAX, 2));
    assert_int_equal(errno, ENOMEM);
    assert_nothing_left();
}

static void epoch_aligned_blocks_are_aligned(void **state)
{
    shale_epoch epochs[2] = {open_plain(), open_region()};
    (void)state;
    for (int e = 0; e < 2; e++) {
        for (size_t alignment = 1; alignment <= 1 << 20; alignment *= 2) {
            for (size_t size = 0; size < 200000; size = size * 5 + 3) {
                char *block = shale_epoch_aligned(epochs[e], alignment, size);
                assert_non_null(block);
                assert_true((uintptr_t)block % alignment == 0);
                assert_true(shale_epoch_usable_size(block) >= size);
                memset(block, 1, size);
            }
        }
        errno = 0;
        assert_null(shale_epoch_aligned(epochs[e], 3, 1));
        assert_int_equal(errno, EINVAL);
        assert_null(shale_epoch_aligned(epochs[e], 2 << 20, 1));
        assert_int_equal(slab_validate(), 0);
        assert_int_equal(shale_epoch_close(epochs[e], SHALE_EPOCH_DISCARD, 0), 0);
    }
    assert_nothing_left();
}

static void epoch_realloc_stays_in_its_epoch(void **state)
{
    shale_epoch epochs[2] = {open_plain(), open_region()};
    (void)state;
    for (int e = 0; e < 2; e++) {
        unsigned char *block = shale_epoch_alloc(epochs[e], 1);
        block[0] = 7;
        for (size_t size = 2; size < 3000000; size *= 3) {
            shale_epoch of = 0;
            block = shale_epoch_realloc(block, size);
            assert_non_null(block);
            assert_int_equal(block[0], 7);
            memset(block + 1, 9, size - 1);
            assert_int_equal(shale_epoch_of(block, &of), 0);
            assert_true(of == epochs[e]);
        }
        assert_int_equal(shale_epoch_close(epochs[e], SHALE_EPOCH_DISCARD, 0), 0);
    }
    errno = 0;
    assert_null(shale_epoch_realloc(NULL, 5));
    assert_int_equal(errno, EINVAL);
    assert_nothing_left();
}

static void epoch_drain_blocks_live_on_until_freed(void **state)
{
    shale_epoch epoch = open_plain();
    struct shale_epoch_info info;
    (void)state;
    fill(epoch, SIZE);
    assert_int_equal(shale_epoch_close(epoch, SHALE_EPOCH_DRAIN, 0), 0);
    errno = 0;
    assert_null(shale_epoch_alloc(epoch, SIZE));
    assert_int_equal(errno, ESTALE);
    assert_int_equal(shale_epoch_query(epoch, &info), 0);
    assert_int_equal(info.state, SHALE_EPOCH_CLOSED);
    assert_true(info.used_bytes >= COUNT * SIZE);
    assert_int_equal(shale_epoch_close(epoch, SHALE_EPOCH_DRAIN, 0), SHALE_ESTALE);
    assert_intact(SIZE);
    assert_int_equal(slab_validate(), 0);
    free_all();
    (void)slab_give_back(SIZE_MAX);
    assert_int_equal(shale_epoch_query(epoch, &info), SHALE_ESTALE);
    assert_nothing_left();
}

static void epoch_discard_gives_memory_to_the_next(void **state)
{
    (void)state;
    uint64_t most = 0;
    for (int round = 0; round < 20; round++) {
        shale_epoch epoch = round % 2 == 0 ? open_plain() : open_region();
        fill(epoch, 200);
        qsort(blocks, COUNT, sizeof(*blocks), same_block);
        for (size_t i = 1; i < COUNT; i++)
            assert_true((char *)blocks[i] >= (char *)blocks[i - 1] + 200);
        assert_int_equal(shale_epoch_close(epoch, SHALE_EPOCH_DISCARD, 0), 0);
        uint64_t resident = slab_pool_dirty();
        most = resident > most ? resident : most;
    }
    assert_true(most <= 3 * (COUNT * 200ull >> 21) + 3);
    assert_nothing_left();
}

static void epoch_alloc_after_close_is_stale(void **state)
{
    shale_epoch epoch = open_plain();
    (void)state;
    void *block = shale_epoch_alloc(epoch, 100);
    assert_non_null(block);
    assert_int_equal(shale_epoch_close(epoch, SHALE_EPOCH_DISCARD, 0), 0);
    shale_epoch next = open_plain(); /* the same slot */
    assert_int_equal(next & 0xffff, epoch & 0xffff);
    assert_true(next != epoch);
    assert_non_null(shale_epoch_alloc(next, 100));
    for (size_t size = 0; size < 5000000; size = size * 7 + 1) {
        errno = 0;
        assert_null(shale_epoch_alloc(epoch, size));
        assert_int_equal(errno, ESTALE);
        errno = 0;
        assert_null(shale_epoch_aligned(epoch, 128, size));
        assert_int_equal(errno, ESTALE);
    }
    assert_int_equal(shale_epoch_close(epoch, SHALE_EPOCH_DISCARD, 0), SHALE_ESTALE);
    assert_int_equal(shale_epoch_close(next, SHALE_EPOCH_DISCARD, 0), 0);
    assert_nothing_left();
}

static void epoch_ids_that_never_were_are_refused(void **state)
{
    const shale_epoch wrong[] = {
        1, 65535, 1ull << 16, 12345ull << 16 | 7, UINT64_MAX, UINT64_MAX - 65535};
    struct shale_epoch_info info;
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        errno = 0;
        assert_null(shale_epoch_alloc(wrong[i], 10));
        assert_int_equal(errno, ESTALE);
        assert_null(shale_epoch_alloc(wrong[i], 100000));
        assert_int_equal(shale_epoch_close(wrong[i], SHALE_EPOCH_DISCARD, 0), SHALE_ESTALE);
        assert_int_equal(shale_epoch_ref(wrong[i]), SHALE_ESTALE);
        assert_int_equal(shale_epoch_unref(wrong[i]), SHALE_ESTALE);
        assert_int_equal(shale_epoch_query(wrong[i], &info), SHALE_ESTALE);
    }
    assert_int_equal(shale_epoch_close(0, SHALE_EPOCH_DISCARD, 0), SHALE_EINVAL);
}

static void epoch_eternal_is_plain_malloc(void **state)
{
    (void)state;
    char *block = shale_epoch_alloc(SHALE_EPOCH_ETERNAL, 10);
    shale_epoch of = 1;
    assert_int_equal(shale_epoch_of(block, &of), 0);
    assert_true(of == SHALE_EPOCH_ETERNAL);
    block = slab_realloc(block, 100000);
    shale_epoch_free(block);
    char *zeroed = shale_epoch_calloc(SHALE_EPOCH_ETERNAL, 10, 10);
    for (int i = 0; i < 100; i++)
        assert_int_equal(zeroed[i], 0);
    slab_free(zeroed);
    slab_free(shale_epoch_aligned(SHALE_EPOCH_ETERNAL, 4096, 10));
}

/* ---- other threads -----------------------------------------------------------------------------
 */

static void *fill_in_thread(void *argument)
{
    fill(*(shale_epoch *)argument, SIZE);
    return NULL;
}

static void *free_in_thread(void *unused)
{
    free_all();
    return unused;
}

static void epoch_thread_exit_leaves_blocks(void **state)
{
    for (int how = 0; how < 2; how++) {
        shale_epoch epoch = open_plain();
        (void)state;
        in_thread(fill_in_thread, &epoch);
        assert_int_equal(slab_validate(), 0);
        assert_intact(SIZE);
        assert_true(stats_now().orphan_slabs > 0);
        if (how == 0)
            in_thread(free_in_thread, NULL);
        assert_int_equal(
            shale_epoch_close(epoch, how == 0 ? SHALE_EPOCH_DRAIN : SHALE_EPOCH_DISCARD, 0), 0);
        assert_nothing_left();
    }
}

static void epoch_blocks_freed_by_another_thread(void **state)
{
    shale_epoch epoch = open_plain();
    (void)state;
    for (int round = 0; round < 5; round++) {
        fill(epoch, SIZE);
        in_thread(free_in_thread, NULL);
    }
    assert_int_equal(slab_validate(), 0);
    struct shale_epoch_info info;
    assert_int_equal(shale_epoch_query(epoch, &info), 0);
    assert_true(info.used_bytes < 3 * COUNT * SIZE);
    assert_int_equal(shale_epoch_close(epoch, SHALE_EPOCH_DRAIN, 0), 0);
    assert_nothing_left();
    assert_int_equal(counters_now().misuse, 0);
}

struct meeting {
    shale_epoch epoch;
    pthread_barrier_t barrier;
};

static void *fill_and_wait(void *argument)
{
    struct meeting *m = argument;
    fill(m->epoch, SIZE);
    pthread_barrier_wait(&m->barrier);
    pthread_barrier_wait(&m->barrier); /* closed meanwhile, by another thread */
    errno = 0;
    assert_null(shale_epoch_alloc(m->epoch, SIZE));
    assert_int_equal(errno, ESTALE);
    return NULL;
}

static void epoch_closed_while_its_owner_sleeps(void **state)
{
    (void)state;
    for (int how = 0; how < 2; how++) {
        struct meeting m = {.epoch = open_plain()};
        pthread_t thread;
        pthread_barrier_init(&m.barrier, NULL, 2);
        assert_int_equal(pthread_create(&thread, NULL, fill_and_wait, &m), 0);
        pthread_barrier_wait(&m.barrier);
        assert_int_equal(
            shale_epoch_close(m.epoch, how == 0 ? SHALE_EPOCH_DRAIN : SHALE_EPOCH_DISCARD, 0), 0);
        assert_int_equal(slab_validate(), 0);
        if (how == 0) {
            assert_intact(SIZE);
            free_all();
        }
        assert_nothing_left();
        pthread_barrier_wait(&m.barrier);
        pthread_join(thread, NULL);
        pthread_barrier_destroy(&m.barrier);
    }
}

static void *free_and_wait(void *argument)
{
    struct meeting *m = argument;
    free_all(); /* the last batches stay with this thread */
    pthread_barrier_wait(&m->barrier);
    pthread_barrier_wait(&m->barrier);
    slab_free(slab_malloc(100));
    return NULL;
}

static void epoch_discarded_with_batches_on_their_way(void **state)
{
    (void)state;
    for (int round = 0; round < 10; round++) {
        struct meeting m = {.epoch = open_plain()};
        pthread_t thread;
        fill(m.epoch, SIZE);
        pthread_barrier_init(&m.barrier, NULL, 2);
        assert_int_equal(pthread_create(&thread, NULL, free_and_wait, &m), 0);
        pthread_barrier_wait(&m.barrier);
        assert_int_equal(shale_epoch_close(m.epoch, SHALE_EPOCH_DISCARD, 0), 0);
        shale_epoch next = open_plain();
        fill(next, SIZE);
        pthread_barrier_wait(&m.barrier);
        pthread_join(thread, NULL);
        assert_int_equal(slab_validate(), 0);
        assert_intact(SIZE);
        assert_int_equal(shale_epoch_close(next, SHALE_EPOCH_DISCARD, 0), 0);
        pthread_barrier_destroy(&m.barrier);
    }
    assert_nothing_left();
    assert_int_equal(counters_now().misuse, 0);
}

/* ---- references, names, limits -----------------------------------------------------------------
 */

static void epoch_discard_waits_for_references(void **state)
{
    shale_epoch epoch = open_plain();
    struct shale_epoch_info info;
    (void)state;
    fill(epoch, SIZE);
    assert_int_equal(shale_epoch_ref(epoch), 0);
    assert_int_equal(shale_epoch_ref(epoch), 0);
    assert_int_equal(shale_epoch_close(epoch, SHALE_EPOCH_DISCARD, 0), SHALE_EDEFERRED);
    assert_null(shale_epoch_alloc(epoch, SIZE));
    assert_int_equal(shale_epoch_ref(epoch), SHALE_ESTALE);
    assert_intact(SIZE);
    assert_int_equal(shale_epoch_query(epoch, &info), 0);
    assert_int_equal(info.state, SHALE_EPOCH_CLOSING);
    assert_int_equal(info.references, 2);
    assert_int_equal(shale_epoch_unref(epoch), 0);
    assert_intact(SIZE);
    assert_int_equal(shale_epoch_unref(epoch), 0);
    assert_int_equal(shale_epoch_unref(epoch), SHALE_ESTALE);
    assert_int_equal(shale_epoch_query(epoch, &info), SHALE_ESTALE);
    assert_nothing_left();
}

static void epoch_query_tells_what_was_asked_for(void **state)
{
    struct shale_epoch_options options = {.kind = SHALE_EPOCH_SLAB,
                                          .policy = SHALE_EPOCH_RETAIN,
                                          .label = "a request whose name is longer than it may be"
                                                   " and is cut"};
    struct shale_epoch_info info;
    shale_epoch epoch = 0;
    shale_epoch found = 0;
    (void)state;
    assert_int_equal(shale_epoch_open(&options, &epoch), 0);
    assert_int_equal(shale_epoch_query(epoch, &info), 0);
    assert_true(info.epoch == epoch);
    assert_int_equal(info.state, SHALE_EPOCH_ACTIVE);
    assert_int_equal(info.policy, SHALE_EPOCH_RETAIN);
    assert_int_equal(info.references, 0);
    assert_int_equal(info.used_bytes, 0);
    assert_int_equal(strlen(info.label), SHALE_EPOCH_LABEL_MAX - 1);
    assert_int_equal(strncmp(info.label, options.label, SHALE_EPOCH_LABEL_MAX - 1), 0);
    assert_int_equal(shale_epoch_find(options.label, &found), 0);
    assert_true(found == epoch);
    assert_int_equal(shale_epoch_find("no such label", &found), SHALE_ENOENT);
    assert_int_equal(shale_epoch_close(epoch, SHALE_EPOCH_DISCARD, 0), 0);
    assert_int_equal(shale_epoch_find(options.label, &found), SHALE_ENOENT);
}

static void epoch_options_that_contradict_are_refused(void **state)
{
    struct shale_epoch_options region = {.kind = SHALE_EPOCH_REGION, .flags = SHALE_EPOCH_HANDLES};
    struct shale_epoch_options kind = {.kind = (enum shale_epoch_kind)7};
    struct shale_epoch_options flags = {.flags = 64};
    shale_epoch epoch = 5;
    (void)state;
    assert_int_equal(shale_epoch_open(&region, &epoch), SHALE_EINVAL);
    assert_int_equal(shale_epoch_open(&kind, &epoch), SHALE_EINVAL);
    assert_int_equal(shale_epoch_open(&flags, &epoch), SHALE_EINVAL);
    assert_true(epoch == 5);
    epoch = open_region();
    assert_int_equal(shale_epoch_close(epoch, SHALE_EPOCH_DRAIN, 0), SHALE_ENOTSUP);
    assert_non_null(shale_epoch_alloc(epoch, 1));
    assert_int_equal(shale_epoch_close(epoch, SHALE_EPOCH_DISCARD, 0), 0);
    assert_nothing_left();
}

static void epoch_advance_closes_the_last(void **state)
{
    shale_epoch first = 0;
    shale_epoch second = 0;
    (void)state;
    assert_true(shale_epoch_current() == 0);
    assert_int_equal(shale_epoch_advance(NULL, SHALE_EPOCH_DRAIN, &first), 0);
    assert_true(shale_epoch_current() == first);
    void *block = shale_epoch_alloc(first, 50);
    assert_int_equal(shale_epoch_advance(NULL, SHALE_EPOCH_DRAIN, &second), 0);
    assert_true(shale_epoch_current() == second && second != first);
    assert_null(shale_epoch_alloc(first, 50));
    memset(block, 1, 50);
    shale_epoch_free(block);
    assert_int_equal(shale_epoch_close(second, SHALE_EPOCH_DISCARD, 0), 0);
    assert_nothing_left();
}

static void epoch_many_open_then_error(void **state)
{
    uint32_t max = shale_epoch_max();
    shale_epoch *all = malloc(max * sizeof(*all));
    shale_epoch extra = 7;
    uint32_t told = 0;
    (void)state;
    /* Fewer in a small range, as under valgrind. */
    const char *preload = getenv("LD_PRELOAD");
    bool under_valgrind = preload && strstr(preload, "vgpreload");
    assert_in_range(max, under_valgrind ? 1001 : 65535, 65535);
    for (uint32_t i = 0; i < max; i++) {
        assert_int_equal(shale_epoch_open(NULL, &all[i]), 0);
        if (i % 64 == 0)
            assert_non_null(shale_epoch_alloc(all[i], 1000));
    }
    assert_int_equal(shale_epoch_open(NULL, &extra), SHALE_ERANGE);
    assert_true(extra == 7);
    assert_int_equal(shale_epoch_count(), max);
    for (shale_epoch id = 0; shale_epoch_next(id, &id) == 0; told++)
        continue;
    assert_int_equal(told, max);
    assert_int_equal(shale_epoch_close(all[max / 2], SHALE_EPOCH_DISCARD, 0), 0);
    assert_int_equal(shale_epoch_open(NULL, &all[max / 2]), 0);
    assert_int_equal(slab_validate(), 0);
    for (uint32_t i = 0; i < max; i++)
        assert_int_equal(shale_epoch_close(all[i], SHALE_EPOCH_DISCARD, 0), 0);
    free(all);
    assert_nothing_left();
}

static void epoch_ids_end_before_they_wrap(void **state)
{
    shale_epoch epoch = 0;
    shale_epoch last = 0;
    int error = 0;
    (void)state;
    slab_registry_set_sequence((1ull << 47) - 4);
    for (int i = 0; i < 10 && error == 0; i++) {
        error = shale_epoch_open(NULL, &epoch);
        if (error != 0)
            break;
        assert_true(epoch > last);
        last = epoch;
        assert_non_null(shale_epoch_alloc(epoch, 10));
        assert_int_equal(shale_epoch_close(epoch, SHALE_EPOCH_DISCARD, 0), 0);
    }
    assert_int_equal(error, SHALE_ERANGE);
    slab_registry_set_sequence(1ull << 40);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(epoch_blocks_of_all_sizes_hold_their_bytes),
    cmocka_unit_test(epoch_calloc_is_zero_after_reuse),
    cmocka_unit_test(epoch_aligned_blocks_are_aligned),
    cmocka_unit_test(epoch_realloc_stays_in_its_epoch),
    cmocka_unit_test(epoch_drain_blocks_live_on_until_freed),
    cmocka_unit_test(epoch_discard_gives_memory_to_the_next),
    cmocka_unit_test(epoch_alloc_after_close_is_stale),
    cmocka_unit_test(epoch_ids_that_never_were_are_refused),
    cmocka_unit_test(epoch_eternal_is_plain_malloc),
    cmocka_unit_test(epoch_thread_exit_leaves_blocks),
    cmocka_unit_test(epoch_blocks_freed_by_another_thread),
    cmocka_unit_test(epoch_closed_while_its_owner_sleeps),
    cmocka_unit_test(epoch_discarded_with_batches_on_their_way),
    cmocka_unit_test(epoch_discard_waits_for_references),
    cmocka_unit_test(epoch_query_tells_what_was_asked_for),
    cmocka_unit_test(epoch_options_that_contradict_are_refused),
    cmocka_unit_test(epoch_advance_closes_the_last),
    cmocka_unit_test(epoch_many_open_then_error),
    cmocka_unit_test(epoch_ids_end_before_they_wrap),
};

RUN_TESTS("slab_epoch")
