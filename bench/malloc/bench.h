/* SPDX-License-Identifier: MIT */
/*
 * What the workloads of the malloc suite share: the run's state, figures, random numbers, touch.
 *
 * One process runs one workload under whatever malloc it has, and prints one JSON object. The
 * programs call malloc and free as any program does: nothing here knows an allocator, but for the
 * purge calls that memory.c asks the dynamic linker for.
 *
 * A workload is a row of the table in workloads.c: functions, and the parameters they read. The
 * functions keep their own state in file-static variables (one process, one workload), and never
 * allocate it with malloc: bench_map() gives untimed memory straight from the operating system.
 */
#ifndef BENCH_MALLOC_BENCH_H
#define BENCH_MALLOC_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum bench_order { ORDER_FIFO, ORDER_LIFO, ORDER_RANDOM };

/* How much of a block the program writes after malloc. */
enum bench_touch {
    TOUCH_NONE,
    TOUCH_WORD, /* its first word, as a header or a link would be; read again before free */
    TOUCH_PAGE, /* a word in each 4 KiB */
    TOUCH_ALL,  /* every byte */
};

enum bench_call { CALL_MALLOC, CALL_CALLOC, CALL_ALIGNED };

struct bench_parameters {
    size_t size_min; /* bytes; sizes are drawn evenly from size_min..size_max */
    size_t size_max;
    bool size_logarithmic; /* evenly on a logarithmic scale */
    size_t live;           /* objects alive at a time (per thread) */
    size_t batch;          /* objects made before the first is freed */
    size_t payload_bytes;  /* of the memory workloads */
    uint64_t operations;   /* in a run of BENCH_SECONDS; 0: as many as fill it */
    unsigned survivors_percent;
    unsigned threads;
    enum bench_order order;
    enum bench_touch touch;
    enum bench_call call;
};

struct bench;

struct bench_workload {
    const char *name;
    const char *summary;
    const char *operation; /* what one operation is */
    struct bench_parameters parameters;
    void (*prepare)(struct bench *bench);                  /* untimed, may be NULL */
    void (*run)(struct bench *bench, uint64_t operations); /* timed by the driver */
    void (*measure)(struct bench *bench);                  /* in place of run: takes its own */
    bool wall; /* its cost is wall time: several threads side by side */
};

enum { BENCH_FIGURES_MAX = 32 };

#define BENCH_SECONDS 0.3 /* of a run, unless told otherwise */

struct bench_figure {
    const char *name; /* ends in its unit */
    double value;
};

struct bench {
    const struct bench_workload *workload;
    struct bench_parameters parameters; /* the row's, changed by the options */
    uint64_t seed;
    double seconds; /* CPU time that a timed run should take */
    uint64_t operations;
    double busiest_s; /* CPU time of the busiest thread in the last run; 0: not told */
    struct bench_figure figures[BENCH_FIGURES_MAX]; /* lower is better; the first one leads */
    size_t figure_count;
    struct bench_figure notes[BENCH_FIGURES_MAX]; /* what explains the figures */
    size_t note_count;
};

/* What a program of this kind is; main.c is the same in all. */
struct bench_program {
    const char *name;
    const struct bench_workload *workloads; /* ends with a NULL name */
    bool (*choose)(const char *subject);    /* false: there is none of that name; may be NULL */
    void (*print_subjects)(void);           /* may be NULL */
};

extern const struct bench_program bench_program;

void bench_figure(struct bench *bench, const char *name, double value);
void bench_note(struct bench *bench, const char *name, double value);

/* Times workload->run: warm-up and calibration, then one run of about bench->seconds. */
void bench_time(struct bench *bench);

/* The count of a workload that has a fixed one, scaled by bench->seconds, or as told; else 0. */
uint64_t bench_operations(const struct bench *bench);

/* Prints "PROGRAM: cannot WHAT" with errno's text and ends the process with 70. */
_Noreturn void bench_die(const char *what);

/*
 * Zeroed pages that no allocator knows of; never given back. What bench_memory_read says leaves
 * them out.
 */
void *bench_map(size_t bytes);

double bench_wall_s(void);
double bench_cpu_s(void); /* user and system time of the whole process */
double bench_thread_cpu_s(void);

/* This process's memory in KiB as the kernel says it, read without malloc. */
struct bench_memory {
    double rss_kib;
    double anonymous_kib;
    double huge_kib; /* anonymous, in huge pages */
    double peak_kib; /* the highest RSS so far */
};
void bench_memory_read(struct bench_memory *memory);

/* wyrand's step: a state of one word, good enough in every bit, about a nanosecond. */
static inline uint64_t bench_random(uint64_t *state)
{
    *state += 0xa0761d6478bd642fu;
    __uint128_t product = (__uint128_t)*state * (*state ^ 0xe7037ed1a0b428dbu);
    return (uint64_t)(product >> 64) ^ (uint64_t)product;
}

/* A number below `limit`, which is below 2^32. */
static inline size_t bench_below(uint64_t *state, size_t limit)
{
    return (size_t)(((bench_random(state) >> 32) * limit) >> 32);
}

static inline size_t bench_size(const struct bench_parameters *parameters, uint64_t *state)
{
    return parameters->size_min +
           bench_below(state, parameters->size_max - parameters->size_min + 1);
}

void bench_shuffle(uint32_t *items, size_t count, uint64_t *state);
size_t bench_size_logarithmic(const struct bench_parameters *parameters, uint64_t *state);

/* Writes the block as the row says; ends the process when the block is NULL. */
static inline void bench_touch(void *block, size_t size, enum bench_touch touch)
{
    if (!block)
        bench_die("allocate");
    volatile unsigned char *bytes = block;
    switch (touch) {
    case TOUCH_NONE:
        break;
    case TOUCH_WORD:
        *(volatile uint64_t *)block = size;
        break;
    case TOUCH_PAGE:
        for (size_t offset = 0; offset < size; offset += 4096)
            bytes[offset] = (unsigned char)size;
        break;
    case TOUCH_ALL:
        memset(block, (int)(size & 0xff), size);
        __asm__ volatile("" : : "r"(block) : "memory");
        break;
    }
}

/* Reads the block's first word, as a program that ends an object's life does, and frees it. */
static inline void bench_free(void *block, enum bench_touch touch)
{
    if (touch != TOUCH_NONE)
        (void)*(volatile uint64_t *)block;
    free(block);
}

/* The functions of the table's rows, by file. */
void pairs_prepare(struct bench *bench); /* pairs.c */
void pairs_run(struct bench *bench, uint64_t operations);
void pairs_batch_run(struct bench *bench, uint64_t operations);
void churn_prepare(struct bench *bench); /* churn.c */
void churn_run(struct bench *bench, uint64_t operations);
void churn_fill(const struct bench_parameters *parameters, void **objects, uint64_t *state);
void churn_replace(const struct bench_parameters *parameters, void **objects, uint64_t operations,
                   uint64_t *state);
void realloc_grow_run(struct bench *bench, uint64_t operations); /* resize.c */
void realloc_mesh_prepare(struct bench *bench);
void realloc_mesh_run(struct bench *bench, uint64_t operations);
void threads_prepare(struct bench *bench); /* threads.c */
void threads_producer_run(struct bench *bench, uint64_t operations);
void threads_producer_latency(struct bench *bench);
void threads_parallel_run(struct bench *bench, uint64_t operations);
void threads_larson_prepare(struct bench *bench);
void threads_larson_run(struct bench *bench, uint64_t operations);
void threads_churn_run(struct bench *bench, uint64_t operations);
void process_fork_run(struct bench *bench, uint64_t operations); /* process.c */
void process_start_run(struct bench *bench, uint64_t operations);
void process_idle_measure(struct bench *bench);
void latency_measure(struct bench *bench);   /* latency.c */
void survivors_measure(struct bench *bench); /* memory.c */
void phases_measure(struct bench *bench);

#endif
