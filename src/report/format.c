/* SPDX-License-Identifier: MIT */
/* The formats by name. */
#include <string.h>

#include "report/report.h"

static const char *const names[REPORT_FORMATS] = {
    [REPORT_TEXT] = "text",
    [REPORT_HTML] = "html",
    [REPORT_JSON] = "json",
    [REPORT_CSV] = "csv",
    [REPORT_PROMETHEUS] = "prometheus",
    [REPORT_OPENMETRICS] = "openmetrics",
    [REPORT_PPROF] = "pprof",
    [REPORT_FLAME] = "flame",
    [REPORT_SPEEDSCOPE] = "speedscope",
};

const char *report_format_name(enum report_format format)
{
    return names[format];
}

enum report_format report_format_find(const char *name)
{
    int format = 0;
    while (format < REPORT_FORMATS && strcmp(names[format], name) != 0)
        format++;
    return (enum report_format)format;
}

bool report_format_is_binary(enum report_format format)
{
    return format == REPORT_PPROF;
}

int report_write(const struct shale_profile_report *report, enum report_format format,
                 const struct report_options *options, FILE *out)
{
    switch (format) {
    case REPORT_TEXT:
        return report_text(report, &options->text, out);
    case REPORT_HTML:
        return report_html(report, out);
    case REPORT_JSON:
        return report_json(report, out);
    case REPORT_CSV:
        return report_csv(report, options->table, out);
    case REPORT_PROMETHEUS:
    case REPORT_OPENMETRICS:
        return report_prometheus(report, format == REPORT_OPENMETRICS, out);
    case REPORT_PPROF:
        return report_pprof(report, out);
    case REPORT_FLAME:
        return report_flame(report, options->weight, out);
    case REPORT_SPEEDSCOPE:
        return report_speedscope(report, out);
    default:
        return SHALE_EINVAL;
    }
}
