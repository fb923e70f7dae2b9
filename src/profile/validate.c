/* SPDX-License-Identifier: MIT */
/* What the comments of the model promise, checked before any exporter relies on it. */
#include <math.h>
#include <shale/error.h>

#include "profile/model.h"

/* What a check returns: NULL, or what is wrong. */
typedef const char *verdict;

static verdict check_texts(const struct profile_provenance *about)
{
    const char *const texts[] = {about->program, about->command, about->allocator,  about->recorder,
                                 about->host,    about->system,  about->end_reason, about->file};
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(texts); i++)
        if (texts[i] == NULL)
            return "a text of the provenance is missing";
    return about->mode > PROFILE_FULL || about->end > PROFILE_FAILED ? "no such mode or end" : NULL;
}

static verdict check_sizes(const struct shale_profile_report *report)
{
    for (uint32_t i = 0; i < report->size_count; i++) {
        const struct profile_size_bucket *size = &report->sizes[i];
        if (size->low > size->high || (i > 0 && size[-1].high >= size->low))
            return "the size buckets are out of order";
    }
    return NULL;
}

static verdict check_threads(const struct shale_profile_report *report)
{
    for (uint32_t i = 0; i < report->thread_count; i++) {
        const struct profile_thread *thread = &report->threads[i];
        if (thread->name == NULL)
            return "a thread has no name";
        if (i > 0 && thread[-1].id >= thread->id)
            return "the threads are out of order";
    }
    for (uint32_t i = 0; i < report->flow_count; i++) {
        const struct profile_flow *flow = &report->flows[i];
        if (flow->from >= report->thread_count || flow->to >= report->thread_count)
            return "a flow between threads that are not there";
        if (flow->from == flow->to)
            return "a flow from a thread to itself";
    }
    return NULL;
}

static verdict check_time(const struct shale_profile_report *report)
{
    for (uint32_t i = 1; i < report->moment_count; i++)
        if (report->moments[i - 1].time_ns > report->moments[i].time_ns)
            return "the timeline goes back in time";
    const struct profile_heatmap *map = &report->heatmap;
    if (map->columns == 0 || map->rows == 0)
        return NULL;
    if (map->column_ns == NULL || map->row_bytes == NULL || map->counts == NULL)
        return "the heatmap has no numbers";
    for (uint32_t i = 0; i < map->columns; i++)
        if (map->column_ns[i] > map->column_ns[i + 1])
            return "the heatmap's columns are out of order";
    for (uint32_t i = 0; i < map->rows; i++)
        if (map->row_bytes[i] >= map->row_bytes[i + 1])
            return "the heatmap's rows are out of order";
    return NULL;
}

static verdict check_frame(const struct shale_profile_report *report,
                           const struct profile_frame *frame)
{
    if (frame->module != PROFILE_NONE && frame->module >= report->module_count)
        return "a frame of a module that is not there";
    if (frame->kind > PROFILE_FRAME_PYTHON || frame->line_count == 0)
        return "a frame without a line";
    for (uint32_t i = 0; i < frame->line_count; i++)
        if (frame->lines[i].function == NULL || frame->lines[i].file == NULL)
            return "a line without its texts";
    return NULL;
}

static verdict check_frames(const struct shale_profile_report *report)
{
    for (uint32_t i = 0; i < report->module_count; i++)
        if (report->modules[i].path == NULL || report->modules[i].build_id == NULL)
            return "a module without its texts";
    for (uint32_t i = 0; i < report->frame_count; i++) {
        verdict wrong = check_frame(report, &report->frames[i]);
        if (wrong != NULL)
            return wrong;
    }
    return NULL;
}

static verdict check_sites(const struct shale_profile_report *report)
{
    for (uint32_t i = 0; i < report->site_count; i++) {
        const struct profile_site *site = &report->sites[i];
        if (i > 0 && site[-1].allocated_bytes < site->allocated_bytes)
            return "the sites are out of order";
        for (uint32_t frame = 0; frame < site->frame_count; frame++)
            if (site->frames[frame] >= report->frame_count)
                return "a site with a frame that is not there";
    }
    return NULL;
}

static verdict check_leak(const struct shale_profile_report *report,
                          const struct profile_leak *leak)
{
    if (leak->site >= report->site_count || leak->suppressed == NULL)
        return "a leak of a site that is not there";
    for (uint32_t i = 0; i < leak->block_count; i++) {
        const struct profile_block *block = &leak->blocks_seen[i];
        if (block->thread >= report->thread_count)
            return "a block of a thread that is not there";
        if (block->site != PROFILE_NONE && block->site >= report->site_count)
            return "a block of a site that is not there";
    }
    return NULL;
}

static verdict check_leaks(const struct shale_profile_report *report)
{
    for (uint32_t i = 0; i < report->leak_count; i++) {
        verdict wrong = check_leak(report, &report->leaks[i]);
        if (wrong != NULL)
            return wrong;
        if (i > 0 && report->leaks[i - 1].bytes < report->leaks[i].bytes)
            return "the leaks are out of order";
    }
    return NULL;
}

static verdict check_fragmentation(const struct shale_profile_report *report)
{
    const struct profile_fragmentation *shares = &report->fragmentation;
    /* Written so that a NaN fails. */
    if (shares->internal_known && !(shares->internal >= 0 && shares->internal <= 1))
        return "internal fragmentation is no share";
    if (shares->external_known && !(shares->external >= 0 && shares->external <= 1))
        return "external fragmentation is no share";
    for (uint32_t i = 0; i < shares->pin_count; i++)
        if (shares->pins[i].site >= report->site_count)
            return "pages pinned by a site that is not there";
    return isfinite(report->cost.sample_ns) ? NULL : "the cost of a sample is no number";
}

int profile_report_validate(const struct shale_profile_report *report, const char **reason)
{
    verdict wrong = check_texts(&report->provenance);
    wrong = wrong != NULL ? wrong : check_sizes(report);
    wrong = wrong != NULL ? wrong : check_threads(report);
    wrong = wrong != NULL ? wrong : check_time(report);
    wrong = wrong != NULL ? wrong : check_frames(report);
    wrong = wrong != NULL ? wrong : check_sites(report);
    wrong = wrong != NULL ? wrong : check_leaks(report);
    wrong = wrong != NULL ? wrong : check_fragmentation(report);
    if (wrong != NULL && reason != NULL)
        *reason = wrong;
    return wrong != NULL ? SHALE_EFORMAT : 0;
}
