/* SPDX-License-Identifier: MIT */
/* epochs-bench: the tables of its workloads and of its subjects. */
#include <stdio.h>

#include "scopes.h"

#define KIB ((size_t)1024)

/* clang-format off */
static const struct bench_workload workloads[] = {
    {"request", "1000 objects of 64..768 B in a scope of their own, which then ends", "object",
     {.size_min = 64, .size_max = 768, .batch = 1000, .threads = 1, .touch = TOUCH_WORD},
     .prepare = scopes_prepare, .run = scopes_run},
    {"frames", "200 objects of 16..256 B, all gone, and the scope is used again", "object",
     {.size_min = 16, .size_max = 256, .batch = 200, .threads = 1, .touch = TOUCH_WORD},
     .prepare = scopes_prepare, .run = scopes_frames_run},
    {"batch", "100k objects of 64..768 B in a scope of their own, which then ends", "object",
     {.size_min = 64, .size_max = 768, .batch = 100000, .threads = 1, .touch = TOUCH_WORD},
     .prepare = scopes_prepare, .run = scopes_run},
    {"discard-1m-64", "the end of 1M objects of 64 B at once, their memory kept", "end",
     {.size_min = 64, .size_max = 64, .live = 1000000, .threads = 1, .touch = TOUCH_WORD},
     .prepare = scopes_prepare, .measure = scopes_discard_measure},
    {"scopes-10k", "10k scopes at once, each with 60 KB of objects of 64..768 B", "object",
     {.size_min = 64, .size_max = 768, .live = 10000, .payload_bytes = 60000, .threads = 1,
      .touch = TOUCH_ALL},
     .prepare = scopes_prepare, .measure = scopes_many_measure},
    {"scope-latency", "single calls in a scope, 100k live objects of 64..768 B, replaced at random",
     "call",
     {.size_min = 64, .size_max = 768, .live = 100000, .threads = 1, .touch = TOUCH_WORD,
      .operations = 1000000},
     .measure = scopes_latency_measure},
    {"handles", "handles of 64 B: alloc and free, and look-ups of 1000 in random order", "call",
     {.size_min = 64, .size_max = 64, .live = 1000, .threads = 1, .touch = TOUCH_WORD},
     .measure = handles_measure},
    {NULL},
};
/* clang-format on */

const struct subject *const subjects[] = {
    &subject_shale_slab, &subject_shale_region, &subject_mimalloc_heap, &subject_jemalloc_arena,
#if HAVE_APR
    &subject_apr_pool,
#endif
#if HAVE_TALLOC
    &subject_talloc,
#endif
    &subject_obstack,    &subject_bump,         &subject_malloc,        NULL};

const struct subject *subject = &subject_malloc;

static bool choose(const char *name)
{
    for (size_t i = 0; subjects[i]; i++) {
        if (strcmp(subjects[i]->name, name) != 0)
            continue;
        subject = subjects[i];
        if (subject->start)
            subject->start();
        return true;
    }
    return false;
}

static bool fits(const struct subject *candidate, const struct bench_workload *workload)
{
    if (workload->measure == handles_measure)
        return candidate == &subject_shale_slab;
    if (workload->measure == scopes_latency_measure)
        return candidate->free != NULL;
    return workload->measure != scopes_many_measure || candidate != &subject_malloc;
}

/* NAME VERSION PATTERN, as src/measure/bench_peers.h has it. */
static void print_subjects(void)
{
    for (size_t i = 0; subjects[i]; i++) {
        const char *separator = "@(";
        if (strcmp(subjects[i]->allocator, "-") == 0)
            printf("%s %s ", subjects[i]->name, subjects[i]->version ? subjects[i]->version : "-");
        else
            printf("%s @%s ", subjects[i]->name, subjects[i]->allocator);
        for (const struct bench_workload *row = workloads; row->name; row++) {
            if (!fits(subjects[i], row))
                continue;
            printf("%s%s", separator, row->name);
            separator = "|";
        }
        printf(")\n");
    }
}

const struct bench_program bench_program = {.name = "epochs-bench",
                                            .workloads = workloads,
                                            .choose = choose,
                                            .print_subjects = print_subjects};
