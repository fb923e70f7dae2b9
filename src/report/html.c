/* SPDX-License-Identifier: MIT */
/*
 * The dashboard: the page that src/report/web is built to (embed.S), with the profile as JSON in
 * its place. Without npm at build time the page is empty and there is no dashboard.
 */
#define _GNU_SOURCE /* memmem */
#include <string.h>

#include "report/json.h"
#include "report/report.h"

extern const char report_page[];
extern const char report_page_end[];

static const char place[] = "/*{profile}*/";

static size_t page_size(void)
{
    return (size_t)(report_page_end - report_page);
}

bool report_html_available(void)
{
    return page_size() > sizeof place;
}

int report_html(const struct shale_profile_report *report, FILE *out)
{
    const char *at = memmem(report_page, page_size(), place, sizeof place - 1);
    if (at == NULL)
        return SHALE_ENOTSUP;
    struct json_out json = {.out = out, .in_html = true};
    fwrite(report_page, 1, (size_t)(at - report_page), out);
    report_json_write(report, &json);
    at += sizeof place - 1;
    fwrite(at, 1, (size_t)(report_page_end - at), out);
    return json.failed ? SHALE_ENOMEM : SHALE_OK;
}
