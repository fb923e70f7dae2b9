/* SPDX-License-Identifier: MIT */
/*
 * What allocators with epochs are known to get wrong, a test for each. That memory goes back, that
 * closing may race with everything, and that ids end before they wrap is in the other slab_epoch
 * tests.
 */
#include "epochs.h"

#include <shale/handle.h>
#include <sys/wait.h>
#include <unistd.h>

#include "blocks.h"

static _Atomic bool stop;

/* ---- the table of epochs grows under readers ---------------------------------------------------
 */

static void *read_tables(void *argument)
{
    struct shale_epoch_info info;
    uintptr_t wrong = 0;
    (void)argument;
    while (!shale_atomic_load_relaxed(&stop))
        for (shale_epoch id = 0; shale_epoch_next(id, &id) == 0;)
            wrong += shale_epoch_query(id, &info) == 0 && info.epoch != id;
    return (void *)wrong;
}

static void fault_table_grows_under_readers(void **state)
{
    enum { READERS = 2, MANY = 6000 };
    static shale_epoch epochs[MANY];
    pthread_t readers[READERS];
    void *wrong = NULL;
    (void)state;
    uint32_t many = shale_epoch_max() < MANY ? shale_epoch_max() : MANY;
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_tables, NULL), 0);
    for (uint32_t i = 0; i < many; i++)
        assert_int_equal(shale_epoch_open(NULL, &epochs[i]), 0);
    for (uint32_t i = 0; i < many; i++)
        assert_true(shale_epoch_close(epochs[i], SHALE_EPOCH_DISCARD, 0) <= 0);
    shale_atomic_store_relaxed(&stop, true);
    for (int i = 0; i < READERS; i++) {
        pthread_join(readers[i], &wrong);
        assert_null(wrong);
    }
    assert_nothing_left();
}

/* ---- handles -----------------------------------------------------------------------------------
 */

static shale_epoch open_handles(void)
{
    struct shale_epoch_options options = {.flags = SHALE_EPOCH_HANDLES};
    shale_epoch epoch = 0;
    assert_int_equal(shale_epoch_open(&options, &epoch), 0);
    return epoch;
}

static void fault_double_free_seen_after_reuse(void **state)
{
    shale_epoch epoch = open_handles();
    void *first;
    void *second;
    (void)state;
    shale_handle old = shale_handle_alloc(epoch, 64, &first);
    assert_int_equal(shale_handle_free(old), 0);
    shale_handle new = shale_handle_alloc(epoch, 64, &second);
    assert_ptr_equal(first, second);
    assert_int_equal(shale_handle_free(old), SHALE_ESTALE);
    assert_ptr_equal(shale_handle_get(new), second);
    assert_int_equal(shale_handle_free(new), 0);
    assert_int_equal(shale_handle_free(new), SHALE_EDOUBLEFREE);
    assert_int_equal(shale_epoch_close(epoch, SHALE_EPOCH_DISCARD, 0), 0);
    assert_nothing_left();
}

/* A handle made up for a live block of an epoch without handles, and for memory of others. */
static void fault_handles_of_others_are_refused(void **state)
{
    shale_epoch epoch = open_plain();
    void *block = shale_epoch_alloc(epoch, 64);
    struct shale_handle_fields fields = {.format = SHALE_HANDLE_FORMAT, .tag = 1};
    shale_handle handle;
    int local = 0;
    (void)state;
    fields.unit = slab_index_of(block);
    assert_int_equal(shale_handle_encode(&fields, &handle), 0);
    assert_null(shale_handle_get(handle));
    assert_true(shale_handle_free(handle) < 0);
    assert_int_equal(shale_handle_of(block, &handle), SHALE_EBADHANDLE);
    assert_int_equal(shale_handle_of(&local, &handle), SHALE_EBADHANDLE);
    assert_int_equal(shale_handle_free((shale_handle)(uintptr_t)block), SHALE_EBADHANDLE);
    assert_int_equal(shale_epoch_close(epoch, SHALE_EPOCH_DISCARD, 0), 0);
    assert_nothing_left();
}

/* ---- many generations --------------------------------------------------------------------------
 */

static void fault_generations_keep_their_objects(void **state)
{
    enum { GENERATIONS = 300 };
    static struct tagged kept[GENERATIONS];
    uint64_t random = random_seed("generations");
    (void)state;
    for (int i = 0; i < GENERATIONS; i++) {
        shale_epoch epoch = 0;
        assert_true(shale_epoch_advance(NULL, SHALE_EPOCH_DRAIN, &epoch) <= 0);
        kept[i] = (struct tagged){.size = random_below(&random, 3000), .tag = random};
        kept[i].block = shale_epoch_alloc(epoch, kept[i].size);
        assert_non_null(kept[i].block);
        tagged_fill(&kept[i]);
    }
    for (int i = 0; i < GENERATIONS; i++) {
        assert_true(tagged_intact(&kept[i]));
        shale_epoch_free(kept[i].block);
    }
    assert_true(shale_epoch_close(shale_epoch_current(), SHALE_EPOCH_DRAIN, 0) <= 0);
    for (int i = 0; i < GENERATIONS && shale_epoch_count() != 0; i++)
        (void)shale_reclaim(0, 0); /* each call finishes some of what drained */
    assert_nothing_left();
}

/* ---- sizes, alignment, classes -----------------------------------------------------------------
 */

static void fault_every_size_is_served_aligned(void **state)
{
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        shale_epoch epoch = kind == 0 ? open_plain() : open_region();
        for (size_t size = 0; size <= 5000; size += size < 1100 ? 1 : 37) {
            void *block = shale_epoch_alloc(epoch, size);
            shale_epoch of = 0;
            assert_non_null(block);
            assert_int_equal((uintptr_t)block % 16, 0);
            memset(block, 0x5a, size);
            assert_true(shale_epoch_usable_size(block) >= size);
            /* What is looked at is what was asked for: its epoch, and no wider class than it needs.
             */
            assert_true(shale_epoch_usable_size(block) <= size + size / 8 + 16);
            assert_int_equal(shale_epoch_of(block, &of), 0);
            assert_true(of == epoch);
        }
        assert_int_equal(shale_epoch_close(epoch, SHALE_EPOCH_DISCARD, 0), 0);
    }
    assert_nothing_left();
}

/* ---- threads have slabs of their own -----------------------------------------------------------
 */

enum { EACH = 500 };

struct allocating {
    shale_epoch epoch;
    pthread_barrier_t *both_live; /* an ended thread's slabs are adopted by others */
    void *blocks[EACH];
};

static void *allocate_some(void *argument)
{
    struct allocating *own = argument;
    for (int i = 0; i < EACH; i++)
        own->blocks[i] = shale_epoch_alloc(own->epoch, 64);
    pthread_barrier_wait(own->both_live);
    return NULL;
}

static void fault_threads_share_no_slab(void **state)
{
    static struct allocating both[2];
    pthread_barrier_t barrier;
    pthread_t threads[2];
    (void)state;
    assert_int_equal(pthread_barrier_init(&barrier, NULL, 2), 0);
    for (int kind = 0; kind < 2; kind++) {
        shale_epoch epoch = kind == 0 ? open_plain() : open_region();
        for (int i = 0; i < 2; i++) {
            both[i].epoch = epoch;
            both[i].both_live = &barrier;
            assert_int_equal(pthread_create(&threads[i], NULL, allocate_some, &both[i]), 0);
        }
        for (int i = 0; i < 2; i++)
            pthread_join(threads[i], NULL);
        for (int i = 0; i < EACH; i++)
            for (int j = 0; j < EACH; j++)
                assert_true(slab_first_unit(slab_index_of(both[0].blocks[i])) !=
                            slab_first_unit(slab_index_of(both[1].blocks[j])));
        assert_int_equal(shale_epoch_close(epoch, SHALE_EPOCH_DISCARD, 0), 0);
    }
    pthread_barrier_destroy(&barrier);
    assert_nothing_left();
}

/* ---- misuse is an error, and nothing is printed ------------------------------------------------
 */

static void misuse_all(void)
{
    shale_epoch epoch = open_plain();
    shale_epoch region = open_region();
    struct shale_epoch_info info;
    assert_int_equal(shale_epoch_close(epoch, SHALE_EPOCH_DISCARD, 0), 0);
    assert_int_equal(shale_epoch_close(epoch, SHALE_EPOCH_DISCARD, 0), SHALE_ESTALE);
    assert_int_equal(shale_epoch_close(epoch, (enum shale_epoch_close)9, 0), SHALE_EINVAL);
    assert_int_equal(shale_epoch_close(region, SHALE_EPOCH_DRAIN, 0), SHALE_ENOTSUP);
    assert_int_equal(shale_epoch_ref(epoch), SHALE_ESTALE);
    assert_int_equal(shale_epoch_unref(region), SHALE_ESTALE);
    assert_int_equal(shale_epoch_query(epoch, &info), SHALE_ESTALE);
    assert_null(shale_epoch_alloc(epoch, 64));
    assert_int_equal(errno, ESTALE);
    assert_null(shale_epoch_alloc(UINT64_MAX, 64));
    assert_null(shale_epoch_alloc(1ull << 63, 64));
    assert_null(shale_epoch_aligned(region, 3, 64));
    assert_int_equal(errno, EINVAL);
    assert_int_equal(shale_handle_free(SHALE_HANDLE_NULL), SHALE_EBADHANDLE);
    assert_int_equal(shale_epoch_close(region, SHALE_EPOCH_DISCARD, 0), 0);
}

static void fault_misuse_is_an_error_without_output(void **state)
{
    int ends[2];
    char byte;
    (void)state;
    assert_int_equal(pipe(ends), 0);
    fflush(stdout);
    int out = dup(1);
    int err = dup(2);
    dup2(ends[1], 1);
    dup2(ends[1], 2);
    close(ends[1]);
    misuse_all();
    dup2(out, 1);
    dup2(err, 2);
    assert_int_equal(read(ends[0], &byte, 1), 0);
    close(ends[0]);
    close(out);
    close(err);
    assert_nothing_left();
}

/* ---- fork --------------------------------------------------------------------------------------
 */

static struct tagged live[64];

static void *fill_live(void *argument)
{
    for (int i = 0; i < 64; i++) {
        live[i] = (struct tagged){.size = 100 + 10 * (size_t)i, .tag = (uint64_t)i};
        live[i].block = shale_epoch_alloc(*(shale_epoch *)argument, live[i].size);
        if (live[i].block != NULL)
            tagged_fill(&live[i]);
    }
    shale_atomic_store_release(&stop, true);
    while (shale_atomic_load_acquire(&stop))
        usleep(1000);
    return NULL;
}

/* In the child: a lost thread's blocks are there, the epochs go on and end. */
static int use_in_child(shale_epoch slab, shale_epoch region)
{
    shale_epoch next;
    for (int i = 0; i < 64; i++)
        if (!tagged_intact(&live[i]))
            return 1;
    for (int i = 0; i < 32; i++)
        shale_epoch_free(live[i].block);
    if (shale_epoch_alloc(slab, 100) == NULL || shale_epoch_alloc(region, 100) == NULL)
        return 2;
    if (shale_epoch_open(NULL, &next) != 0 || next <= slab)
        return 3;
    if (shale_epoch_close(slab, SHALE_EPOCH_DISCARD, 0) != 0 ||
        shale_epoch_close(region, SHALE_EPOCH_DISCARD, 0) != 0 ||
        shale_epoch_close(next, SHALE_EPOCH_DRAIN, 0) != 0)
        return 4;
    (void)shale_reclaim(SIZE_MAX, 0);
    return slab_validate() == 0 && shale_epoch_count() == 0 ? 0 : 5;
}

static void fault_fork_with_open_epochs(void **state)
{
    shale_epoch slab = open_plain();
    shale_epoch region = open_region();
    pthread_t thread;
    int status = -1;
    (void)state;
    assert_non_null(shale_epoch_alloc(region, 300));
    shale_atomic_store_relaxed(&stop, false);
    assert_int_equal(pthread_create(&thread, NULL, fill_live, &slab), 0);
    while (!shale_atomic_load_acquire(&stop))
        usleep(1000);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(use_in_child(slab, region));
    assert_int_equal(waitpid(child, &status, 0), child);
    shale_atomic_store_release(&stop, false);
    pthread_join(thread, NULL);
    assert_int_equal(status, 0);
    for (int i = 0; i < 64; i++)
        assert_true(tagged_intact(&live[i]));
    assert_int_equal(shale_epoch_close(slab, SHALE_EPOCH_DISCARD, 0), 0);
    assert_int_equal(shale_epoch_close(region, SHALE_EPOCH_DISCARD, 0), 0);
    assert_nothing_left();
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(fault_table_grows_under_readers),
    cmocka_unit_test(fault_double_free_seen_after_reuse),
    cmocka_unit_test(fault_handles_of_others_are_refused),
    cmocka_unit_test(fault_generations_keep_their_objects),
    cmocka_unit_test(fault_every_size_is_served_aligned),
    cmocka_unit_test(fault_threads_share_no_slab),
    cmocka_unit_test(fault_misuse_is_an_error_without_output),
    cmocka_unit_test(fault_fork_with_open_epochs),
};

RUN_TESTS("slab_epoch_faults")
