/* SPDX-License-Identifier: MIT */
/* Building and freeing reports. Layer 1; part of the self-check. */
#define _GNU_SOURCE
#include "identify/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void identify_report_init(struct identify_report *report)
{
    *report = (struct identify_report){.verdict = SHALE_VERDICT_UNKNOWN, .method = "self"};
}

static void free_lists(struct identify_report *report)
{
    for (size_t i = 0; i < report->server_count; i++) {
        free(report->servers[i].allocator);
        free(report->servers[i].object);
    }
    for (size_t i = 0; i < report->deviation_count; i++) {
        free(report->deviations[i].object);
        free(report->deviations[i].function);
        free(report->deviations[i].allocator);
        free(report->deviations[i].server);
    }
    for (size_t i = 0; i < report->evidence_count; i++) {
        free(report->evidence[i].kind);
        free(report->evidence[i].subject);
        free(report->evidence[i].text);
    }
    for (size_t i = 0; i < report->layer_count; i++)
        free(report->layers[i]);
    free(report->servers);
    free(report->deviations);
    free(report->evidence);
    free(report->layers);
}

void identify_report_free(struct identify_report *report)
{
    free_lists(report);
    free(report->target);
    free(report->executable);
    free(report->build_id);
    free(report->expected);
    free(report->expected_version);
    free(report->expected_from);
    free(report->allocator);
    free(report->version);
    free(report->object);
    free(report->reason);
    free(report->remedy);
    identify_report_init(report);
}

/* A formatted copy, or NULL. */
SHALE_PRINTF(1, 0) static char *format_text(const char *format, va_list arguments)
{
    char *text;
    return vasprintf(&text, format, arguments) < 0 ? NULL : text;
}

void identify_set(struct identify_report *report, char **text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *made = format_text(format, arguments);
    va_end(arguments);
    free(*text);
    *text = made;
    report->out_of_memory |= !made;
}

static char *copy(struct identify_report *report, const char *text)
{
    char *made = strdup(text ? text : "");
    report->out_of_memory |= !made;
    return made;
}

/* Room for one more element; NULL (and noted) without memory. */
static void *grow(struct identify_report *report, void *items, size_t count, size_t size)
{
    void *grown = reallocarray(items, count + 1, size);
    report->out_of_memory |= !grown;
    return grown;
}

void identify_add_evidence(struct identify_report *report, const char *kind, const char *subject,
                           const char *text, ...)
{
    struct identify_evidence *items =
        grow(report, report->evidence, report->evidence_count, sizeof *items);
    if (!items)
        return;
    report->evidence = items;
    va_list arguments;
    va_start(arguments, text);
    struct identify_evidence added = {copy(report, kind), copy(report, subject),
                                      format_text(text, arguments)};
    va_end(arguments);
    report->out_of_memory |= !added.text;
    items[report->evidence_count++] = added;
}

void identify_add_server(struct identify_report *report, const char *function,
                         const char *allocator, const char *object, bool called)
{
    struct identify_server *items =
        grow(report, report->servers, report->server_count, sizeof *items);
    if (!items)
        return;
    report->servers = items;
    items[report->server_count++] =
        (struct identify_server){function, copy(report, allocator), copy(report, object), called};
}

static bool has_deviation(const struct identify_report *report, const char *object,
                          const char *function, const char *server)
{
    for (size_t i = 0; i < report->deviation_count; i++) {
        const struct identify_deviation *known = &report->deviations[i];
        if (known->object && known->function && known->server &&
            strcmp(known->object, object) == 0 && strcmp(known->function, function) == 0 &&
            strcmp(known->server, server) == 0)
            return true;
    }
    return false;
}

void identify_add_deviation(struct identify_report *report, const char *object,
                            const char *function, const char *allocator, const char *server)
{
    if (has_deviation(report, object, function, server))
        return;
    struct identify_deviation *items =
        grow(report, report->deviations, report->deviation_count, sizeof *items);
    if (!items)
        return;
    report->deviations = items;
    items[report->deviation_count++] =
        (struct identify_deviation){copy(report, object), copy(report, function),
                                    copy(report, allocator), copy(report, server)};
}

void identify_add_layer(struct identify_report *report, const char *text, ...)
{
    char **items = grow(report, report->layers, report->layer_count, sizeof *items);
    if (!items)
        return;
    report->layers = items;
    va_list arguments;
    va_start(arguments, text);
    items[report->layer_count] = format_text(text, arguments);
    va_end(arguments);
    if (items[report->layer_count])
        report->layer_count++;
    else
        report->out_of_memory = true;
}
