/* SPDX-License-Identifier: MIT */
/* The public self-check. Layer 1; part of the self-check. */
#include <shale/verify.h>

#include <stdio.h>

#include <shale/error.h>

#include "identify/report.h"

const char *shale_verdict_name(enum shale_verdict verdict)
{
    switch (verdict) {
    case SHALE_VERDICT_ACTIVE:
        return "ACTIVE";
    case SHALE_VERDICT_PARTIAL:
        return "PARTIAL";
    case SHALE_VERDICT_MAPPED_BUT_INERT:
        return "MAPPED_BUT_INERT";
    case SHALE_VERDICT_ABSENT:
        return "ABSENT";
    case SHALE_VERDICT_UNKNOWN:
        break;
    }
    return "UNKNOWN";
}

static void copy(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text ? text : "");
}

int shale_verify_self(const char *expected, struct shale_verification *result)
{
    struct identify_report report;
    if (!result)
        return SHALE_EINVAL;
    identify_report_init(&report);
    const struct identify_options options = {.expect = expected};
    int status = identify_self(&options, &report);
    if (status == 0) {
        result->verdict = report.verdict;
        copy(result->expected, sizeof result->expected, report.expected);
        copy(result->allocator, sizeof result->allocator, report.allocator);
        copy(result->version, sizeof result->version, report.version);
        copy(result->object, sizeof result->object, report.object);
        copy(result->reason, sizeof result->reason, report.reason);
    }
    identify_report_free(&report);
    return status;
}
