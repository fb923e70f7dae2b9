/* SPDX-License-Identifier: MIT */
/* A profile as speedscope's JSON: one sampled profile for each weight. */
#include <string.h>

#include <shale/version.h>

#include "identify/identify.h"
#include "report/intern.h"
#include "report/json.h"
#include "report/names.h"
#include "report/report.h"

static const char *const titles[REPORT_WEIGHTS] = {
    [REPORT_ALLOCATED_BYTES] = "bytes allocated",    [REPORT_ALLOCATIONS] = "allocations",
    [REPORT_PEAK_BYTES] = "bytes live at the peak",  [REPORT_LIVE_BYTES] = "bytes live at the end",
    [REPORT_LIVE_BLOCKS] = "blocks live at the end", [REPORT_TEMPORARY] = "temporary allocations",
};

/* A frame is a function at a line; they share a number by this text. */
static uint32_t frame_number(struct intern *frames, const struct report_walk *walk,
                             const char *name)
{
    char key[2048];
    int length = snprintf(key, sizeof key, "%s\n%s\n%u", name, walk->line->file, walk->line->line);
    return intern_add(frames, key, (size_t)length < sizeof key ? (size_t)length : sizeof key - 1);
}

static uint64_t total_of(const struct shale_profile_report *report, enum report_weight weight)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < report->site_count; i++)
        total += report_weight_of(&report->sites[i], weight);
    return total;
}

/* Every frame of every stack, in the order of their numbers. */
static void write_frames(const struct shale_profile_report *report, struct json_out *json,
                         struct intern *frames)
{
    json_out_open(json, "shared", '{');
    json_out_open(json, "frames", '[');
    for (uint32_t i = 0; i < report->site_count; i++) {
        struct report_walk walk;
        report_walk_begin(&walk, report, &report->sites[i], true);
        for (const char *name; (name = report_walk_next(&walk)) != NULL;) {
            uint32_t before = frames->count;
            if (frame_number(frames, &walk, name) < before || frames->failed)
                continue;
            json_t *frame = json_pack("{s:o}", "name", identify_json_text(name));
            if (walk.line->file[0] != '\0')
                json_object_set_new(frame, "file", identify_json_text(walk.line->file));
            if (walk.line->line != 0)
                json_object_set_new(frame, "line", json_of_count(walk.line->line));
            json_out_value(json, NULL, frame);
        }
    }
    json_out_close(json, ']');
    json_out_close(json, '}');
}

static json_t *sample_json(const struct shale_profile_report *report,
                           const struct profile_site *site, struct intern *frames)
{
    json_t *list = json_array();
    struct report_walk walk;
    report_walk_begin(&walk, report, site, true);
    for (const char *name; (name = report_walk_next(&walk)) != NULL;)
        json_array_append_new(list, json_of_count(frame_number(frames, &walk, name)));
    return list;
}

static void write_profile(const struct shale_profile_report *report, enum report_weight weight,
                          struct json_out *json, struct intern *frames)
{
    json_out_open(json, NULL, '{');
    json_out_value(json, "type", json_string("sampled"));
    json_out_value(json, "name", json_string(titles[weight]));
    json_out_value(json, "unit", json_string(report_weight_is_bytes(weight) ? "bytes" : "none"));
    json_out_value(json, "startValue", json_integer(0));
    json_out_value(json, "endValue", json_of_count(total_of(report, weight)));
    json_out_open(json, "samples", '[');
    for (uint32_t i = 0; i < report->site_count; i++)
        if (report_weight_of(&report->sites[i], weight) > 0)
            json_out_value(json, NULL, sample_json(report, &report->sites[i], frames));
    json_out_close(json, ']');
    json_out_open(json, "weights", '[');
    for (uint32_t i = 0; i < report->site_count; i++)
        if (report_weight_of(&report->sites[i], weight) > 0)
            json_out_value(json, NULL, json_of_count(report_weight_of(&report->sites[i], weight)));
    json_out_close(json, ']');
    json_out_close(json, '}');
}

int report_speedscope(const struct shale_profile_report *report, FILE *out)
{
    struct json_out json = {.out = out};
    struct intern frames = {0};
    fputc('{', out);
    json_out_value(&json, "$schema",
                   json_string("https://www.speedscope.app/file-format-schema.json"));
    json_out_value(&json, "exporter", json_string("shale@" SHALE_VERSION_STRING));
    json_out_value(&json, "name", identify_json_text(report->provenance.command));
    write_frames(report, &json, &frames);
    json_out_open(&json, "profiles", '[');
    for (int weight = 0; weight < REPORT_WEIGHTS; weight++)
        if (weight == REPORT_ALLOCATED_BYTES || total_of(report, (enum report_weight)weight) > 0)
            write_profile(report, (enum report_weight)weight, &json, &frames);
    json_out_close(&json, ']');
    fputs("\n}\n", out);
    bool failed = json.failed || frames.failed;
    intern_free(&frames);
    return failed ? SHALE_ENOMEM : SHALE_OK;
}
