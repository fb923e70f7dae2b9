/* SPDX-License-Identifier: MIT */
/*
 * Judging programs without a dynamic linker: symbols and texts of the executable say whose malloc
 * it carries. Layer 1; part of the self-check.
 */
#include "identify/analyze.h"

#include <stdio.h>
#include <string.h>

#include "identify/expectation.h"
#include "identify/recognize.h"

/* Whose malloc a static executable holds; NULL when its symbols and texts do not tell. */
static const char *static_server(const struct identify_subject *subject, bool stripped,
                                 bool defines_malloc)
{
    if (subject->embedded)
        return subject->embedded->name;
    return !stripped && defines_malloc ? identify_allocators->name : NULL;
}

static void judge_static(const struct identify_subject *subject, const char *server,
                         const struct identify_expectation *expectation,
                         struct identify_report *report)
{
    const struct identify_module *module = &subject->modules->items[0];
    char version[64] = "";
    const struct identify_allocator *allocator = identify_allocator_by_name(server);
    identify_set(report, &report->allocator, "%s", server);
    identify_set(report, &report->object, "%s", module->path);
    identify_add_server(report, "malloc", server, module->path, true);
    identify_recognize_version(module, allocator, subject->version_symbol, version, sizeof version);
    if (version[0])
        identify_set(report, &report->version, "%s", version);
    bool fits = strcmp(server, expectation->name) == 0;
    if (fits && expectation->version &&
        (!version[0] || !identify_version_fits(version, expectation->version)))
        fits = false;
    report->verdict = fits ? SHALE_VERDICT_ACTIVE : SHALE_VERDICT_ABSENT;
    identify_set(report, &report->reason,
                 "it is linked statically, so it carries its malloc (%s%s%s) and no library can be "
                 "preloaded",
                 server, version[0] ? " " : "", version);
    if (!fits)
        identify_set(report, &report->remedy, "link it dynamically, or link it statically with %s",
                     expectation->name);
}

int identify_analyze_static(const struct identify_subject *subject, bool stripped,
                            bool defines_malloc, const struct identify_options *options,
                            struct identify_report *report)
{
    struct identify_expectation expectation;
    int status = identify_expectation(subject, options, report, &expectation);
    if (status != 0)
        return status;
    const char *server = static_server(subject, stripped, defines_malloc);
    if (!(options && options->expect) && strcmp(expectation.name, "system") == 0 && server) {
        snprintf(expectation.name, sizeof expectation.name, "%s", server);
        expectation.from = "carried by the executable";
    }
    identify_set(report, &report->expected, "%s", expectation.name);
    identify_set(report, &report->expected_from, "%s", expectation.from);
    if (expectation.version)
        identify_set(report, &report->expected_version, "%s", expectation.version);
    identify_add_evidence(report, "file", subject->modules->items[0].path,
                          "it is linked statically: no dynamic linker reads LD_PRELOAD");
    if (subject->embedded)
        identify_add_evidence(report, "recognition", subject->modules->items[0].path, "it has '%s'",
                              subject->embedded_evidence);
    if (server) {
        judge_static(subject, server, &expectation, report);
    } else if (expectation.allocator && expectation.allocator != identify_allocators &&
               strcmp(expectation.from, "LD_PRELOAD") == 0) {
        report->verdict = SHALE_VERDICT_ABSENT;
        identify_set(report, &report->reason,
                     "it is linked statically, so %s cannot have been preloaded", expectation.name);
    } else {
        identify_set(report, &report->reason,
                     "it is linked statically and %s, so whose malloc it carries cannot be told",
                     stripped ? "stripped of its symbols" : "defines no malloc");
    }
    return report->out_of_memory ? SHALE_ENOMEM : 0;
}
