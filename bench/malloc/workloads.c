/* SPDX-License-Identifier: MIT */
/* The table of workloads. The names are what `shale bench --workload` takes. */
#include "bench.h"

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)

#define PAIR "malloc+free pair"

/* clang-format off */
#define BATCH(count_name, count, order_name, free_order)                                           \
    {"batch-" count_name "-" order_name,                                                           \
     count_name " objects of 64 B, then all freed, " order_name, PAIR,                             \
     {.size_min = 64, .size_max = 64,   .batch = (count), .order = (free_order),                      \
      .threads = 1, .touch = TOUCH_WORD},                                                          \
     .prepare = pairs_prepare, .run = pairs_batch_run}

#define CHURN(title, says, count, min, max, write, ...)                                                   \
    {title, says, PAIR,                                                                            \
     {.size_min = (min), .size_max = (max), .live = (count), .threads = 1,                         \
      .touch = (write), __VA_ARGS__},                                                           \
     .prepare = churn_prepare, .run = churn_run}

#define SURVIVORS(percent)                                                                         \
    {"rss-survivors-" #percent,                                                                    \
     "RSS after 40 MiB of 16..1024 B were freed but for " #percent " %", "object",                 \
     {.size_min = 16, .size_max = 1024, .payload_bytes = 40 * MIB,                                 \
      .survivors_percent = (percent), .threads = 1, .touch = TOUCH_ALL},                           \
     .measure = survivors_measure}

static const struct bench_workload workloads[] = {
    {"ping-pong", "one object of 64 B, freed at once", PAIR,
     {.size_min = 64, .size_max = 64, .threads = 1, .touch = TOUCH_WORD},
     .run = pairs_run},
    {"ping-pong-mixed", "one object of 16..1024 B, freed at once", PAIR,
     {.size_min = 16, .size_max = 1024, .threads = 1, .touch = TOUCH_WORD},
     .run = pairs_run},
    BATCH("1000", 1000, "fifo", ORDER_FIFO),
    BATCH("1000", 1000, "lifo", ORDER_LIFO),
    BATCH("1000", 1000, "random", ORDER_RANDOM),
    BATCH("100k", 100000, "fifo", ORDER_FIFO),
    BATCH("100k", 100000, "lifo", ORDER_LIFO),
    BATCH("100k", 100000, "random", ORDER_RANDOM),
    {"request-1000-64-768", "1000 objects of 64..768 B, then all freed, as a request's are", PAIR,
     {.size_min = 64, .size_max = 768, .batch = 1000, .order = ORDER_FIFO, .threads = 1,
      .touch = TOUCH_WORD},
     .prepare = pairs_prepare, .run = pairs_batch_run},
    CHURN("churn-10k-64", "10k live objects of 64 B, replaced at random", 10000, 64, 64, TOUCH_WORD),
    CHURN("churn-10k-16-1024", "10k live objects of 16..1024 B, replaced at random",
          10000, 16, 1024, TOUCH_WORD),
    CHURN("churn-10k-64-768", "10k live objects of 64..768 B, replaced at random",
          10000, 64, 768, TOUCH_WORD),
    CHURN("churn-100k-16-1024", "100k live objects of 16..1024 B, replaced at random",
          100000, 16, 1024, TOUCH_WORD),
    CHURN("churn-100k-64-768", "100k live objects of 64..768 B, replaced at random",
          100000, 64, 768, TOUCH_WORD),
    CHURN("calloc", "10k live objects of 16..1024 B from calloc, replaced at random",
          10000, 16, 1024, TOUCH_WORD, .call = CALL_CALLOC),
    CHURN("calloc-large", "100 live objects of 64 KiB..1 MiB from calloc, replaced at random",
          100, 64 * KIB, MIB, TOUCH_PAGE, .call = CALL_CALLOC),
    CHURN("aligned", "1,000 live objects of 16..1024 B, aligned to 16..4096, replaced at random",
          1000, 16, 1024, TOUCH_WORD, .call = CALL_ALIGNED),
    CHURN("large", "16 live objects of 64 KiB..32 MiB, every page written, replaced at random",
          16, 64 * KIB, 32 * MIB, TOUCH_PAGE, .size_logarithmic = true, .operations = 400),
    CHURN("large-untouched", "16 live objects of 64 KiB..32 MiB, replaced at random",
          16, 64 * KIB, 32 * MIB, TOUCH_WORD, .size_logarithmic = true, .operations = 50000),
    {"realloc-growth", "a buffer that grows by half from 16 B to 1 MiB, then anew", "realloc",
     {.size_min = 16, .size_max = MIB, .threads = 1, .touch = TOUCH_ALL},
     .run = realloc_grow_run},
    {"realloc-interleaved", "1,000 buffers that double from 16 B to 64 KiB in random turn",
     "realloc",
     {.size_min = 16, .size_max = 64 * KIB, .live = 1000, .threads = 1, .touch = TOUCH_ALL},
     .prepare = realloc_mesh_prepare, .run = realloc_mesh_run},
    {"producer-consumer-64", "objects of 64 B, made by one thread, freed by another", PAIR,
     {.size_min = 64, .size_max = 64, .threads = 2, .touch = TOUCH_WORD},
     .prepare = threads_prepare, .run = threads_producer_run, .wall = true},
    {"producer-consumer-64-768", "objects of 64..768 B, made by one thread, freed by another",
     PAIR,
     {.size_min = 64, .size_max = 768, .threads = 2, .touch = TOUCH_WORD},
     .prepare = threads_prepare, .run = threads_producer_run, .wall = true},
    {"parallel-churn", "2 threads, each with 10k live objects of 16..1024 B of its own", PAIR,
     {.size_min = 16, .size_max = 1024, .live = 10000, .threads = 2, .touch = TOUCH_WORD,
      .operations = 16000000},
     .prepare = threads_prepare, .run = threads_parallel_run, .wall = true},
    {"larson", "8 threads; each inherits 1,000 objects of 16..1024 B, replaces, leaves them", PAIR,
     {.size_min = 16, .size_max = 1024, .live = 1000, .threads = 8, .touch = TOUCH_WORD},
     .prepare = threads_larson_prepare, .run = threads_larson_run, .wall = true},
    {"thread-churn", "threads that allocate 64 objects and end; half are freed by another",
     "thread",
     {.size_min = 16, .size_max = 1024, .live = 64, .threads = 1, .touch = TOUCH_WORD},
     .prepare = threads_prepare, .run = threads_churn_run},
    {"fork", "fork with 100k live objects; the child allocates 64 and ends", "fork",
     {.size_min = 16, .size_max = 1024, .live = 100000, .threads = 1, .touch = TOUCH_WORD},
     .prepare = churn_prepare, .run = process_fork_run},
    {"start-up", "the whole life of 'true' under the same environment", "process",
     {.threads = 1}, .run = process_start_run},
    {"idle", "memory of a process that has allocated once", "process",
     {.size_min = 64, .size_max = 64, .threads = 1, .touch = TOUCH_WORD},
     .measure = process_idle_measure},
    {"latency-64-768", "single calls, 100k live objects of 64..768 B, replaced at random", "call",
     {.size_min = 64, .size_max = 768, .live = 100000, .threads = 1, .touch = TOUCH_WORD,
      .operations = 1000000},
     .measure = latency_measure},
    {"latency-16-1024", "single calls, 100k live objects of 16..1024 B, replaced at random",
     "call",
     {.size_min = 16, .size_max = 1024, .live = 100000, .threads = 1, .touch = TOUCH_WORD,
      .operations = 1000000},
     .measure = latency_measure},
    {"latency-producer-consumer",
     "single calls; objects of 64..768 B, made by one thread, freed by another", "call",
     {.size_min = 64, .size_max = 768, .threads = 2, .touch = TOUCH_WORD,
      .operations = 1000000},
     .prepare = threads_prepare, .measure = threads_producer_latency},
    SURVIVORS(0),
    SURVIVORS(1),
    SURVIVORS(10),
    {"rss-phases", "RSS of 50k live objects through phases of 4 ranges of size", PAIR,
     {.size_min = 32, .size_max = 64, .live = 50000, .threads = 1, .touch = TOUCH_ALL},
     .measure = phases_measure},
    {NULL},
};
/* clang-format on */

const struct bench_program bench_program = {.name = "malloc-bench", .workloads = workloads};
