/* SPDX-License-Identifier: MIT */
/*
 * shale-trace: records what a program does with malloc, and does it again under any allocator.
 *
 *   shale-trace record -o FILE [-c] -- CMD...   -c: its children too, in FILE.PID
 *   shale-trace show FILE
 *   shale-trace replay [--json] [--samples N] [--repeat N] [--one-thread] FILE
 *
 * Statuses: 0; 1: an allocation failed in the replay, or a block was not what was written to it;
 * 64 a wrong command line; 65 the file; 70 no memory or threads; of `record` 126 and 127 as env's.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/net.h"
#include "replay.h"

enum { USAGE = 64, DATA = 65, INTERNAL = 70, NOT_EXECUTABLE = 126, NOT_FOUND = 127 };

static int usage(void)
{
    fputs("usage: shale-trace record -o FILE [-c] -- CMD...\n"
          "       shale-trace show FILE\n"
          "       shale-trace replay [--json] [--samples N] [--repeat N] [--one-thread] FILE\n",
          stderr);
    return USAGE;
}

static int fail(int status, const char *file, const char *reason)
{
    fprintf(stderr, "shale-trace: '%s': %s\n", file, reason);
    return status;
}

/* -------------------------------------------------------------------------------- record */

/* The recorder lies beside this program. */
static bool find_recorder(char *path, size_t size)
{
    char own[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);
    if (length <= 0)
        return false;
    own[length] = '\0';
    *strrchr(own, '/') = '\0';
    int written = snprintf(path, size, "%s/libshale-trace.so", own);
    return written > 0 && (size_t)written < size && access(path, R_OK) == 0;
}

static bool set_environment(const char *recorder, const char *file, bool children)
{
    char preload[3 * PATH_MAX], folder[PATH_MAX], path[2 * PATH_MAX];
    const char *before = getenv("LD_PRELOAD");
    snprintf(preload, sizeof preload, "%s%s%s", recorder, before ? ":" : "", before ? before : "");
    if (file[0] == '/')
        snprintf(path, sizeof path, "%s", file);
    else if (getcwd(folder, sizeof folder))
        snprintf(path, sizeof path, "%s/%s", folder, file);
    else
        return false;
    char own[32];
    snprintf(own, sizeof own, "%ld", (long)getpid()); /* which an exec keeps */
    return setenv("SHALE_TRACE_PID", children ? "" : own, 1) == 0 &&
           setenv("LD_PRELOAD", preload, 1) == 0 && setenv("SHALE_TRACE", path, 1) == 0;
}

static int record(int argc, char **argv)
{
    char recorder[PATH_MAX];
    const char *file = NULL;
    bool children = false;
    for (int option; (option = getopt(argc, argv, "+co:")) != -1;) {
        if (option == 'c')
            children = true;
        else if (option == 'o')
            file = optarg;
        else
            return usage();
    }
    if (!file || optind == argc)
        return usage();
    if (access(file, F_OK) == 0)
        return fail(USAGE, file, "it exists; give the trace another name, or remove it");
    if (!find_recorder(recorder, sizeof recorder))
        return fail(INTERNAL, "libshale-trace.so", "it is not beside this program");
    if (!set_environment(recorder, file, children))
        return fail(INTERNAL, file, strerror(errno));
    execvp(argv[optind], argv + optind);
    int error = errno;
    return fail(error == ENOENT ? NOT_FOUND : NOT_EXECUTABLE, argv[optind], strerror(error));
}

/* ------------------------------------------------------------------------- show and replay */

static bool load(const char *file, struct trace *trace, struct steps *steps)
{
    char reason[256];
    if (!trace_read(file, trace, reason, sizeof reason)) {
        fail(DATA, file, reason);
        return false;
    }
    if (trace->note[0])
        fail(0, file, trace->note);
    if (steps_make(trace, steps, reason, sizeof reason))
        return true;
    fail(DATA, file, reason);
    trace_free(trace);
    return false;
}

static void show_counts(const struct trace *trace, const struct steps *steps)
{
    static const char *const states[] = {"killed, or still running", "ended", "could not write on"};
    const struct trace_header *header = &trace->header;
    const struct step *all = steps->table.memory;
    size_t counts[TRACE_REALLOCED + 1] = {0};
    for (size_t i = 0; i < steps->count; i++)
        counts[all[i].operation]++;
    printf("program       %s\nprocess       %" PRIu32 ", %s\n", header->program, header->pid,
           header->state < 3 ? states[header->state] : "?");
    printf("events        %zu, %" PRIu32 " threads\n", trace->count, steps->threads);
    printf("allocations   %zu malloc, %zu calloc, %zu aligned, %zu resized\n", counts[TRACE_MALLOC],
           counts[TRACE_CALLOC], counts[TRACE_ALIGNED], counts[TRACE_REALLOCED]);
    printf("frees         %zu, and %zu of blocks from before or from elsewhere\n",
           counts[TRACE_FREE], steps->foreign);
    printf("missed        %" PRIu64 " calls, %zu frees\n", header->missed, steps->unfreed);
    printf("live at most  %" PRIu64 " bytes in %" PRIu32 " blocks\n", steps->live_max,
           steps->slots);
}

static int show(int argc, char **argv)
{
    struct trace trace;
    struct steps steps;
    if (argc != 2)
        return usage();
    if (!load(argv[1], &trace, &steps))
        return DATA;
    show_counts(&trace, &steps);
    trace_free(&trace);
    steps_free(&steps);
    return EXIT_SUCCESS;
}

static void print_json(const struct steps *steps, const struct replay_result *result)
{
    printf("{\"steps\": %zu, \"threads\": %" PRIu32 ", \"foreign_frees\": %zu, \"failed\": %" PRIu64
           ", \"corrupted\": %" PRIu64 ",\n \"seconds\": %.6f, \"operations_per_second\": %.0f,\n",
           steps->count, steps->threads, steps->foreign, result->failed, result->corrupted,
           result->seconds, result->seconds > 0 ? (double)result->operations / result->seconds : 0);
    printf(" \"live_bytes_max\": %" PRIu64 ", \"usable_bytes_max\": %" PRIu64
           ", \"rss_before_bytes\": %" PRIu64 ", \"rss_peak_bytes\": %" PRIu64
           ", \"rss_end_bytes\": %" PRIu64 ", \"rss_freed_bytes\": %" PRIu64 ",\n \"curve\": [",
           result->live_bytes_max, result->usable_bytes_max, result->rss_before_bytes,
           result->rss_peak_bytes, result->rss_end_bytes, result->rss_freed_bytes);
    for (size_t i = 0; i < result->sample_count; i++) {
        const struct replay_sample *sample = &result->samples[i];
        printf("%s{\"step\": %zu, \"live_bytes\": %" PRIu64 ", \"live_blocks\": %" PRIu64
               ", \"rss_bytes\": %" PRIu64 "}",
               i ? ",\n  " : "", sample->step, sample->live_bytes, sample->live_blocks,
               sample->rss_bytes);
    }
    puts("]}");
}

static void print_text(const struct steps *steps, const struct replay_result *result)
{
    printf("%zu steps of %" PRIu32 " threads in %.3f s, %.0f operations per second\n", steps->count,
           steps->threads, result->seconds,
           result->seconds > 0 ? (double)result->operations / result->seconds : 0);
    printf("live at most %" PRIu64 " bytes; RSS %" PRIu64 " before, %" PRIu64 " at most, %" PRIu64
           " at the end, %" PRIu64 " with all freed\n",
           result->live_bytes_max, result->rss_before_bytes, result->rss_peak_bytes,
           result->rss_end_bytes, result->rss_freed_bytes);
    if (result->failed || result->corrupted)
        printf("%" PRIu64 " allocations failed, %" PRIu64 " blocks were damaged\n", result->failed,
               result->corrupted);
}

static bool take_options(int argc, char **argv, struct replay_options *options, int *json)
{
    int one_thread = 0;
    const struct option names[] = {{"json", no_argument, json, 1},
                                   {"one-thread", no_argument, &one_thread, 1},
                                   {"samples", required_argument, NULL, 's'},
                                   {"repeat", required_argument, NULL, 'r'},
                                   {NULL, 0, NULL, 0}};
    for (int option; (option = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        if (option == 's')
            options->samples = (int)net_number(optarg, 1, SAMPLES_MAX);
        else if (option == 'r')
            options->repeat = (int)net_number(optarg, 1, 1000000);
        else if (option != 0)
            return false;
    }
    options->one_thread = one_thread;
    return options->samples > 0 && options->repeat > 0 && argc == optind + 1;
}

static int replay(int argc, char **argv)
{
    static struct replay_result result;
    struct replay_options options = {.repeat = 1, .samples = 200};
    struct trace trace;
    struct steps steps;
    char reason[256];
    int json = 0;
    if (!take_options(argc, argv, &options, &json))
        return usage();
    if (!load(argv[optind], &trace, &steps))
        return DATA;
    trace_free(&trace);
    if (!replay_run(&steps, &options, &result, reason, sizeof reason))
        return fail(INTERNAL, argv[optind], reason);
    if (json)
        print_json(&steps, &result);
    else
        print_text(&steps, &result);
    steps_free(&steps);
    return result.failed || result.corrupted ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "record") == 0)
        return record(argc - 1, argv + 1);
    if (argc >= 2 && strcmp(argv[1], "show") == 0)
        return show(argc - 1, argv + 1);
    if (argc >= 2 && strcmp(argv[1], "replay") == 0)
        return replay(argc - 1, argv + 1);
    return usage();
}
