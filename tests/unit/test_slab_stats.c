/* SPDX-License-Identifier: MIT */
/* The survey: exact and approximate, its public form, and the note that leads readers to the map.
 */
#define _GNU_SOURCE
#include "test.h"

#include <link.h>
#include <pthread.h>

#include <shale/epoch.h>
#include <shale/error.h>
#include <shale/stats.h>

#include "blocks.h"
#include "slab/malloc.h"
#include "slab/survey.h"

enum { COUNT = 3000, SIZE = 100, BLOCK = 112, SENT = 5, CHURNERS = 3 };

static void *blocks[COUNT];
static pthread_barrier_t barrier;
static _Atomic bool stop;

static struct shale_stats take(bool exact)
{
    static struct slab_stats stats;
    struct shale_stats out;
    assert_int_equal(slab_stats_take(&stats, exact, NULL), 0);
    slab_publish(&stats, &out);
    assert_int_equal(out.exact, exact);
    return out;
}

static struct shale_stats_class take_class(size_t size)
{
    static struct slab_stats stats;
    struct shale_stats_class out;
    assert_int_equal(slab_stats_exact(&stats), 0);
    slab_publish_class(&stats.classes[slab_class_of(size)], &out);
    return out;
}

static void stats_before_the_first_block_are_zero(void **state)
{
    (void)state;
    struct shale_stats stats = take(false);
    assert_int_equal(stats.range_bytes, 0);
    assert_int_equal(stats.live_blocks, 0);
}

static void stats_of_one_thread_are_exact_either_way(void **state)
{
    (void)state;
    for (int i = 0; i < COUNT; i++)
        blocks[i] = slab_malloc(SIZE);
    for (int exact = 0; exact < 2; exact++) {
        struct shale_stats stats = take(exact != 0);
        assert_int_equal(stats.live_blocks, COUNT);
        assert_int_equal(stats.live_bytes, (uint64_t)COUNT * BLOCK);
        assert_int_equal(stats.allocs, COUNT);
        assert_int_equal(stats.frees, 0);
        assert_int_equal(stats.threads, 1);
        assert_true(stats.used_bytes >= stats.live_bytes + stats.free_bytes);
        assert_true(stats.segments_taken >= 1 && stats.range_grows >= 1);
    }
    struct shale_stats_class class = take_class(SIZE);
    assert_int_equal(class.block_bytes, BLOCK);
    assert_int_equal(class.live_blocks, COUNT);
    assert_int_equal(class.live_blocks + class.free_blocks + class.untouched_blocks,
                     class.slabs * (SLAB_UNIT_SIZE / BLOCK));
    for (int i = 0; i < COUNT; i++)
        slab_free(blocks[i]);
    struct shale_stats after = take(true);
    assert_int_equal(after.live_blocks, 0);
    assert_int_equal(after.frees, COUNT);
}

static void stats_large_blocks_are_counted(void **state)
{
    (void)state;
    struct shale_stats before = take(true);
    void *run = slab_malloc(300000);
    void *segments = slab_malloc(3u << 20);
    struct shale_stats with = take(true);
    assert_int_equal(with.large_blocks - before.large_blocks, 2);
    assert_int_equal(with.large_bytes - before.large_bytes, 5 * SLAB_UNIT_SIZE + (4u << 20));
    assert_int_equal(with.live_blocks - before.live_blocks, 2);
    assert_int_equal(with.live_bytes - before.live_bytes, with.large_bytes - before.large_bytes);
    slab_free(run);
    slab_free(segments);
    struct shale_stats after = take(true);
    assert_int_equal(after.large_blocks, before.large_blocks);
    assert_int_equal(after.allocs - after.frees, before.allocs - before.frees);
}

static void *free_a_few_and_wait(void *unused)
{
    (void)unused;
    for (int i = 0; i < SENT; i++)
        slab_free(blocks[i]);
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    return NULL;
}

/* They lie in the freeing thread's batch: not yet back, and live no more. */
static void stats_blocks_on_their_way_are_pending(void **state)
{
    pthread_t thread;
    (void)state;
    for (int i = 0; i < COUNT; i++)
        blocks[i] = slab_malloc(SIZE);
    pthread_barrier_init(&barrier, NULL, 2);
    assert_int_equal(pthread_create(&thread, NULL, free_a_few_and_wait, NULL), 0);
    pthread_barrier_wait(&barrier);
    struct shale_stats_class class = take_class(SIZE);
    assert_int_equal(class.pending_blocks, SENT);
    assert_int_equal(class.live_blocks, COUNT - SENT);
    assert_int_equal(take(true).pending_bytes, SENT * BLOCK);
    assert_int_equal(take(true).threads, 2);
    pthread_barrier_wait(&barrier);
    pthread_join(thread, NULL);
    for (int i = SENT; i < COUNT; i++)
        slab_free(blocks[i]);
    (void)slab_give_back(SIZE_MAX);
    assert_int_equal(take(true).live_blocks, 0);
    assert_int_equal(take(true).pending_bytes, 0);
}

static void stats_giving_back_is_counted(void **state)
{
    (void)state;
    struct shale_stats before = take(true);
    void *block = slab_malloc(8u << 20);
    memset(block, 1, 8u << 20);
    slab_free(block);
    assert_true(take(true).dirty_bytes + take(true).purged_bytes - before.purged_bytes >= 8u << 20);
    (void)slab_give_back(SIZE_MAX);
    struct shale_stats after = take(true);
    assert_true(after.purges > before.purges && after.reclaims > before.reclaims);
    assert_true(after.purged_bytes - before.purged_bytes >= 8u << 20);
    assert_int_equal(after.dirty_bytes, 0);
    assert_true(after.clean_bytes >= 8u << 20);
}

static void *churn(void *argument)
{
    uint64_t random = 1 + (uintptr_t)argument;
    void *own[64] = {0};
    while (!shale_atomic_load_relaxed(&stop)) {
        size_t i = random_below(&random, 64);
        slab_free(own[i]);
        own[i] = slab_malloc(random_below(&random, 4) == 0 ? 100000 : random_below(&random, 3000));
    }
    for (size_t i = 0; i < 64; i++)
        slab_free(own[i]);
    return NULL;
}

/* Exact figures hold what the threads have; approximate ones are of that order. */
static void stats_while_threads_work_are_plausible(void **state)
{
    pthread_t threads[CHURNERS];
    uint64_t allocs = 0;
    (void)state;
    for (uintptr_t i = 0; i < CHURNERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, churn, (void *)i), 0);
    for (int i = 0; i < 300; i++) {
        struct shale_stats stats = take(i % 3 == 0);
        assert_true(stats.used_bytes + stats.dirty_bytes <= (uint64_t)512 << 20);
        assert_true(stats.slabs <= CHURNERS * 64ul * SLAB_CLASSES);
        assert_true(stats.large_blocks <= CHURNERS * 128ul);
        if (stats.exact) {
            assert_true(stats.live_blocks <= CHURNERS * 64ul);
            assert_true(stats.live_bytes <= CHURNERS * 64ul * (2ul * SLAB_UNIT_SIZE));
            assert_true(stats.allocs >= allocs);
            allocs = stats.allocs;
        }
    }
    shale_atomic_store_relaxed(&stop, true);
    for (uintptr_t i = 0; i < CHURNERS; i++)
        pthread_join(threads[i], NULL);
    (void)slab_give_back(SIZE_MAX);
    assert_int_equal(take(true).live_blocks, 0);
}

static void stats_exact_equal_a_known_population_while_others_work(void **state)
{
    pthread_t threads[CHURNERS];
    (void)state;
    shale_atomic_store_relaxed(&stop, false);
    for (int i = 0; i < COUNT; i++)
        blocks[i] = slab_malloc(5000); /* the others ask for less, or much more */
    for (uintptr_t i = 0; i < CHURNERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, churn, (void *)i), 0);
    for (int i = 0; i < 50; i++)
        assert_int_equal(take_class(5000).live_blocks, COUNT);
    shale_atomic_store_relaxed(&stop, true);
    for (uintptr_t i = 0; i < CHURNERS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < COUNT; i++)
        slab_free(blocks[i]);
}

/* Blocks of epochs are in the same figures, and what a closed epoch counted is not forgotten. */
static void stats_epochs_are_counted(void **state)
{
    struct shale_epoch_options region = {.kind = SHALE_EPOCH_REGION};
    shale_epoch slabs = 0;
    shale_epoch chunks = 0;
    (void)state;
    struct shale_stats before = take(true);
    assert_int_equal(shale_epoch_open(NULL, &slabs), 0);
    assert_int_equal(shale_epoch_open(&region, &chunks), 0);
    for (int i = 0; i < COUNT; i++)
        assert_non_null(shale_epoch_alloc(slabs, 5000));
    for (int i = 0; i < COUNT; i++)
        assert_non_null(shale_epoch_alloc(chunks, SIZE));
    for (int exact = 0; exact < 2; exact++) {
        struct shale_stats with = take(exact != 0);
        assert_int_equal(with.epochs, before.epochs + 2);
        assert_true(with.live_blocks >= before.live_blocks + COUNT);
        assert_true(with.allocs >= before.allocs + COUNT);
        assert_true(with.region_bytes >= (uint64_t)COUNT * SIZE);
        assert_true(with.used_bytes >= with.region_bytes + (uint64_t)COUNT * 5000);
    }
    assert_int_equal(take_class(5000).live_blocks, COUNT);
    assert_int_equal(shale_epoch_close(slabs, SHALE_EPOCH_DISCARD, 0), 0);
    assert_int_equal(shale_epoch_close(chunks, SHALE_EPOCH_DISCARD, 0), 0);
    struct shale_stats after = take(true);
    assert_int_equal(after.epochs, before.epochs);
    assert_int_equal(after.region_bytes, 0);
    assert_int_equal(take_class(5000).live_blocks, 0);
    assert_true(after.allocs >= before.allocs + COUNT);
}

static const struct slab_map *map_of_note(const ElfW(Nhdr) * note)
{
    const char *name = (const char *)(note + 1);
    if (note->n_namesz != sizeof SLAB_MAP_NOTE_NAME || note->n_type != SLAB_MAP_NOTE_TYPE ||
        note->n_descsz != 8 || strcmp(name, SLAB_MAP_NOTE_NAME) != 0)
        return NULL;
    int64_t distance;
    const char *content = name + SHALE_ALIGN_UP(note->n_namesz, 4u);
    memcpy(&distance, content, sizeof distance);
    return (const struct slab_map *)(const void *)(content + distance);
}

static int find_map(struct dl_phdr_info *object, size_t unused, void *found)
{
    (void)unused;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const char *at = (const char *)(object->dlpi_addr + object->dlpi_phdr[i].p_vaddr);
        const char *end = at + object->dlpi_phdr[i].p_memsz;
        if (object->dlpi_phdr[i].p_type != PT_NOTE || object->dlpi_phdr[i].p_align > 4)
            continue;
        while (at < end) {
            const ElfW(Nhdr) *note = (const ElfW(Nhdr) *)(const void *)at;
            if (map_of_note(note) != NULL)
                *(const struct slab_map **)found = map_of_note(note);
            at += sizeof *note + SHALE_ALIGN_UP(note->n_namesz, 4u) +
                  SHALE_ALIGN_UP(note->n_descsz, 4u);
        }
    }
    return 0;
}

static void map_is_found_by_its_note(void **state)
{
    const struct slab_map *map = NULL;
    (void)state;
    dl_iterate_phdr(find_map, (void *)&map);
    assert_ptr_equal(map, &slab_map);
    assert_int_equal(map->magic, SLAB_MAP_MAGIC);
    assert_int_equal(map->range, (uintptr_t)&slab_range);
}

static int refuse(const void *context, uint64_t address, void *out, size_t size)
{
    (void)context;
    (void)address;
    (void)out;
    (void)size;
    return SHALE_EGONE;
}

/* Plausible bytes, but for one number that no range has. */
static int lie(const void *context, uint64_t address, void *out, size_t size)
{
    memcpy(out, (const void *)(uintptr_t)address, size);
    if (address == slab_map.tally)
        ((struct slab_pool_tally *)out)->fresh[0] = *(const uint32_t *)context;
    return 0;
}

static void survey_of_nonsense_is_refused(void **state)
{
    static struct slab_stats stats;
    static const uint32_t beyond = 0x7fffffff;
    (void)state;
    struct slab_source source = {.read = refuse, .map = &slab_map};
    assert_int_equal(slab_survey(&source, &stats), SHALE_EGONE);
    source.read = lie;
    source.context = &beyond;
    assert_int_equal(slab_survey(&source, &stats), SHALE_EFORMAT);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(stats_before_the_first_block_are_zero),
    cmocka_unit_test(stats_of_one_thread_are_exact_either_way),
    cmocka_unit_test(stats_large_blocks_are_counted),
    cmocka_unit_test(stats_blocks_on_their_way_are_pending),
    cmocka_unit_test(stats_giving_back_is_counted),
    cmocka_unit_test(stats_while_threads_work_are_plausible),
    cmocka_unit_test(stats_exact_equal_a_known_population_while_others_work),
    cmocka_unit_test(stats_epochs_are_counted),
    cmocka_unit_test(map_is_found_by_its_note),
    cmocka_unit_test(survey_of_nonsense_is_refused),
};

RUN_TESTS("slab_stats")
