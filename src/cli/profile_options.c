/* SPDX-License-Identifier: MIT */
/* Options, help and environment of `shale profile`. */
#define _GNU_SOURCE
#include "cli/profile_options.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"

struct profile_options profile_options = {.latency = -1};

/* A number of bytes with K, M or G behind it; 0 when it is none. */
static uint64_t parse_bytes(const char *text)
{
    char *end;
    uint64_t number = strtoull(text, &end, 10);
    static const char units[] = "KMG";
    const char *unit = *end != '\0' ? strchr(units, *end) : NULL;
    if (unit != NULL && end[1] == '\0')
        return number << (10 * (unit - units + 1));
    return *text >= '0' && *text <= '9' && *end == '\0' ? number : 0;
}

static bool is_mode(const char *mode)
{
    return strcmp(mode, "counters") == 0 || strcmp(mode, "sample") == 0 ||
           strcmp(mode, "full") == 0;
}

int profile_options_check(const struct cmd_entry *self)
{
    const struct profile_options *options = &profile_options;
    if (options->mode != NULL && !is_mode(options->mode))
        return cmd_usage_error(self, "--mode takes counters, sample or full");
    if (options->sample != NULL && parse_bytes(options->sample) == 0)
        return cmd_usage_error(self, "--sample takes a number of bytes, such as 64K");
    if (options->sample != NULL && options->mode != NULL && strcmp(options->mode, "sample") != 0)
        return cmd_usage_error(self, "--sample goes with --mode sample");
    if (options->latency < -1)
        return cmd_usage_error(self, "--latency takes a number of operations, 0 for none");
    return -1;
}

static void set(struct profile_environment *environment, const char *format, ...)
    SHALE_PRINTF(2, 3);

static void set(struct profile_environment *environment, const char *format, ...)
{
    char *text = environment->texts[environment->count];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(environment->texts[0]), format, arguments);
    va_end(arguments);
    environment->entries[environment->count++] = text;
    environment->entries[environment->count] = NULL;
}

void profile_environment_fill(struct profile_environment *environment, const char *path,
                              const char *preload)
{
    const struct profile_options *options = &profile_options;
    const char *before = getenv("LD_PRELOAD");
    environment->count = 0;
    set(environment, "SHALE_PROFILE=%s", path);
    set(environment, "SHALE_PROFILE_MODE=%s", options->mode != NULL ? options->mode : "sample");
    if (options->sample != NULL)
        set(environment, "SHALE_PROFILE_SAMPLE=%llu",
            (unsigned long long)parse_bytes(options->sample));
    if (options->latency >= 0)
        set(environment, "SHALE_PROFILE_LATENCY=%ld", options->latency);
    set(environment, "SHALE_PROFILE_FORKS=%d", !options->no_follow);
    if (preload != NULL)
        set(environment, "LD_PRELOAD=%s%s%s", preload, before != NULL ? ":" : "",
            before != NULL ? before : "");
}

const struct poptOption profile_option_table[] = {
    {"mode", 'm', POPT_ARG_STRING, &profile_options.mode, 0,
     "What to record: 'counters' (counts, sizes, latencies), 'sample' (and stacks for a sample of "
     "the blocks; the default) or 'full' (every block)",
     "MODE"},
    {"output", 'o', POPT_ARG_STRING, &profile_options.output, 0,
     "The file to record into; %p in it becomes the process id. By default PROGRAM.PID.shprof",
     "FILE"},
    {"sample", 's', POPT_ARG_STRING, &profile_options.sample, 0,
     "Mean bytes between two samples, with K, M or G: 512K by default", "BYTES"},
    {"latency", '\0', POPT_ARG_LONG, &profile_options.latency, 0,
     "Time one operation of so many: 64 by default, 1 for every one, 0 for none", "N"},
    {"allocator", 'a', POPT_ARG_STRING, &profile_options.allocator, 0,
     "Run under this allocator, as 'shale run' takes it; by default the program's own",
     "NAME[@VERSION]"},
    {"no-follow", '\0', POPT_ARG_NONE, &profile_options.no_follow, 0,
     "Do not record the processes that the program forks", NULL},
    {"no-symbols", '\0', POPT_ARG_NONE, &profile_options.no_symbols, 0,
     "Leave addresses in the summary: it comes sooner", NULL},
    {"suppressions", '\0', POPT_ARG_STRING, &profile_options.suppressions, 0,
     "Leaks that are known, in LeakSanitizer's format: leave them out", "FILE"},
    {"quiet", 'q', POPT_ARG_NONE, &profile_options.quiet, 0, "Record and print no summary", NULL},
    POPT_TABLEEND,
};

const struct cmd_status profile_statuses[] = {
    {64, "wrong arguments"},
    {125, "shale itself failed: the recorder, the allocator or the suppressions are not there, or "
          "the file cannot be made"},
    {126, "the program was found but cannot be executed"},
    {127, "the program was not found"},
    {128, "(and above) as a shell shows it: the program was killed by that signal less 128; shale "
          "then ends by the same signal. Any other status is the program's own"},
    {0, NULL},
};

const struct cmd_example profile_examples[] = {
    {"shale profile -- sqlite3 test.db 'vacuum'", "Where does a program's memory go?"},
    {"shale profile --mode full -- ./server", "Every block, for leaks and lifetimes"},
    {"shale profile -a jemalloc -m counters -- redis-server",
     "Latencies under another allocator, at the least cost"},
    {NULL, NULL},
};

const struct cmd_section profile_sections[] = {
    {"What it costs",
     "The recorder runs in the program, in front of whichever allocator serves it. In the modes "
     "'counters' and 'sample' it does least; 'full' looks every block up and walks every stack. "
     "The stacks of programs compiled with -fno-omit-frame-pointer are walked without libunwind, "
     "which costs less."},
    {"The file",
     "It is the recorder's own memory, so a program that is killed leaves a whole profile, and one "
     "that still runs can be looked at. When the disk is full, recording ends with a message and "
     "the program goes on. Processes that the program forks or executes get files of their own: "
     "FILE.PID, and FILE.PID.1 and so on for what one process executes."},
    {"Environment", "LD_PRELOAD: kept; the recorder is put in front of what is there\n"
                    "DEBUGINFOD_URLS: servers of debug information to be asked for symbols"},
    {NULL, NULL},
};
