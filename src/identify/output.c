/* SPDX-License-Identifier: MIT */
/* Reports as JSON and as text. Layer 1. The JSON's schema is share/schema/verify.schema.json. */
#include <stdlib.h>
#include <string.h>

#include "identify/identify.h"

int identify_exit_status(enum shale_verdict verdict)
{
    switch (verdict) {
    case SHALE_VERDICT_ACTIVE:
        return 0;
    case SHALE_VERDICT_ABSENT:
    case SHALE_VERDICT_MAPPED_BUT_INERT:
        return 1;
    case SHALE_VERDICT_PARTIAL:
        return 2;
    default:
        return 3;
    }
}

json_t *identify_json_text(const char *text)
{
    if (!text)
        return json_null();
    json_t *made = json_string(text);
    if (made)
        return made;
    char *ascii = strdup(text);
    for (char *at = ascii; at && *at; at++)
        if ((unsigned char)*at >= 0x80)
            *at = '?';
    made = ascii ? json_string(ascii) : NULL;
    free(ascii);
    return made;
}

json_t *identify_json_optional(const char *text)
{
    return identify_json_text(text && *text ? text : NULL);
}

static json_t *json_servers(const struct identify_report *report)
{
    json_t *list = json_array();
    for (size_t i = 0; i < report->server_count; i++) {
        const struct identify_server *server = &report->servers[i];
        json_array_append_new(list, json_pack("{s:s, s:o, s:o, s:b}", "function", server->function,
                                              "allocator", identify_json_text(server->allocator),
                                              "object", identify_json_text(server->object),
                                              "called", (int)server->called));
    }
    return list;
}

static json_t *json_deviations(const struct identify_report *report)
{
    json_t *list = json_array();
    for (size_t i = 0; i < report->deviation_count; i++) {
        const struct identify_deviation *one = &report->deviations[i];
        json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:o}", "object",
                                              identify_json_text(one->object), "function",
                                              identify_json_text(one->function), "allocator",
                                              identify_json_text(one->allocator), "server",
                                              identify_json_text(one->server)));
    }
    return list;
}

static json_t *json_evidence(const struct identify_report *report)
{
    json_t *list = json_array();
    for (size_t i = 0; i < report->evidence_count; i++) {
        const struct identify_evidence *one = &report->evidence[i];
        json_array_append_new(list,
                              json_pack("{s:o, s:o, s:o}", "kind", identify_json_text(one->kind),
                                        "subject", identify_json_text(one->subject), "text",
                                        identify_json_text(one->text)));
    }
    return list;
}

static json_t *json_layers(const struct identify_report *report)
{
    json_t *list = json_array();
    for (size_t i = 0; i < report->layer_count; i++)
        json_array_append_new(list, identify_json_text(report->layers[i]));
    return list;
}

json_t *identify_report_json(const struct identify_report *report)
{
    return json_pack(
        "{s:i, s:s, s:s, s:i, s:o, s:o, s:o, s:{s:o, s:o, s:o}, s:{s:o, s:o, s:o}, s:o, s:o, s:o, "
        "s:o, s:o, s:o}",
        "schema", 1, "verdict", shale_verdict_name(report->verdict), "method", report->method,
        "pid", (int)report->pid, "target", identify_json_text(report->target), "executable",
        identify_json_text(report->executable), "build_id", identify_json_text(report->build_id),
        "expected", "name", identify_json_text(report->expected), "version",
        identify_json_text(report->expected_version), "from",
        identify_json_text(report->expected_from), "allocator", "name",
        identify_json_text(report->allocator), "version", identify_json_text(report->version),
        "object", identify_json_text(report->object), "reason", identify_json_text(report->reason),
        "remedy", identify_json_text(report->remedy), "layers", json_layers(report), "functions",
        json_servers(report), "deviations", json_deviations(report), "evidence",
        json_evidence(report));
}

static void print_line(FILE *out, const char *label, const char *text)
{
    if (text)
        fprintf(out, "  %-11s%s\n", label, text);
}

static void print_headline(const struct identify_report *report, FILE *out)
{
    fprintf(out, "%s: ", shale_verdict_name(report->verdict));
    if (report->allocator)
        fprintf(out, "%s%s%s %s malloc in ", report->allocator, report->version ? " " : "",
                report->version ? report->version : "",
                strcmp(report->method, "file") == 0 ? "will serve" : "serves");
    fprintf(out, "%s", report->target ? report->target : "this process");
    if (report->pid)
        fprintf(out, " (pid %ld)", (long)report->pid);
    fputc('\n', out);
}

static void print_details(const struct identify_report *report, FILE *out)
{
    for (size_t i = 0; i < report->server_count; i++)
        fprintf(out, "  function   %s: %s in %s%s\n", report->servers[i].function,
                report->servers[i].allocator, report->servers[i].object,
                report->servers[i].called ? "" : " (not called)");
    for (size_t i = 0; i < report->evidence_count; i++)
        fprintf(out, "  evidence   %s, %s: %s\n", report->evidence[i].kind,
                report->evidence[i].subject, report->evidence[i].text);
}

void identify_report_text(const struct identify_report *report, bool all, FILE *out)
{
    print_headline(report, out);
    print_line(out, "served by", report->object);
    if (report->expected)
        fprintf(out, "  expected   %s%s%s (%s)\n", report->expected,
                report->expected_version ? " " : "",
                report->expected_version ? report->expected_version : "", report->expected_from);
    print_line(out, "why", report->reason);
    for (size_t i = 0; i < report->deviation_count; i++)
        fprintf(out, "  deviates   %s: %s goes to %s (%s)\n", report->deviations[i].object,
                report->deviations[i].function, report->deviations[i].allocator,
                report->deviations[i].server);
    for (size_t i = 0; i < report->layer_count; i++)
        print_line(out, "above it", report->layers[i]);
    for (size_t i = 0; i < report->evidence_count; i++)
        if (strcmp(report->evidence[i].kind, "preload") == 0)
            print_line(out, "preloading", report->evidence[i].text);
    print_line(out, "try", report->remedy);
    if (all)
        print_details(report, out);
}
