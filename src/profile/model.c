/* SPDX-License-Identifier: MIT */
/* The model's memory: one bump for the tree and all it points to. */
#include "profile/model.h"

#include <string.h>

#include "base/bump.h"

/* The report is first, so that its address is that of the whole. */
struct owned {
    struct shale_profile_report report;
    struct shale_bump memory;
};

struct shale_profile_report *profile_report_new(void)
{
    struct shale_bump memory = {0};
    struct owned *owned = SHALE_BUMP_NEW(&memory, struct owned);
    if (owned == NULL)
        return NULL;
    owned->memory = memory;
    struct shale_profile_report *report = &owned->report;
    report->latency.alloc = SHALE_BUMP_NEW(&owned->memory, struct shale_histogram);
    report->latency.free = SHALE_BUMP_NEW(&owned->memory, struct shale_histogram);
    report->lifetimes.ns = SHALE_BUMP_NEW(&owned->memory, struct shale_histogram);
    if (report->latency.alloc == NULL || report->latency.free == NULL ||
        report->lifetimes.ns == NULL) {
        profile_report_free(report);
        return NULL;
    }
    struct profile_provenance *about = &report->provenance;
    about->program = about->command = about->allocator = about->recorder = "";
    about->host = about->system = about->end_reason = about->file = "";
    return report;
}

void profile_report_free(struct shale_profile_report *report)
{
    if (report == NULL)
        return;
    /* The bump's own record is in its memory: release a copy. */
    struct shale_bump memory = SHALE_CONTAINER_OF(report, struct owned, report)->memory;
    shale_bump_release(&memory);
}

void *profile_report_array(struct shale_profile_report *report, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return NULL;
    struct owned *owned = SHALE_CONTAINER_OF(report, struct owned, report);
    return shale_bump_alloc(&owned->memory, bytes, 16);
}

const char *profile_report_text(struct shale_profile_report *report, const char *text)
{
    if (*text == '\0')
        return "";
    struct owned *owned = SHALE_CONTAINER_OF(report, struct owned, report);
    return shale_bump_copy_text(&owned->memory, text, strlen(text));
}
