/* SPDX-License-Identifier: MIT */
/* A comparison as JSON: share/schema/compare.schema.json says what is in it. Layer 4. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include <shale/version.h>

#include "identify/identify.h"
#include "measure/compare_report.h"
#include "measure/outfile.h"

/* JSON has no NaN and no infinity: what is not known is null. */
static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *strings(const char *const *texts)
{
    json_t *array = json_array();
    for (; texts && *texts; texts++)
        json_array_append_new(array, identify_json_text(*texts));
    return array;
}

static const char *unit_name(enum figure_unit unit)
{
    static const char *const names[] = {"s", "bytes", "count", "plain"};
    return names[unit];
}

static json_t *figure_object(const struct figure *figure)
{
    return json_pack("{s:s, s:s, s:s, s:b}", "name", figure->name, "title", figure->title, "unit",
                     unit_name(figure->unit), "primary", figure->primary);
}

static json_t *figures_array(const struct figure_list *list)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].shown)
            json_array_append_new(array, figure_object(&list->items[i]));
    return array;
}

static json_t *reading_object(const struct figure *figure, const struct compare_reading *reading)
{
    bool comparable = reading->verdict != COMPARE_NOT_COMPARABLE;
    const struct stats_paired *stats = &reading->stats;
    return json_pack("{s:s, s:o, s:o, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s}", "figure",
                     figure->name, "baseline_median", number(reading->baseline_median),
                     "candidate_median", number(reading->candidate_median), "pairs",
                     (int)(comparable ? stats->pairs : 0), "ratio",
                     number(comparable ? exp(stats->estimate) : NAN), "ratio_low",
                     number(comparable ? exp(stats->low) : NAN), "ratio_high",
                     number(comparable ? exp(stats->high) : NAN), "confidence",
                     number(comparable ? stats->confidence : NAN), "p",
                     number(comparable ? stats->p : NAN), "p_adjusted", number(reading->adjusted_p),
                     "detectable_ratio", number(comparable ? exp(stats->mde) : NAN), "verdict",
                     compare_verdict_name(reading->verdict));
}

static json_t *series_array(const struct trial_result *run)
{
    json_t *array = json_array();
    for (size_t i = 0; i < run->point_count; i++)
        json_array_append_new(
            array, json_pack("[f, I]", run->points[i].at_s, (json_int_t)run->points[i].rss_bytes));
    return array;
}

static json_t *run_object(const struct figure_list *figures, const struct trial_result *run,
                          int64_t origin_ns)
{
    json_t *values = json_object();
    for (size_t i = 0; i < figures->count; i++)
        if (figures->items[i].shown)
            json_object_set_new(values, figures->items[i].name, number(run->values[i]));
    return json_pack("{s:f, s:o, s:o, s:s, s:o, s:o, s:i, s:i, s:f}", "at_s",
                     (double)(run->started_ns - origin_ns) / 1e9, "allocator",
                     identify_json_text(run->proof.allocator), "version",
                     identify_json_optional(run->proof.version), "verdict", run->proof.verdict,
                     "values", values, "rss_over_time", series_array(run), "processes",
                     (int)run->processes_max, "killed", (int)run->killed, "sampling_share",
                     run->sampling_share);
}

static json_t *comparison_object(const struct comparison_set *set,
                                 const struct compare_comparison *comparison, int64_t origin_ns)
{
    json_t *readings = json_array();
    json_t *pairs = json_array();
    for (size_t i = 0; i < set->figures.count; i++)
        if (set->figures.items[i].shown)
            json_array_append_new(readings,
                                  reading_object(&set->figures.items[i], &comparison->readings[i]));
    for (size_t i = 0; i < set->pairs; i++) {
        const struct compare_pair *pair = &comparison->pairs[i];
        json_array_append_new(
            pairs, json_pack("{s:o, s:o}", "baseline",
                             run_object(&set->figures, &pair->baseline, origin_ns), "candidate",
                             run_object(&set->figures, &pair->candidate, origin_ns)));
    }
    return json_pack("{s:i, s:b, s:o, s:o}", "candidate", (int)comparison->arm, "aa",
                     comparison->is_aa, "readings", readings, "pairs", pairs);
}

static json_t *phases_array(const struct trial_spec *trial)
{
    json_t *array = json_array();
    for (size_t i = 0; i < trial->phase_count; i++)
        json_array_append_new(array,
                              json_pack("{s:s, s:o}", "name", trial->phases[i].name, "command",
                                        identify_json_text(trial->phases[i].command)));
    return array;
}

static json_t *program_object(const struct compare_report *report)
{
    const struct trial_spec *trial = &report->plan->trial;
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:f, s:f}", "argv", strings(trial->argv), "environment",
        strings(trial->environment), "prepare", identify_json_optional(trial->prepare), "load",
        identify_json_optional(trial->load), "ready", identify_json_optional(report->ready), "then",
        phases_array(trial), "settle_s", trial->settle_s, "idle_s", trial->idle_s);
}

static int64_t first_start(const struct comparison_set *set)
{
    int64_t first = INT64_MAX;
    for (size_t i = 0; set->pairs > 0 && i < set->comparison_count; i++) {
        const struct compare_pair *pair = &set->comparisons[i].pairs[0];
        if (pair->baseline.started_ns < first)
            first = pair->baseline.started_ns;
        if (pair->candidate.started_ns < first)
            first = pair->candidate.started_ns;
    }
    return first;
}

static json_t *sentences_string(const struct compare_report *report)
{
    char *text = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&text, &size);
    if (!memory)
        return NULL;
    compare_write_sentences(report, memory);
    fclose(memory);
    json_t *string = identify_json_text(text);
    free(text);
    return string;
}

json_t *compare_json(const struct compare_report *report)
{
    const struct comparison_set *set = report->set;
    json_t *arms = json_array();
    json_t *comparisons = json_array();
    int64_t origin_ns = first_start(set);
    for (size_t i = 0; i < set->arm_count; i++)
        json_array_append_new(arms, arm_json(&set->arms[i]));
    for (size_t i = 0; i < set->comparison_count; i++)
        json_array_append_new(comparisons, comparison_object(set, &set->comparisons[i], origin_ns));
    return json_pack("{s:i, s:s, s:s, s:o, s:o, s:s, s:i, s:b, s:f, s:{s:i, s:f}, s:{s:i, s:b}, "
                     "s:o, s:o, s:o, s:o}",
                     "schema", 1, "shale", SHALE_VERSION_STRING, "taken", report->taken, "machine",
                     machine_json(&report->machine), "program", program_object(report), "order",
                     "ABBA", "pairs", (int)set->pairs, "stopped_by_budget", set->stopped_by_budget,
                     "elapsed_s", set->elapsed_s, "sampling", "interval_ms",
                     report->plan->trial.interval_ms, "share_max", set->sampling_share, "aa",
                     "comparison", (int)set->aa, "quiet", set->aa_quiet, "arms", arms, "figures",
                     figures_array(&set->figures), "comparisons", comparisons, "sentences",
                     sentences_string(report));
}

int compare_write_json(const struct compare_report *report, FILE *out)
{
    return outfile_json(compare_json(report), out);
}
