/* SPDX-License-Identifier: MIT */
/* A tuning's result in words and in files: see tune_report.h. Layer 5. */
#include "gate/tune_report.h"

#include <math.h>
#include <string.h>

#include <shale/version.h>

#include "gate/markup.h"
#include "gate/report.h"
#include "identify/identify.h"

/* What people see of one entry. */
struct cells {
    char axes[TUNE_AXES][64]; /* "-3.1 % (-4.0..-2.2)" */
    const char *setting, *outcome;
};

static void fill_cells(const struct tune_result *result, size_t index, struct cells *cells)
{
    const struct tune_entry *entry = &result->entries[index];
    for (int axis = 0; axis < TUNE_AXES; axis++) {
        const struct tune_score *at = &entry->scores[axis];
        if (isnan(at->value))
            snprintf(cells->axes[axis], sizeof cells->axes[axis], "-");
        else if (index == 0)
            snprintf(cells->axes[axis], sizeof cells->axes[axis], "0");
        else if (entry->outcome == TUNE_SCREENED)
            snprintf(cells->axes[axis], sizeof cells->axes[axis], "%+.1f %%", 100 * at->value);
        else
            snprintf(cells->axes[axis], sizeof cells->axes[axis], "%+.1f %% (%+.1f..%+.1f)",
                     100 * at->value, 100 * at->low, 100 * at->high);
    }
    cells->setting = index == 0 ? "(as it comes)" : entry->setting.text;
    cells->outcome = (int)index == result->best ? "best" : tune_outcome_name(entry->outcome);
}

static void write_what_was_done(const struct tune_report *report, FILE *out)
{
    const struct tune_result *result = report->result;
    fprintf(out,
            "Objective %s. Latency is %s; RSS the mean over the figures of memory. Finalists: %zu "
            "pairs with the allocator as it comes, intervals of 95 %% over all of them together; "
            "what was screened out: %zu pairs before that.",
            tune_objective_name(report->objective),
            report->plan->trial.picker_count > 0 ? "what the metrics say" : "wall time",
            result->final_pairs, result->screening_pairs);
    if (result->unsteady)
        fputs(" The allocator as it comes differed from itself: the machine was not steady.", out);
}

/* ------------------------------------------------------------------------------------ text */

void tune_report_text(const struct tune_report *report, FILE *out)
{
    const struct tune_result *result = report->result;
    char machine[512];
    machine_text(&result->machine, machine, sizeof machine);
    fprintf(out, "settings of %s\n%s\n\n  %-26s %-26s %-13s %s\n", gate_arm_label(result->arm),
            machine, "latency", "RSS", "", "setting");
    for (size_t i = 0; i < result->count; i++) {
        struct cells cells;
        fill_cells(result, i, &cells);
        fprintf(out, "  %-26s %-26s %-13s %s\n", cells.axes[TUNE_AXIS_LATENCY],
                cells.axes[TUNE_AXIS_RSS], cells.outcome, cells.setting);
        if (result->entries[i].failed[0])
            fprintf(out, "  %-26s %-26s %-13s   %s\n", "", "", "", result->entries[i].failed);
    }
    fputs("\n", out);
    write_what_was_done(report, out);
    fprintf(out, "\n\n%s\n", result->advice);
}

/* ------------------------------------------------------------------------------------ JSON */

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *score_json(const struct tune_score *score)
{
    return json_pack("{s:o, s:o, s:o}", "value", number(score->value), "low", number(score->low),
                     "high", number(score->high));
}

static json_t *variables_json(const struct setting *setting)
{
    char storage[SETTING_TEXT_MAX];
    const char *variables[SETTING_VARIABLES_MAX + 1];
    json_t *array = json_array();
    size_t count = setting_variables(setting, storage, variables);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, identify_json_text(variables[i]));
    return array;
}

static json_t *entry_json(const struct tune_entry *entry)
{
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:s, s:o}", "name", identify_json_optional(entry->setting.name),
        "environment", variables_json(&entry->setting), "latency",
        score_json(&entry->scores[TUNE_AXIS_LATENCY]), "rss",
        score_json(&entry->scores[TUNE_AXIS_RSS]), "outcome", tune_outcome_name(entry->outcome),
        "failed", identify_json_optional(entry->failed));
}

static json_t *strings(const char *const *list)
{
    json_t *array = json_array();
    for (; list && *list; list++)
        json_array_append_new(array, identify_json_text(*list));
    return array;
}

json_t *tune_report_json(const struct tune_report *report)
{
    const struct tune_result *result = report->result;
    const struct gate_plan *plan = report->plan;
    json_t *entries = json_array();
    for (size_t i = 0; i < result->count; i++)
        json_array_append_new(entries, entry_json(&result->entries[i]));
    return json_pack(
        "{s:i, s:s, s:s, s:o, s:O, s:s, s:{s:o, s:o, s:o}, s:{s:i, s:i}, s:b, s:o, s:o, s:s, s:O?, "
        "s:f}",
        "schema", 1, "shale", SHALE_VERSION_STRING, "taken", result->taken, "machine",
        machine_json(&result->machine), "allocator", result->arm, "objective",
        tune_objective_name(report->objective), "program", "argv", strings(plan->trial.argv),
        "load", identify_json_optional(plan->trial.load), "environment",
        strings(plan->trial.environment), "pairs", "screening", (int)result->screening_pairs,
        "final", (int)result->final_pairs, "steady", !result->unsteady, "settings", entries, "best",
        result->best == TUNE_NOTHING ? json_null() : json_integer(result->best), "advice",
        result->advice, "samples", result->samples, "elapsed_s", result->elapsed_s);
}

/* -------------------------------------------------------------------------------- Markdown */

void tune_report_markdown(const struct tune_report *report, FILE *out)
{
    const struct tune_result *result = report->result;
    char machine[512];
    machine_text(&result->machine, machine, sizeof machine);
    fprintf(out, "## Settings of %s\n\n", gate_arm_label(result->arm));
    markup_cell(result->advice, out);
    fputs("\n\n| setting | latency | RSS | |\n|---|---:|---:|---|\n", out);
    for (size_t i = 0; i < result->count; i++) {
        struct cells cells;
        fill_cells(result, i, &cells);
        fprintf(out, "| `%s` | %s | %s | %s", cells.setting, cells.axes[TUNE_AXIS_LATENCY],
                cells.axes[TUNE_AXIS_RSS], cells.outcome);
        if (result->entries[i].failed[0])
            fputs(": ", out);
        markup_cell(result->entries[i].failed, out);
        fputs(" |\n", out);
    }
    fputs("\n", out);
    write_what_was_done(report, out);
    fprintf(out, "\n\n%s; %s\n", machine, result->taken);
}

/* ------------------------------------------------------------------------------------ HTML */

enum { PLOT_WIDTH = 560, PLOT_HEIGHT = 320, PLOT_EDGE = 40 };

/* The scale of an axis: from the lowest to the highest end of an interval, zero included. */
static void find_range(const struct tune_result *result, int axis, double *from, double *to)
{
    *from = -0.01;
    *to = 0.01;
    for (size_t i = 0; i < result->count; i++) {
        const struct tune_score *at = &result->entries[i].scores[axis];
        bool screened = result->entries[i].outcome == TUNE_SCREENED;
        if (isnan(at->value))
            continue;
        *from = fmin(*from, screened ? at->value : at->low);
        *to = fmax(*to, screened ? at->value : at->high);
    }
}

static double place(double value, double from, double to, double length)
{
    return PLOT_EDGE + (value - from) / (to - from) * (length - 2 * PLOT_EDGE);
}

static void write_point(const struct tune_entry *entry, const double from[TUNE_AXES],
                        const double to[TUNE_AXES], const char *title, FILE *out)
{
    static const double lengths[TUNE_AXES] = {PLOT_WIDTH, PLOT_HEIGHT};
    double at[TUNE_AXES], low[TUNE_AXES], high[TUNE_AXES];
    for (int axis = 0; axis < TUNE_AXES; axis++) {
        const struct tune_score *score = &entry->scores[axis];
        if (isnan(score->value))
            return;
        at[axis] = place(score->value, from[axis], to[axis], lengths[axis]);
        low[axis] = place(score->low, from[axis], to[axis], lengths[axis]);
        high[axis] = place(score->high, from[axis], to[axis], lengths[axis]);
    }
    const char *colour = entry->outcome == TUNE_FRONT ? "var(--go)" : "var(--dim)";
    fputs("<g><title>", out);
    markup_text(title, out);
    fputs("</title>", out);
    if (entry->outcome != TUNE_SCREENED)
        fprintf(out, "<path d=\"M%.1f %.1fH%.1fM%.1f %.1fV%.1f\" stroke=\"%s\" opacity=\".5\"/>",
                low[0], PLOT_HEIGHT - at[1], high[0], at[0], PLOT_HEIGHT - low[1],
                PLOT_HEIGHT - high[1], colour);
    fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"%s\"/></g>\n", at[0],
            PLOT_HEIGHT - at[1], colour);
}

static void write_plot(const struct tune_result *result, FILE *out)
{
    double from[TUNE_AXES], to[TUNE_AXES];
    for (int axis = 0; axis < TUNE_AXES; axis++)
        find_range(result, axis, &from[axis], &to[axis]);
    double zero_x = place(0, from[0], to[0], PLOT_WIDTH);
    double zero_y = PLOT_HEIGHT - place(0, from[1], to[1], PLOT_HEIGHT);
    fprintf(out,
            "<svg viewBox=\"0 0 %d %d\" width=\"%d\" role=\"img\" aria-label=\"latency across, "
            "RSS upwards; lower left is better\" font-size=\"12\" fill=\"var(--dim)\">"
            "<path d=\"M0 %.1fH%dM%.1f 0V%d\" stroke=\"var(--line)\"/>"
            "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">latency %+.0f %%</text>"
            "<text x=\"0\" y=\"%.1f\">%+.0f %%</text>"
            "<text x=\"%.1f\" y=\"12\">RSS %+.0f %%</text>"
            "<text x=\"%.1f\" y=\"%d\">%+.0f %%</text>\n",
            PLOT_WIDTH, PLOT_HEIGHT, PLOT_WIDTH, zero_y, PLOT_WIDTH, zero_x, PLOT_HEIGHT,
            PLOT_WIDTH, zero_y - 4, 100 * to[0], zero_y - 4, 100 * from[0], zero_x + 4, 100 * to[1],
            zero_x + 4, PLOT_HEIGHT - 4, 100 * from[1]);
    for (size_t i = 0; i < result->count; i++)
        write_point(&result->entries[i], from, to,
                    i == 0 ? "as it comes" : result->entries[i].setting.text, out);
    fputs("</svg>\n", out);
}

static void write_row(const struct tune_result *result, size_t index, FILE *out)
{
    struct cells cells;
    bool front = result->entries[index].outcome == TUNE_FRONT;
    fill_cells(result, index, &cells);
    fprintf(out, "<tr><td class=\"%s\">%s</td><td><code>", front ? "v0" : "dim", cells.outcome);
    markup_text(cells.setting, out);
    fprintf(out, "</code></td><td class=\"n\">%s</td><td class=\"n\">%s</td><td>",
            cells.axes[TUNE_AXIS_LATENCY], cells.axes[TUNE_AXIS_RSS]);
    markup_text(result->entries[index].failed, out);
    fputs("</td></tr>\n", out);
}

void tune_report_html(const struct tune_report *report, FILE *out)
{
    const struct tune_result *result = report->result;
    char machine[512];
    machine_text(&result->machine, machine, sizeof machine);
    markup_page_begin("shale tune", out);
    fputs("<h1>", out);
    markup_text(gate_arm_label(result->arm), out);
    fputs("</h1>\n<p>", out);
    markup_text(result->advice, out);
    fputs("</p>\n", out);
    write_plot(result, out);
    fputs("<table><thead><tr><th></th><th>setting</th><th>latency</th><th>RSS</th><th></th></tr>"
          "</thead><tbody>\n",
          out);
    for (size_t i = 0; i < result->count; i++)
        write_row(result, i, out);
    fputs("</tbody></table>\n<p class=\"dim\">", out);
    write_what_was_done(report, out);
    fputs("</p><p class=\"dim\">", out);
    markup_text(machine, out);
    fprintf(out, "; %s</p>\n", result->taken);
    markup_page_end(out);
}
