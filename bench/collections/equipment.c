/* SPDX-License-Identifier: MIT */
/* Threads, clocks, memory and figures. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/atomic.h"
#include "base/clock.h"
#include "workload.h"

enum { EXIT_BROKEN = 70 };

_Noreturn void fail(const char *what)
{
    fprintf(stderr, "collections-bench: cannot %s\n", what);
    exit(EXIT_BROKEN);
}

double seconds_of(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

double rss_bytes(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file || fscanf(file, "%*s %ld", &pages) != 1)
        fail("read /proc/self/statm");
    fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

/* ---- threads ---- */

void crew_wait_start(struct crew *crew)
{
    pthread_barrier_wait(&crew->start);
}

static void *begin(void *argument)
{
    struct member *member = argument;
    member->crew->work(member);
    return NULL;
}

static void sleep_for(double seconds)
{
    struct timespec span = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    while (nanosleep(&span, &span) != 0)
        ;
}

static void run_once(struct crew *crew, unsigned count, double seconds)
{
    if (crew->prepare)
        crew->prepare();
    shale_atomic_store_relaxed(&crew->stop, false);
    pthread_barrier_init(&crew->start, NULL, count + 1);
    for (unsigned i = 0; i < count; i++) {
        struct member *member = &crew->members[i];
        *member = (struct member){.crew = crew, .index = i};
        if (pthread_create(&member->thread, NULL, begin, member) != 0)
            fail("start a thread");
    }
    crew_wait_start(crew); /* all of them have warmed up */
    double cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    double wall = seconds_of(CLOCK_MONOTONIC);
    sleep_for(seconds);
    shale_atomic_store_relaxed(&crew->stop, true);
    for (unsigned i = 0; i < count; i++)
        pthread_join(crew->members[i].thread, NULL);
    crew->wall_s = seconds_of(CLOCK_MONOTONIC) - wall;
    crew->cpu_s = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    pthread_barrier_destroy(&crew->start);
}

void crew_run(struct crew *crew, unsigned count, void (*work)(struct member *), double seconds)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    double most = count < cpus ? count : (double)cpus;
    crew->work = work;
    crew->count = count;
    for (int tries = 0; tries < TRIES; tries++) {
        run_once(crew, count, seconds);
        if (crew->cpu_s / crew->wall_s > 0.9 * most)
            break;
    }
}

/* ---- figures ---- */

void result_figure(struct result *result, const char *name, double value)
{
    result->figures[result->figure_count++] = (struct figure){name, value};
}

void result_note(struct result *result, const char *name, double value)
{
    result->notes[result->note_count++] = (struct figure){name, value};
}

void result_of_crew(struct result *result, const struct crew *crew, uint64_t operations)
{
    result->operations = operations;
    if (operations == 0)
        fail("finish an operation in that time");
    result_figure(result, "time_ns", crew->wall_s * 1e9 / (double)operations);
    result_note(result, "cores", crew->cpu_s / crew->wall_s);
}

void result_percentiles(struct result *result, const struct shale_histogram *ticks)
{
    static const struct {
        const char *name;
        double percent;
    } rows[] = {{"call_p50_ns", 50}, {"call_p99_ns", 99}, {"call_p999_ns", 99.9}};
    struct shale_clock_floor floor;
    shale_clock_measure_floor(&floor);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t ns = shale_clock_ticks_to_ns(shale_histogram_percentile(ticks, rows[i].percent));
        result_figure(result, rows[i].name,
                      ns > floor.median_ns ? (double)(ns - floor.median_ns) : 0);
    }
}
