/* SPDX-License-Identifier: MIT */
/* Live blocks by their sites, most bytes first: the last step of the reader. */
#include <shale/error.h>
#include <stdlib.h>

#include "profile/read.h"

/* Of how many leaks blocks are listed, and of each how many. */
enum { LISTED = 1000, SEEN = 16 };

static int by_bytes(const void *left, const void *right)
{
    const struct profile_leak *a = left, *b = right;
    if (a->bytes != b->bytes)
        return (a->bytes < b->bytes) - (a->bytes > b->bytes);
    return (a->site > b->site) - (a->site < b->site);
}

static void fill_leak(const struct profile_reading *reading,
                      const struct profile_reading_site *site, struct profile_leak *leak)
{
    *leak = (struct profile_leak){
        .site = site->report_site,
        .blocks = (uint64_t)(site->live_blocks + 0.5),
        .bytes = (uint64_t)(site->live_bytes + 0.5),
        .samples = site->live_samples,
        .first_ns = profile_read_time(reading, site->first_birth),
        .last_ns = profile_read_time(reading, site->last_birth),
        .suppressed = "",
    };
}

/* Keeps the largest blocks, of equal ones the older, in order. */
static void see_block(struct profile_reading *reading, uint64_t key, uint64_t what, uint64_t birth)
{
    uint64_t number = what & PROFILE_BLOCK_NO_SITE;
    uint32_t thread = key & ((1U << PROFILE_BLOCK_THREAD_BITS) - 1);
    if (!(key & PROFILE_BLOCK_BY_BYTES) || number >= reading->site_count ||
        thread >= reading->thread_count || reading->sites[number].seen == NULL)
        return;
    struct profile_reading_site *site = &reading->sites[number];
    const struct profile_block block = {
        .address = key >> PROFILE_BLOCK_ADDRESS_SHIFT,
        .size = what >> PROFILE_BLOCK_SITE_BITS,
        .time_ns = profile_read_time(reading, birth),
        .thread = reading->thread_of[thread],
        .site = site->report_site,
    };
    uint32_t at = site->seen_count;
    while (at > 0 &&
           (site->seen[at - 1].size < block.size ||
            (site->seen[at - 1].size == block.size && site->seen[at - 1].time_ns > block.time_ns)))
        at--;
    if (at == SEEN)
        return;
    if (site->seen_count < SEEN)
        site->seen_count++;
    for (uint32_t i = site->seen_count - 1; i > at; i--)
        site->seen[i] = site->seen[i - 1];
    site->seen[at] = block;
}

/* By the report's number of a site: its number in the file. */
static uint32_t *invert(struct profile_reading *reading)
{
    uint32_t *file_site =
        shale_bump_alloc(&reading->scratch, sizeof(uint32_t) * (reading->site_count + 1), 0);
    for (uint32_t i = 0; file_site != NULL && i < reading->site_count; i++)
        file_site[reading->sites[i].report_site] = i;
    return file_site;
}

static int list_blocks(struct profile_reading *reading, const uint32_t *file_site)
{
    struct shale_profile_report *report = reading->report;
    uint32_t listed = report->leak_count < LISTED ? report->leak_count : LISTED;
    for (uint32_t i = 0; i < listed; i++) {
        struct profile_reading_site *site = &reading->sites[file_site[report->leaks[i].site]];
        site->seen = profile_report_array(report, SEEN, sizeof(*site->seen));
        if (site->seen == NULL)
            return SHALE_ENOMEM;
    }
    int result = profile_read_each_block(reading, see_block);
    for (uint32_t i = 0; result == 0 && i < listed; i++) {
        const struct profile_reading_site *site = &reading->sites[file_site[report->leaks[i].site]];
        report->leaks[i].blocks_seen = site->seen;
        report->leaks[i].block_count = site->seen_count;
    }
    return result;
}

int profile_read_leaks(struct profile_reading *reading)
{
    struct shale_profile_report *report = reading->report;
    uint32_t count = 0;
    for (uint32_t i = 0; i < reading->site_count; i++)
        count += reading->sites[i].live_samples != 0;
    report->leaks = profile_report_array(report, count + 1, sizeof(*report->leaks));
    uint32_t *file_site = invert(reading);
    if (report->leaks == NULL || file_site == NULL)
        return SHALE_ENOMEM;
    for (uint32_t i = 0; i < reading->site_count; i++)
        if (reading->sites[i].live_samples != 0)
            fill_leak(reading, &reading->sites[i], &report->leaks[report->leak_count++]);
    qsort(report->leaks, report->leak_count, sizeof(*report->leaks), by_bytes);
    return list_blocks(reading, file_site);
}
