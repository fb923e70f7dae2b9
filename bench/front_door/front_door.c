/* SPDX-License-Identifier: MIT */
/*
 * What the front door costs over calling its backend by name: the same two loops both ways.
 *
 *   front_door_BACKEND [ROUNDS]        41 rounds by default, a few seconds
 *
 * A round measures direct, shale, shale, direct (so that a drift hits both), each long enough for a
 * few milliseconds of CPU time. Printed: the median time of a malloc-free pair each way, and of the
 * rounds' ratios the median with the first and third quartile. CPU time of the thread, because the
 * loop is one thread's work and the machine may be shared.
 *
 * The build gives DIRECT_HEADER, DIRECT_MALLOC and DIRECT_FREE, the backend's own names.
 */
#include DIRECT_HEADER
#include <shale/alloc.h> /* NOLINT(readability-duplicate-include): DIRECT_HEADER may be it */
#include <stdio.h>
#include <stdlib.h> /* NOLINT(readability-duplicate-include): DIRECT_HEADER may be it */
#include <time.h>

enum { BLOCK_BYTES = 64, BATCH = 1000, BATCHES = 100, ROUNDS_MAX = 1001 };

static void *blocks[BATCH];

/* The compiler may otherwise leave out a malloc and free pair. */
static inline void keep(void *block)
{
    __asm__ volatile("" : : "r"(block) : "memory");
}

#define PAIR_LOOPS(name, allocate, release)                                                        \
    static __attribute__((noinline)) void ping_pong_##name(void)                                   \
    {                                                                                              \
        for (int i = 0; i < BATCH * BATCHES; i++) {                                                \
            void *block = allocate(BLOCK_BYTES);                                                   \
            if (!block)                                                                            \
                abort();                                                                           \
            keep(block);                                                                           \
            release(block);                                                                        \
        }                                                                                          \
    }                                                                                              \
    static __attribute__((noinline)) void batch_##name(void)                                       \
    {                                                                                              \
        for (int round = 0; round < BATCHES; round++) {                                            \
            for (int i = 0; i < BATCH; i++) {                                                      \
                blocks[i] = allocate(BLOCK_BYTES);                                                 \
                if (!blocks[i])                                                                    \
                    abort();                                                                       \
            }                                                                                      \
            for (int i = 0; i < BATCH; i++)                                                        \
                release(blocks[i]);                                                                \
        }                                                                                          \
    }

PAIR_LOOPS(direct, DIRECT_MALLOC, DIRECT_FREE)
PAIR_LOOPS(shale, shale_alloc, shale_free)

/* Nanoseconds of CPU time for one pair. */
static double time_pair(void (*loop)(void))
{
    struct timespec start;
    struct timespec end;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
    loop();
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
    double ns = (double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec);
    return ns / (BATCH * BATCHES);
}

static int by_value(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Sorts the values; part is 0.5 for the median. */
static double quantile(double *values, int count, double part)
{
    qsort(values, (size_t)count, sizeof *values, by_value);
    return values[(int)(part * (count - 1) + 0.5)];
}

static void measure(const char *workload, void (*direct)(void), void (*shale)(void), int rounds)
{
    static double direct_ns[ROUNDS_MAX];
    static double shale_ns[ROUNDS_MAX];
    static double ratios[ROUNDS_MAX];
    direct(); /* warms up */
    shale();
    for (int i = 0; i < rounds; i++) {
        double first = time_pair(direct);
        shale_ns[i] = time_pair(shale);
        shale_ns[i] = (shale_ns[i] + time_pair(shale)) / 2;
        direct_ns[i] = (first + time_pair(direct)) / 2;
        ratios[i] = shale_ns[i] / direct_ns[i];
    }
    double low = quantile(ratios, rounds, 0.25);
    double high = quantile(ratios, rounds, 0.75);
    printf("%-10s %-10s %7.2f %7.2f   %.3f  (%.3f .. %.3f)\n", shale_backend_name(), workload,
           quantile(direct_ns, rounds, 0.5), quantile(shale_ns, rounds, 0.5),
           quantile(ratios, rounds, 0.5), low, high);
}

int main(int argc, char **argv)
{
    long rounds = argc > 1 ? strtol(argv[1], NULL, 10) : 41;
    if (rounds < 1 || rounds > ROUNDS_MAX) {
        fprintf(stderr, "front_door: rounds must be 1 to %d\n", ROUNDS_MAX);
        return 64;
    }
    printf("%-10s %-10s %7s %7s   shale/direct (quartiles)\n", "backend", "workload", "direct",
           "shale");
    measure("ping-pong", ping_pong_direct, ping_pong_shale, (int)rounds);
    measure("batch", batch_direct, batch_shale, (int)rounds);
    return 0;
}
