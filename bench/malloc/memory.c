/* SPDX-License-Identifier: MIT */
/* RSS: after nearly all of a payload was freed, and over a long churn. */
#include <dlfcn.h>
#include <time.h>

#include "bench.h"

static void **blocks;
static size_t *sizes;
static uint32_t *free_order; /* a permutation of the indices of blocks */

static void sleep_ms(long milliseconds)
{
    struct timespec duration = {.tv_sec = milliseconds / 1000,
                                .tv_nsec = milliseconds % 1000 * 1000000};
    nanosleep(&duration, NULL);
}

/* Half as many again as evenly drawn sizes need. */
static size_t map_index(const struct bench_parameters *parameters)
{
    size_t average = (parameters->size_min + parameters->size_max) / 2;
    size_t most = parameters->payload_bytes / average * 3 / 2;
    blocks = bench_map(most * sizeof *blocks);
    sizes = bench_map(most * sizeof *sizes);
    free_order = bench_map(most * sizeof *free_order);
    return most;
}

static size_t fill(const struct bench_parameters *parameters, size_t most, uint64_t *state)
{
    size_t count = 0;
    for (size_t bytes = 0; bytes < parameters->payload_bytes && count < most; count++) {
        sizes[count] = bench_size(parameters, state);
        blocks[count] = malloc(sizes[count]);
        bench_touch(blocks[count], sizes[count], parameters->touch);
        bytes += sizes[count];
    }
    return count;
}

/* Frees all but the survivors in random order; returns the survivors' bytes. */
static size_t release(const struct bench_parameters *parameters, size_t count, uint64_t *state)
{
    size_t survivors = count * parameters->survivors_percent / 100;
    size_t survived_bytes = 0;
    for (size_t i = 0; i < count; i++)
        free_order[i] = (uint32_t)i;
    bench_shuffle(free_order, count, state);
    for (size_t i = 0; i < survivors; i++)
        survived_bytes += sizes[free_order[i]];
    for (size_t i = survivors; i < count; i++)
        bench_free(blocks[free_order[i]], parameters->touch);
    return survived_bytes;
}

enum { IDLE_STEPS = 100, IDLE_STEP_MS = 10 };

/*
 * A second of light work in a run of BENCH_SECONDS: what an allocator gives back by time, it gives
 * back in such calls. Returns the milliseconds.
 */
static double idle_with_light_work(const struct bench *bench, uint64_t *state)
{
    const struct bench_parameters *parameters = &bench->parameters;
    unsigned steps = (unsigned)(IDLE_STEPS * bench->seconds / BENCH_SECONDS);
    for (unsigned step = 0; step < steps; step++) {
        size_t size = bench_size(parameters, state);
        void *block = malloc(size);
        bench_touch(block, size, parameters->touch);
        bench_free(block, parameters->touch);
        sleep_ms(IDLE_STEP_MS);
    }
    return steps * IDLE_STEP_MS;
}

/*
 * The allocator's own call that gives memory back; which one the process has is the dynamic
 * linker's answer. glibc's malloc_trim comes last: it is there under every allocator.
 */
static bool purge(void)
{
    int (*shale)(size_t, uint64_t);
    void (*mimalloc)(bool);
    void (*tcmalloc)(void);
    int (*jemalloc)(const char *, void *, size_t *, void *, size_t);
    int (*glibc)(size_t);
    if ((shale = (int (*)(size_t, uint64_t))dlsym(RTLD_DEFAULT, "shale_reclaim")))
        return shale(SIZE_MAX, UINT64_MAX) >= 0;
    if ((mimalloc = (void (*)(bool))dlsym(RTLD_DEFAULT, "mi_collect"))) {
        mimalloc(true);
        return true;
    }
    if ((tcmalloc = (void (*)(void))dlsym(RTLD_DEFAULT, "MallocExtension_ReleaseFreeMemory"))) {
        tcmalloc();
        return true;
    }
    if ((jemalloc = (int (*)(const char *, void *, size_t *, void *, size_t))dlsym(RTLD_DEFAULT,
                                                                                   "mallctl")))
        /* 4096 is MALLCTL_ARENAS_ALL */
        return jemalloc("thread.tcache.flush", NULL, NULL, NULL, 0) == 0 &&
               jemalloc("arena.4096.purge", NULL, NULL, NULL, 0) == 0;
    if ((glibc = (int (*)(size_t))dlsym(RTLD_DEFAULT, "malloc_trim")))
        return glibc(0) >= 0;
    return false;
}

void survivors_measure(struct bench *bench)
{
    const struct bench_parameters *parameters = &bench->parameters;
    uint64_t state = bench->seed;
    struct bench_memory before, loaded, freed, idle, purged;
    size_t most = map_index(parameters);
    bench_memory_read(&before); /* now its own pages are in */
    bench_memory_read(&before);
    size_t count = fill(parameters, most, &state);
    bench_memory_read(&loaded);
    size_t survived = release(parameters, count, &state);
    bench_memory_read(&freed);
    double idle_ms = idle_with_light_work(bench, &state);
    bench_memory_read(&idle);
    bool has_purge = purge();
    bench_memory_read(&purged);
    bench->operations = count;
    bench_figure(bench, "rss_freed_kib", freed.rss_kib);
    bench_figure(bench, "rss_idle_kib", idle.rss_kib);
    if (has_purge)
        bench_figure(bench, "rss_purged_kib", purged.rss_kib);
    bench_figure(bench, "rss_loaded_kib", loaded.rss_kib);
    bench_note(bench, "rss_before_kib", before.rss_kib);
    bench_note(bench, "idle_ms", idle_ms);
    bench_note(bench, "payload_kib", (double)parameters->payload_bytes / 1024);
    bench_note(bench, "survivors_kib", (double)survived / 1024);
    bench_note(bench, "huge_loaded_kib", loaded.huge_kib);
    bench_note(bench, "huge_freed_kib", freed.huge_kib);
}

/*
 * Phases that each live on other sizes: what one phase freed serves the next only as far as the
 * allocator can turn memory of one size class into another's.
 */
void phases_measure(struct bench *bench)
{
    enum { PHASES = 8, ROUNDS = 4 };
    const struct bench_parameters *parameters = &bench->parameters;
    uint64_t state = bench->seed;
    struct bench_memory memory;
    double sum = 0;
    size_t count = parameters->live;
    blocks = bench_map(count * sizeof *blocks);
    sizes = bench_map(count * sizeof *sizes);
    for (unsigned phase = 0; phase < PHASES; phase++) {
        size_t low = parameters->size_min << phase % 4;
        for (size_t i = 0; i < count * ROUNDS; i++) {
            size_t slot = bench_below(&state, count);
            free(blocks[slot]);
            sizes[slot] = low + bench_below(&state, low);
            blocks[slot] = malloc(sizes[slot]);
            bench_touch(blocks[slot], sizes[slot], parameters->touch);
        }
        bench_memory_read(&memory);
        sum += memory.rss_kib;
    }
    bench->operations = (uint64_t)count * ROUNDS * PHASES;
    bench_figure(bench, "rss_mean_kib", sum / PHASES);
    bench_figure(bench, "rss_peak_kib", memory.peak_kib);
    size_t live = 0;
    for (size_t i = 0; i < count; i++)
        live += blocks[i] ? sizes[i] : 0;
    bench_note(bench, "live_kib", (double)live / 1024);
}
