/* SPDX-License-Identifier: MIT */
/* Measuring equipment: clocks, memory as the kernel says it, and the timed run. */
#include <fcntl.h>
#include <math.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

static size_t mapped_bytes;

/* Small pages, all of them in: what is read of the process's memory can then leave them out. */
void *bench_map(size_t bytes)
{
    size_t rounded = (bytes + 4095) & ~(size_t)4095;
    void *memory = mmap(NULL, rounded, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        bench_die("map memory");
    madvise(memory, rounded, MADV_NOHUGEPAGE);
    memset(memory, 1, rounded);
    memset(memory, 0, rounded);
    mapped_bytes += rounded;
    return memory;
}

static double read_clock(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

double bench_wall_s(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

double bench_cpu_s(void)
{
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

double bench_thread_cpu_s(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

/* The whole file with a final zero; the files of /proc read here fit. */
static void read_text(const char *path, char *text, size_t capacity)
{
    size_t length = 0;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        bench_die(path);
    for (ssize_t got = 1; got > 0 && length < capacity - 1; length += (size_t)got) {
        got = read(file, text + length, capacity - 1 - length);
        if (got < 0)
            bench_die(path);
    }
    text[length] = 0;
    close(file);
}

static double field_kib(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    return at ? (double)strtoull(at + strlen(name), NULL, 10) : 0;
}

/* smaps_rollup walks the page tables; the counters in status may lag by some hundred pages. */
void bench_memory_read(struct bench_memory *memory)
{
    static char text[8192];
    read_text("/proc/self/smaps_rollup", text, sizeof text);
    double own_kib = (double)mapped_bytes / 1024;
    memory->rss_kib = field_kib(text, "\nRss:") - own_kib;
    memory->anonymous_kib = field_kib(text, "\nAnonymous:") - own_kib;
    memory->huge_kib = field_kib(text, "\nAnonHugePages:");
    read_text("/proc/self/status", text, sizeof text);
    memory->peak_kib = fmax(field_kib(text, "\nVmHWM:") - own_kib, memory->rss_kib);
}

size_t bench_size_logarithmic(const struct bench_parameters *parameters, uint64_t *state)
{
    double unit = (double)(bench_random(state) >> 11) * 0x1p-53;
    double low = (double)parameters->size_min;
    return (size_t)(low * pow((double)parameters->size_max / low, unit));
}

void bench_shuffle(uint32_t *items, size_t count, uint64_t *state)
{
    for (size_t left = count; left > 1; left--) {
        size_t other = bench_below(state, left);
        uint32_t item = items[left - 1];
        items[left - 1] = items[other];
        items[other] = item;
    }
}

struct sample {
    double wall_s, cpu_s;
    struct rusage usage;
};

/* Children's CPU time counts once they were waited for. */
static struct sample take_sample(void)
{
    struct sample sample;
    struct rusage children;
    getrusage(RUSAGE_SELF, &sample.usage);
    getrusage(RUSAGE_CHILDREN, &children);
    sample.cpu_s = bench_cpu_s() + (double)(children.ru_utime.tv_sec + children.ru_stime.tv_sec) +
                   (double)(children.ru_utime.tv_usec + children.ru_stime.tv_usec) * 1e-6;
    sample.wall_s = bench_wall_s();
    return sample;
}

/* The CPU time of a run. */
static double time_run(struct bench *bench, uint64_t operations)
{
    double start = take_sample().cpu_s;
    bench->workload->run(bench, operations);
    return take_sample().cpu_s - start;
}

/* A batch is never cut. */
static uint64_t round_up(uint64_t operations, size_t batch)
{
    uint64_t unit = batch ? batch : 1;
    return (operations + unit - 1) / unit * unit;
}

/*
 * Doubles the count until a run takes a tenth of the goal: warm-up and calibration at once. By CPU
 * time: a run that only waited for a busy machine must not look long enough.
 */
static uint64_t calibrate(struct bench *bench)
{
    uint64_t operations = round_up(1, bench->parameters.batch);
    double seconds = time_run(bench, operations);
    while (seconds < bench->seconds * 0.1) {
        operations *= 2;
        seconds = time_run(bench, operations);
    }
    return (uint64_t)((double)operations * bench->seconds / seconds) + 1;
}

uint64_t bench_operations(const struct bench *bench)
{
    if (bench->operations)
        return bench->operations;
    double scale = bench->seconds / BENCH_SECONDS;
    return (uint64_t)ceil((double)bench->parameters.operations * scale);
}

void bench_time(struct bench *bench)
{
    uint64_t operations = bench_operations(bench);
    if (operations)
        bench->workload->run(bench, operations / 10 + 1);
    else
        operations = calibrate(bench);
    operations = round_up(operations, bench->parameters.batch);
    bench->operations = operations;
    struct sample start = take_sample();
    bench->workload->run(bench, operations);
    struct sample end = take_sample();
    double wall = end.wall_s - start.wall_s;
    double cpu = end.cpu_s - start.cpu_s;
    double scale = 1e9 / (double)operations;
    bench_figure(bench, "time_ns", (bench->workload->wall ? wall : cpu) * scale);
    if (bench->busiest_s > 0)
        bench_figure(bench, "busiest_thread_ns", bench->busiest_s * scale);
    bench_note(bench, "wall_ns", wall * scale);
    bench_note(bench, "cpu_ns", cpu * scale);
    bench_note(bench, "cores", cpu / wall);
    bench_note(bench, "page_faults", (double)(end.usage.ru_minflt - start.usage.ru_minflt));
    bench_note(bench, "preemptions", (double)(end.usage.ru_nivcsw - start.usage.ru_nivcsw));
}
