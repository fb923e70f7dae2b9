/* SPDX-License-Identifier: MIT */
/* Whole epochs of the slab engine, retired at once. */
#include "test.h"

#include <pthread.h>
#include <stdbool.h>

#include <shale/epoch.h>
#include <shale/error.h>
#include <shale/shale.h>

#include "smr_nodes.h"

enum { NODES = 5000, GENERATIONS = 200 };

struct entry {
    struct entry *next;
    uint64_t check;
};

static bool has_ended(shale_epoch epoch)
{
    struct shale_epoch_info info;
    return shale_epoch_query(epoch, &info) == SHALE_ESTALE;
}

static struct entry *make_list(shale_epoch epoch, unsigned count)
{
    struct entry *first = NULL;
    for (unsigned i = 0; i < count; i++) {
        struct entry *entry = shale_epoch_alloc(epoch, sizeof *entry);
        assert_non_null(entry);
        *entry = (struct entry){.next = first, .check = (uintptr_t)entry};
        first = entry;
    }
    return first;
}

static unsigned count_whole(const struct entry *entry)
{
    unsigned count = 0;
    for (; entry; entry = entry->next)
        count += entry->check == (uintptr_t)entry;
    return count;
}

static void retire_epoch_eternal_einval(void **state)
{
    struct shale_smr *domain = smr_new(SHALE_SMR_EBR, 0);
    (void)state;
    struct shale_smr_thread *guard = shale_smr_enter(domain);
    assert_int_equal(shale_smr_retire_epoch(guard, SHALE_EPOCH_ETERNAL, 0, 0), SHALE_EINVAL);
    shale_smr_exit(guard);
    assert_int_equal(shale_smr_destroy(domain), 0);
}

static void retire_epoch_open_guard_keeps_it(void **state)
{
    struct shale_smr *domain = smr_new(SHALE_SMR_IBR, 0);
    shale_epoch epoch;
    (void)state;
    assert_int_equal(shale_epoch_open(NULL, &epoch), 0);
    struct shale_smr_thread *guard = shale_smr_enter(domain);
    struct entry *first = make_list(epoch, NODES);
    assert_int_equal(shale_smr_retire_epoch(guard, epoch, NODES * sizeof *first, 0), 0);
    assert_int_equal(shale_smr_flush(domain), 0);
    assert_false(has_ended(epoch));
    assert_int_equal(count_whole(first), NODES);
    assert_int_equal(smr_stats_of(domain).limbo_bytes, NODES * sizeof *first);
    shale_smr_exit(guard);
    assert_int_equal(shale_smr_barrier(domain, UINT64_MAX), 0);
    assert_true(has_ended(epoch));
    assert_int_equal(shale_smr_destroy(domain), 0);
}

static void retire_epoch_twice_with_check_einval(void **state)
{
    struct shale_smr *domain = smr_new(SHALE_SMR_EBR, SHALE_SMR_CHECK_RETIRES);
    struct shale_smr_thread *thread = NULL;
    shale_epoch epoch;
    (void)state;
    assert_int_equal(shale_smr_attach(domain, &thread), 0);
    assert_int_equal(shale_epoch_open(NULL, &epoch), 0);
    assert_int_equal(shale_smr_retire_epoch(thread, epoch, 0, 0), 0);
    assert_int_equal(shale_smr_retire_epoch(thread, epoch, 0, 0), SHALE_EINVAL);
    assert_int_equal(shale_smr_destroy(domain), 0);
    assert_true(has_ended(epoch));
}

/* ---- generations under readers ---- */

struct table {
    struct shale_smr *domain;
    _Atomic uintptr_t first;
    _Atomic bool stop;
    _Atomic uint64_t torn;
};

static void *walk_all(void *argument)
{
    struct table *table = argument;
    while (!shale_atomic_load_relaxed(&table->stop)) {
        struct shale_smr_thread *guard = shale_smr_enter(table->domain);
        unsigned whole = count_whole(shale_smr_load(guard, &table->first));
        if (whole != 50)
            shale_atomic_fetch_add_relaxed(&table->torn, 1);
        shale_smr_exit(guard);
    }
    return NULL;
}

static void retire_epochs_under_readers_nothing_torn(void **state)
{
    struct table table = {.domain = smr_new(SHALE_SMR_EBR, 0)};
    pthread_t readers[2];
    shale_epoch epoch;
    shale_epoch old;
    (void)state;
    assert_int_equal(shale_epoch_open(NULL, &old), 0);
    shale_atomic_store_release(&table.first, (uintptr_t)make_list(old, 50));
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, walk_all, &table), 0);
    for (int i = 0; i < GENERATIONS; i++) {
        assert_int_equal(shale_epoch_open(NULL, &epoch), 0);
        shale_atomic_store_release(&table.first, (uintptr_t)make_list(epoch, 50));
        struct shale_smr_thread *guard = shale_smr_enter(table.domain);
        assert_int_equal(shale_smr_retire_epoch(guard, old, 50 * sizeof(struct entry), 0), 0);
        shale_smr_exit(guard);
        (void)shale_smr_poll(table.domain, 10);
        old = epoch;
    }
    shale_atomic_store_relaxed(&table.stop, true);
    for (int i = 0; i < 2; i++)
        pthread_join(readers[i], NULL);
    assert_int_equal(shale_atomic_load_relaxed(&table.torn), 0);
    assert_int_equal(shale_epoch_close(old, SHALE_EPOCH_DISCARD, 0), 0);
    assert_int_equal(shale_smr_destroy(table.domain), 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(retire_epoch_eternal_einval),
    cmocka_unit_test(retire_epoch_open_guard_keeps_it),
    cmocka_unit_test(retire_epoch_twice_with_check_einval),
    cmocka_unit_test(retire_epochs_under_readers_nothing_torn),
};

RUN_TESTS("smr_epoch")
