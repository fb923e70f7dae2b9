/* SPDX-License-Identifier: MIT */
/* Collapsed stacks, as flamegraph.pl and its relatives read them. */
#include <inttypes.h>

#include "report/names.h"
#include "report/report.h"

int report_flame(const struct shale_profile_report *report, enum report_weight weight, FILE *out)
{
    for (uint32_t i = 0; i < report->site_count; i++) {
        const struct profile_site *site = &report->sites[i];
        uint64_t value = report_weight_of(site, weight);
        if (value == 0)
            continue;
        report_write_stack(report, site, true, out);
        fprintf(out, " %" PRIu64 "\n", value);
    }
    return SHALE_OK;
}
