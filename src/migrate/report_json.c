/* SPDX-License-Identifier: MIT */
/* The report for programs: JSON of our own schema, and SARIF 2.1.0. Layer 1. */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include <shale/error.h>
#include <shale/version.h>

#include "migrate/migrate.h"
#include "migrate/vector.h"

/* Takes the object over. */
static int print_and_release(json_t *object, FILE *out)
{
    if (!object)
        return SHALE_ENOMEM;
    int failed = json_dumpf(object, out, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
    json_decref(object);
    fputc('\n', out);
    return failed || ferror(out) ? SHALE_EIO : 0;
}

/* Paths are bytes; those that are no UTF-8 are given with replacement characters. */
static json_t *text_of(const char *text)
{
    json_t *string = json_string(text);
    if (string)
        return string;
    char *clean = must_copy(text);
    for (char *at = clean; *at; at++)
        if ((unsigned char)*at >= 0x80)
            *at = '?';
    string = json_string(clean);
    free(clean);
    return string;
}

static json_t *json_of_site(const struct migrate_site *site)
{
    const struct migrate_rule_text *rule = &migrate_rules[site->rule];
    json_t *object = json_pack(
        "{s:o, s:I, s:I, s:I, s:I, s:s, s:s, s:s, s:b, s:b, s:s}", "path", text_of(site->path),
        "line", (json_int_t)site->line, "column", (json_int_t)site->column, "offset",
        (json_int_t)site->offset, "length", (json_int_t)site->length, "function", site->function,
        "class", migrate_class_name(site->class), "rule", rule->name, "flagged", (int)site->flagged,
        "inactive", (int)site->inactive, "reason", rule->reason);
    if (object && site->detail)
        json_object_set_new(object, "detail", text_of(site->detail));
    return object;
}

int migrate_print_json(const struct migrate_plan *plan, FILE *out)
{
    json_t *sites = json_array();
    json_t *changes = json_array();
    for (size_t i = 0; i < plan->site_count; i++)
        json_array_append_new(sites, json_of_site(&plan->sites[i]));
    for (size_t i = 0; i < plan->change_count; i++)
        json_array_append_new(changes, text_of(plan->changes[i].path));
    json_t *report = json_pack(
        "{s:s, s:i, s:s, s:{s:I, s:I, s:I, s:I}, s:I, s:I, s:f, s:o, s:o}", "format",
        "shale-migrate", "format_version", 1, "shale_version", SHALE_VERSION_STRING, "totals",
        "converted", (json_int_t)plan->totals[MIGRATE_CONVERTED], "kept",
        (json_int_t)plan->totals[MIGRATE_KEPT], "review", (json_int_t)plan->totals[MIGRATE_REVIEW],
        "flagged", (json_int_t)plan->flagged_count, "files", (json_int_t)plan->file_count, "lines",
        (json_int_t)plan->line_count, "seconds", plan->seconds, "changed_files", changes, "sites",
        sites);
    return print_and_release(report, out);
}

static json_t *sarif_rules(void)
{
    json_t *rules = json_array();
    for (int i = 0; i < MIGRATE_RULE_COUNT; i++)
        json_array_append_new(rules,
                              json_pack("{s:s, s:{s:s}}", "id", migrate_rules[i].name,
                                        "shortDescription", "text", migrate_rules[i].reason));
    return rules;
}

/* A path as a relative URI: what is not unreserved is percent-encoded. */
static json_t *uri_of(const char *path)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789-._~/";
    text_buffer uri = {0};
    for (const char *at = path; *at; at++) {
        if (strchr(plain, *at))
            buffer_add(&uri, at, 1);
        else
            buffer_print(&uri, "%%%02X", (unsigned char)*at);
    }
    json_t *string = json_string(uri.at ? uri.at : "");
    vector_free(&uri);
    return string;
}

static json_t *sarif_result(const struct migrate_site *site)
{
    const struct migrate_rule_text *rule = &migrate_rules[site->rule];
    char *text =
        must_format("%s%s%s%s%s", site->function, site->function[0] ? ": " : "", rule->reason,
                    site->detail ? ": " : "", site->detail ? site->detail : "");
    json_t *region = json_pack("{s:I, s:I, s:I, s:I}", "startLine", (json_int_t)site->line,
                               "startColumn", (json_int_t)site->column, "byteOffset",
                               (json_int_t)site->offset, "byteLength", (json_int_t)site->length);
    json_t *result = json_pack("{s:s, s:i, s:s, s:{s:o}, s:[{s:{s:{s:o}, s:o}}]}", "ruleId",
                               rule->name, "ruleIndex", (int)site->rule, "level",
                               site->class == MIGRATE_REVIEW ? "warning" : "note", "message",
                               "text", text_of(text), "locations", "physicalLocation",
                               "artifactLocation", "uri", uri_of(site->path), "region", region);
    free(text);
    return result;
}

int migrate_print_sarif(const struct migrate_plan *plan, FILE *out)
{
    json_t *results = json_array();
    for (size_t i = 0; i < plan->site_count; i++)
        if (plan->sites[i].flagged)
            json_array_append_new(results, sarif_result(&plan->sites[i]));
    json_t *log =
        json_pack("{s:s, s:s, s:[{s:{s:{s:s, s:s, s:o}}, s:s, s:o}]}", "$schema",
                  "https://json.schemastore.org/sarif-2.1.0.json", "version", "2.1.0", "runs",
                  "tool", "driver", "name", "shale migrate", "version", SHALE_VERSION_STRING,
                  "rules", sarif_rules(), "columnKind", "utf16CodeUnits", "results", results);
    return print_and_release(log, out);
}
