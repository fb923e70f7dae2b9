/* SPDX-License-Identifier: MIT */
/* A gate's result as JSON, and back again where an interrupted gate goes on. Layer 5. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <shale/version.h>

#include "gate/report.h"
#include "identify/identify.h"

enum { SCHEMA = 1 };

static const char *const unit_names[] = {"ratio", "share", "count", "bytes", "bytes_per_hour"};

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

/* ---------------------------------------------------------------------------------- writing */

static json_t *finding_json(const struct gate_finding *finding)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "metric",
                     finding->metric, "title", finding->title, "verdict",
                     gate_verdict_name(finding->verdict), "unit", unit_names[finding->unit],
                     "value", number(finding->value), "low", number(finding->low), "high",
                     number(finding->high), "warn", number(finding->warn), "fail",
                     number(finding->fail), "text", identify_json_text(finding->text));
}

static json_t *phase_json(const struct gate_phase_result *phase)
{
    json_t *findings = json_array();
    for (size_t i = 0; i < phase->count; i++)
        json_array_append_new(findings, finding_json(&phase->findings[i]));
    return json_pack(
        "{s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:O?}", "phase", gate_phase_name(phase->phase), "done",
        phase->done, "skipped", identify_json_optional(phase->skipped), "verdict",
        phase->done && !phase->skipped[0]
            ? json_string(gate_verdict_name(gate_phase_verdict(phase)))
            : json_null(),
        "elapsed_s", number(phase->elapsed_s), "note", identify_json_optional(phase->note),
        "findings", findings, "samples", phase->samples);
}

static json_t *remedy_json(const struct gate_remedy_result *remedy)
{
    return json_pack("{s:s, s:s, s:s, s:o}", "name", remedy->name, "setting", remedy->setting,
                     "verdict", gate_verdict_name(remedy->verdict), "text",
                     identify_json_text(remedy->text));
}

static json_t *strings(const char *const *list)
{
    json_t *array = json_array();
    for (; list && *list; list++)
        json_array_append_new(array, identify_json_text(*list));
    return array;
}

static json_t *side_json(const struct gate_plan *plan, const struct gate_side *side)
{
    const char *const *argv = side->setting.argv ? side->setting.argv : plan->trial.argv;
    return json_pack("{s:o, s:o, s:o, s:o}", "allocator", identify_json_text(side->allocator),
                     "name", identify_json_optional(side->setting.name), "argv", strings(argv),
                     "environment", strings(side->setting.environment));
}

/* What was asked for: enough to tell another plan from this one. */
static json_t *plan_json(const struct gate_plan *plan)
{
    json_t *skipped = json_array();
    for (size_t i = 0; i < GATE_PHASES; i++)
        if (plan->skip[i])
            json_array_append_new(skipped, json_string(gate_phase_name((enum gate_phase)i)));
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:i, s:i, s:i, s:f}", "baseline",
        side_json(plan, &plan->baseline), "candidate", side_json(plan, &plan->candidate),
        "environment", strings(plan->trial.environment), "load",
        identify_json_optional(plan->trial.load), "ready", identify_json_optional(plan->ready),
        "skip", skipped, "smoke_command", identify_json_optional(plan->smoke.command), "smoke_runs",
        plan->smoke.runs, "stress_cycles", plan->stress_cycles, "pairs_max", plan->pairs_max,
        "soak_s", plan->soak_s);
}

json_t *gate_report_json(const struct gate_report *report)
{
    const struct gate_result *result = report->result;
    json_t *phases = json_array();
    json_t *remedies = json_array();
    bool all = true;
    for (size_t i = 0; i < GATE_PHASES; i++) {
        json_array_append_new(phases, phase_json(&result->phases[i]));
        all = all && result->phases[i].done;
    }
    for (size_t i = 0; i < result->remedy_count; i++)
        json_array_append_new(remedies, remedy_json(&result->remedies[i]));
    bool judged = result->baseline != NULL;
    return json_pack(
        "{s:i, s:s, s:s, s:o, s:b, s:o, s:o, s:o, s:O?, s:O?, s:o, s:o, s:f}", "schema", SCHEMA,
        "shale", SHALE_VERSION_STRING, "taken", result->taken, "machine",
        machine_json(&result->machine), "complete", judged && all, "verdict",
        judged ? json_string(gate_verdict_name(result->verdict)) : json_null(), "reason",
        identify_json_optional(judged ? result->reason : NULL), "plan", plan_json(report->plan),
        "baseline", result->baseline, "candidate", result->candidate, "phases", phases, "remedies",
        remedies, "elapsed_s", result->elapsed_s);
}

/* ---------------------------------------------------------------------------------- reading */

static int index_of(const char *const *names, size_t count, const json_t *value)
{
    const char *text = json_string_value(value);
    for (size_t i = 0; text && i < count; i++)
        if (strcmp(names[i], text) == 0)
            return (int)i;
    return -1;
}

static double read_number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static void read_text(const json_t *object, const char *key, char *text, size_t size)
{
    const char *value = json_string_value(json_object_get(object, key));
    snprintf(text, size, "%s", value ? value : "");
}

static int verdict_of(const json_t *value)
{
    const char *names[GATE_VERDICTS];
    for (int i = 0; i < GATE_VERDICTS; i++)
        names[i] = gate_verdict_name((enum gate_verdict)i);
    return index_of(names, SHALE_ARRAY_LENGTH(names), value);
}

static bool read_finding(const json_t *json, struct gate_finding *finding)
{
    int verdict = verdict_of(json_object_get(json, "verdict"));
    int unit = index_of(unit_names, SHALE_ARRAY_LENGTH(unit_names), json_object_get(json, "unit"));
    if (verdict < 0 || unit < 0)
        return false;
    *finding = (struct gate_finding){
        .verdict = (enum gate_verdict)verdict,
        .unit = (enum gate_unit)unit,
        .value = read_number(json, "value"),
        .low = read_number(json, "low"),
        .high = read_number(json, "high"),
        .warn = read_number(json, "warn"),
        .fail = read_number(json, "fail"),
    };
    read_text(json, "metric", finding->metric, sizeof finding->metric);
    read_text(json, "title", finding->title, sizeof finding->title);
    read_text(json, "text", finding->text, sizeof finding->text);
    return true;
}

static bool read_phase(const json_t *json, struct gate_phase_result *phase)
{
    const json_t *findings = json_object_get(json, "findings");
    if (!json_is_array(findings) || json_array_size(findings) > GATE_FINDINGS_MAX)
        return false;
    if (!json_is_true(json_object_get(json, "done")))
        return true;
    for (size_t i = 0; i < json_array_size(findings); i++)
        if (!read_finding(json_array_get(findings, i), &phase->findings[i]))
            return false;
    phase->count = json_array_size(findings);
    phase->elapsed_s = read_number(json, "elapsed_s");
    read_text(json, "note", phase->note, sizeof phase->note);
    read_text(json, "skipped", phase->skipped, sizeof phase->skipped);
    phase->samples = json_incref(json_object_get(json, "samples"));
    phase->done = true;
    return true;
}

int gate_report_resume(const json_t *document, const struct gate_plan *plan,
                       struct gate_result *result, char *reason, size_t reason_size)
{
    const json_t *phases = json_object_get(document, "phases");
    if (json_integer_value(json_object_get(document, "schema")) != SCHEMA ||
        json_array_size(phases) != GATE_PHASES) {
        snprintf(reason, reason_size, "it is no result of this version of the gate");
        return SHALE_EFORMAT;
    }
    json_t *wanted = plan_json(plan);
    bool same = wanted && json_equal(wanted, json_object_get(document, "plan"));
    json_decref(wanted);
    if (!same) {
        snprintf(reason, reason_size, "it is about another plan");
        return SHALE_EINVAL;
    }
    for (size_t i = 0; i < GATE_PHASES; i++)
        if (!read_phase(json_array_get(phases, i), &result->phases[i])) {
            snprintf(reason, reason_size, "its phase %zu is damaged", i + 1);
            return SHALE_EFORMAT;
        }
    return SHALE_OK;
}
