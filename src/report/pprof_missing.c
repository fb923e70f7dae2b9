/* SPDX-License-Identifier: MIT */
/* pprof's format in a build without protobuf-c. */
#include "report/report.h"

bool report_pprof_available(void)
{
    return false;
}

int report_pprof(const struct shale_profile_report *report, FILE *out)
{
    return SHALE_ENOTSUP;
}
