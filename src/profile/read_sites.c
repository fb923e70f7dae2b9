/* SPDX-License-Identifier: MIT */
/* Stacks and what they allocated; live blocks: two steps of the reader. */
#include <math.h>
#include <shale/error.h>

#include "profile/read.h"

#define GET(field) shale_atomic_load_relaxed(&(field))

/* ---- sites ------------------------------------------------------------------------------------
 */

/* In sample mode counts are in parts of one. */
static double unit_of(const struct profile_reading *reading)
{
    return reading->about->mode == PROFILE_FULL ? 1.0 : 1.0 / PROFILE_FILE_SCALE;
}

static int find_block_of_sites(struct profile_reading *reading, unsigned block, uint32_t from,
                               uint32_t count)
{
    const struct profile_file_site *records = profile_read_piece(
        reading, GET(reading->live->site_block_at[block]), count, sizeof(*records));
    if (records == NULL)
        return profile_read_fail(reading, SHALE_EFORMAT, "its stacks lie outside of it");
    for (uint32_t i = 0; i < count; i++) {
        struct profile_reading_site *site = &reading->sites[from + i];
        site->record = &records[i];
        site->allocations = (double)GET(records[i].allocations) * unit_of(reading);
        site->bytes = (double)GET(records[i].bytes);
        site->temporary = (double)GET(records[i].temporary);
        site->samples = GET(records[i].samples);
        site->first_birth = UINT64_MAX;
    }
    return 0;
}

/* What the threads have counted for a stack and not yet told it. */
static void add_cached(struct profile_reading *reading, const struct profile_file_thread *thread)
{
    for (unsigned i = 0; i < PROFILE_FILE_CACHE; i++) {
        const struct profile_file_cached *cached = &thread->cache[i];
        if (cached->known == 0 || cached->site >= reading->site_count)
            continue;
        struct profile_reading_site *site = &reading->sites[cached->site];
        site->allocations += (double)GET(cached->allocations);
        site->bytes += (double)GET(cached->bytes);
        site->temporary += (double)GET(cached->temporary);
    }
}

int profile_read_sites(struct profile_reading *reading)
{
    uint32_t count = GET(reading->live->site_count), from = 0;
    if (count > PROFILE_BLOCK_NO_SITE || count > reading->size / sizeof(struct profile_file_site))
        return profile_read_fail(reading, SHALE_EFORMAT, "it has %u stacks", count);
    reading->sites = shale_bump_alloc(&reading->scratch, sizeof(*reading->sites) * (count + 1), 0);
    if (reading->sites == NULL)
        return SHALE_ENOMEM;
    reading->site_count = count;
    for (unsigned block = 0; from < count; block++) {
        uint32_t here = (uint32_t)PROFILE_FILE_SITES_FIRST << block;
        here = count - from < here ? count - from : here;
        int result = block < PROFILE_FILE_SITE_BLOCKS
                         ? find_block_of_sites(reading, block, from, here)
                         : SHALE_EFORMAT;
        if (result != 0)
            return result;
        from += here;
    }
    for (uint32_t i = 0; i < reading->thread_count; i++)
        add_cached(reading, reading->threads[i]);
    for (uint32_t i = 0; i < count; i++)
        if (reading->about->mode == PROFILE_FULL)
            reading->sites[i].samples = (uint64_t)reading->sites[i].allocations;
    return 0;
}

/* ---- live blocks ------------------------------------------------------------------------------
 */

double profile_read_weight(const struct profile_reading *reading, uint64_t size)
{
    double mean = (double)reading->about->sample_bytes;
    if (mean == 0 || size == 0)
        return 1;
    return -1 / expm1(-(double)size / mean);
}

static void add_to_sizes(struct shale_profile_report *report, uint64_t size, double weight)
{
    uint32_t low = 0, high = report->size_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (report->sizes[middle].high < size)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < report->size_count && report->sizes[low].low <= size)
        report->sizes[low].live_blocks += (uint64_t)(weight + 0.5);
}

static void add_block(struct profile_reading *reading, uint64_t key, uint64_t what, uint64_t birth)
{
    uint64_t number = what & PROFILE_BLOCK_NO_SITE, size = what >> PROFILE_BLOCK_SITE_BITS;
    uint64_t thread = key & ((1U << PROFILE_BLOCK_THREAD_BITS) - 1);
    if (!(key & PROFILE_BLOCK_BY_BYTES) || number >= reading->site_count ||
        thread >= reading->thread_count)
        return;
    struct profile_reading_site *site = &reading->sites[number];
    double weight = profile_read_weight(reading, size);
    site->live_blocks += weight;
    site->live_bytes += weight * (double)size;
    site->live_samples++;
    site->first_birth = birth < site->first_birth ? birth : site->first_birth;
    site->last_birth = birth > site->last_birth ? birth : site->last_birth;
    reading->report->threads[thread].live_bytes += (uint64_t)(weight * (double)size);
    add_to_sizes(reading->report, size, weight);
}

int profile_read_each_block(struct profile_reading *reading, profile_read_block visit)
{
    uint32_t levels = GET(reading->live->level_count);
    if (levels > PROFILE_FILE_LEVELS)
        return profile_read_fail(reading, SHALE_EFORMAT, "its table of blocks is damaged");
    for (uint32_t level = 0; level < levels; level++) {
        uint64_t count = GET(reading->live->level_buckets[level]);
        const struct profile_file_bucket *buckets = profile_read_piece(
            reading, GET(reading->live->level_at[level]), count, sizeof(*buckets));
        if (buckets == NULL)
            return profile_read_fail(reading, SHALE_EFORMAT,
                                     "its table of blocks lies outside of it");
        for (uint64_t i = 0; i < count; i++)
            for (unsigned slot = 0; slot < PROFILE_FILE_SLOTS; slot++)
                if (GET(buckets[i].keys[slot]) != 0)
                    visit(reading, GET(buckets[i].keys[slot]), GET(buckets[i].blocks[slot].what),
                          GET(buckets[i].blocks[slot].birth));
    }
    return 0;
}

int profile_read_blocks(struct profile_reading *reading)
{
    struct profile_totals *totals = &reading->report->totals;
    int result = profile_read_each_block(reading, add_block);
    double blocks = 0, bytes = 0;
    for (uint32_t i = 0; i < reading->site_count; i++) {
        blocks += reading->sites[i].live_blocks;
        bytes += reading->sites[i].live_bytes;
    }
    totals->live_blocks = (uint64_t)(blocks + 0.5);
    totals->live_bytes = (uint64_t)(bytes + 0.5);
    if (reading->about->mode == PROFILE_FULL)
        for (uint32_t i = 0; i < reading->thread_count; i++)
            totals->freed_bytes += GET(reading->threads[i]->freed_bytes);
    else if (totals->allocated_bytes > totals->live_bytes)
        totals->freed_bytes = totals->allocated_bytes - totals->live_bytes;
    return result;
}
