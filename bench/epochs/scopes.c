/* SPDX-License-Identifier: MIT */
/* Workloads of scopes: how fast they fill and end, and what many of them cost in memory. */
#include <math.h>

#include "scopes.h"

enum { SIZES = 1 << 14 }; /* drawn once; a scope takes them from a place of its own */

static uint16_t *sizes;

void scopes_prepare(struct bench *bench)
{
    uint64_t state = bench->seed;
    size_t longest = bench->parameters.batch > bench->parameters.live ? bench->parameters.batch
                                                                      : bench->parameters.live;
    sizes = bench_map((SIZES + longest) * sizeof *sizes);
    for (size_t i = 0; i < SIZES + longest; i++)
        sizes[i] = (uint16_t)bench_size(&bench->parameters, &state);
}

static const uint16_t *some_sizes(uint64_t *state)
{
    return &sizes[bench_below(state, SIZES)];
}

/* A scope per batch, as a request has it. */
void scopes_run(struct bench *bench, uint64_t operations)
{
    size_t batch = bench->parameters.batch;
    uint64_t state = bench->seed;
    for (uint64_t done = 0; done < operations; done += batch) {
        void *scope = subject->open();
        subject->close(scope, subject->fill(scope, some_sizes(&state), batch));
    }
}

static void *end_and_go_on(void *scope, struct object *list)
{
    if (subject->again)
        return subject->again(scope, list);
    subject->close(scope, list);
    return subject->open();
}

/* One scope that is used again and again, as for the frames of a game. */
void scopes_frames_run(struct bench *bench, uint64_t operations)
{
    size_t batch = bench->parameters.batch;
    uint64_t state = bench->seed;
    void *scope = subject->open();
    for (uint64_t done = 0; done < operations; done += batch)
        scope = end_and_go_on(scope, subject->fill(scope, some_sizes(&state), batch));
    subject->close(scope, NULL);
}

static int by_value(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

/* What a run of BENCH_SECONDS has, fewer in a short run. */
static size_t scaled(const struct bench *bench)
{
    return (size_t)((double)bench->parameters.live * fmin(1, bench->seconds / BENCH_SECONDS)) + 1;
}

/* How long the end of a filled scope takes, in CPU time; the memory is kept for the next. */
void scopes_discard_measure(struct bench *bench)
{
    enum { TURNS = 15 };
    double times[TURNS];
    size_t count = scaled(bench);
    void *scope = subject->open();
    scope = end_and_go_on(scope, subject->fill(scope, sizes, count));
    for (int i = 0; i < TURNS; i++) {
        struct object *list = subject->fill(scope, sizes, count);
        double start = bench_thread_cpu_s();
        scope = end_and_go_on(scope, list);
        times[i] = (bench_thread_cpu_s() - start) * 1e9;
    }
    subject->close(scope, NULL);
    qsort(times, TURNS, sizeof *times, by_value);
    bench->operations = TURNS * (uint64_t)count;
    bench_figure(bench, "discard_ns", times[TURNS / 2]);
    bench_note(bench, "discard_best_ns", times[0]);
    bench_note(bench, "discard_worst_ns", times[TURNS - 1]);
}

/* ---- many at once ---- */

struct many {
    void **scopes;
    struct object **lists;
    size_t count;
    size_t objects;
    double payload_kib;
};

static double open_all(struct many *many, struct shale_histogram *opens)
{
    uint64_t all = shale_clock_monotonic_ns();
    for (size_t i = 0; i < many->count; i++) {
        uint64_t start = shale_clock_ticks();
        many->scopes[i] = subject->open();
        shale_histogram_record(opens, shale_clock_ticks() - start);
    }
    return (double)(shale_clock_monotonic_ns() - all);
}

/* Every scope until its objects are `bytes`. */
static double fill_all(struct many *many, size_t bytes, uint64_t *state)
{
    double spent = 0;
    for (size_t i = 0; i < many->count; i++) {
        const uint16_t *own = some_sizes(state);
        size_t count = 0;
        size_t sum = 0;
        for (; sum < bytes; sum += own[count++])
            continue;
        uint64_t start = shale_clock_monotonic_ns();
        many->lists[i] = subject->fill(many->scopes[i], own, count);
        spent += (double)(shale_clock_monotonic_ns() - start);
        for (struct object *object = many->lists[i]; object; object = object->next)
            memset(object + 1, 1, own[--count] - sizeof *object);
        many->payload_kib += (double)sum / 1024;
    }
    return spent;
}

static size_t count_objects(const struct many *many)
{
    size_t count = 0;
    for (size_t i = 0; i < many->count; i++)
        for (const struct object *object = many->lists[i]; object; object = object->next)
            count++;
    return count;
}

static double close_all(const struct many *many)
{
    uint64_t start = shale_clock_monotonic_ns();
    for (size_t i = 0; i < many->count; i++)
        subject->close(many->scopes[i], many->lists[i]);
    return (double)(shale_clock_monotonic_ns() - start);
}

void scopes_many_measure(struct bench *bench)
{
    struct bench_memory before, full, after;
    uint64_t state = bench->seed;
    struct many many = {.count = scaled(bench)};
    struct shale_histogram *opens = bench_map(sizeof *opens);
    if (subject->scopes_max && many.count > subject->scopes_max)
        many.count = subject->scopes_max;
    many.scopes = bench_map(many.count * sizeof *many.scopes);
    many.lists = bench_map(many.count * sizeof(void *));
    shale_clock_start();
    subject->close(subject->open(), NULL);
    bench_memory_read(&before);
    double opening = open_all(&many, opens);
    double filling = fill_all(&many, bench->parameters.payload_bytes, &state);
    bench_memory_read(&full);
    many.objects = count_objects(&many);
    double closing = close_all(&many);
    if (subject->purge)
        subject->purge();
    bench_memory_read(&after);
    bench->operations = many.objects;
    bench_figure(bench, "time_ns", (opening + filling + closing) / (double)many.objects);
    bench_figure(bench, "open_p50_ns",
                 (double)shale_clock_ticks_to_ns(shale_histogram_percentile(opens, 50)));
    bench_figure(bench, "close_ns", closing / (double)many.count);
    bench_figure(bench, "rss_full_kib", full.rss_kib - before.rss_kib);
    bench_figure(bench, "rss_left_kib", fmax(0, after.rss_kib - before.rss_kib));
    bench_note(bench, "payload_kib", many.payload_kib);
    bench_note(bench, "overhead_percent",
               100 * ((full.rss_kib - before.rss_kib) / many.payload_kib - 1));
    bench_note(bench, "scopes", (double)many.count);
}

/* ---- single calls ---- */

static void replace(const struct bench_parameters *parameters, void *scope, void **objects,
                    struct latency *latency, uint64_t operations, uint64_t *state)
{
    for (uint64_t i = 0; i < operations; i++) {
        size_t slot = bench_below(state, parameters->live);
        size_t size = bench_size(parameters, state);
        (void)*(volatile uint64_t *)objects[slot];
        uint64_t start = shale_clock_ticks();
        subject->free(scope, objects[slot]);
        uint64_t freed = shale_clock_ticks();
        uint64_t again = shale_clock_ticks();
        objects[slot] = subject->alloc(scope, size);
        uint64_t end = shale_clock_ticks();
        bench_touch(objects[slot], size, parameters->touch);
        if (latency == NULL)
            continue;
        shale_histogram_record(&latency->frees, freed - start);
        shale_histogram_record(&latency->floor, again - freed);
        shale_histogram_record(&latency->mallocs, end - again);
    }
}

/* As the malloc suite's latency workloads, in a scope. */
void scopes_latency_measure(struct bench *bench)
{
    const struct bench_parameters *parameters = &bench->parameters;
    uint64_t state = bench->seed;
    struct latency *latency = latency_new();
    void **objects = bench_map(parameters->live * sizeof *objects);
    void *scope = subject->open();
    for (size_t i = 0; i < parameters->live; i++) {
        size_t size = bench_size(parameters, &state);
        objects[i] = subject->alloc(scope, size);
        bench_touch(objects[i], size, parameters->touch);
    }
    replace(parameters, scope, objects, NULL, 4 * parameters->live, &state);
    bench->operations = bench_operations(bench);
    replace(parameters, scope, objects, latency, bench->operations, &state);
    latency_report(latency, bench);
}
