/* SPDX-License-Identifier: MIT */
/* What a call site can be weighed by. */
#include <string.h>

#include "report/report.h"

static const char *const names[REPORT_WEIGHTS] = {
    [REPORT_ALLOCATED_BYTES] = "allocated", [REPORT_ALLOCATIONS] = "allocations",
    [REPORT_PEAK_BYTES] = "peak",           [REPORT_LIVE_BYTES] = "live",
    [REPORT_LIVE_BLOCKS] = "live-blocks",   [REPORT_TEMPORARY] = "temporary",
};

const char *report_weight_name(enum report_weight weight)
{
    return names[weight];
}

enum report_weight report_weight_find(const char *name)
{
    int weight = 0;
    while (weight < REPORT_WEIGHTS && strcmp(names[weight], name) != 0)
        weight++;
    return (enum report_weight)weight;
}

bool report_weight_is_bytes(enum report_weight weight)
{
    return weight == REPORT_ALLOCATED_BYTES || weight == REPORT_PEAK_BYTES ||
           weight == REPORT_LIVE_BYTES;
}

uint64_t report_weight_of(const struct profile_site *site, enum report_weight weight)
{
    switch (weight) {
    case REPORT_ALLOCATED_BYTES:
        return site->allocated_bytes;
    case REPORT_ALLOCATIONS:
        return site->allocations;
    case REPORT_PEAK_BYTES:
        return site->peak_bytes;
    case REPORT_LIVE_BYTES:
        return site->live_bytes;
    case REPORT_LIVE_BLOCKS:
        return site->live_blocks;
    default:
        return site->temporary;
    }
}
