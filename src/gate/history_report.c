/* SPDX-License-Identifier: MIT */
/* The history in words and in files: see history_report.h. Layer 5. */
#include "gate/history_report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gate/markup.h"
#include "identify/identify.h"
#include "measure/trend.h"

enum { REGRESSIONS_MAX = 16 };

/* ------------------------------------------------------------------------------- reading */

static bool grow(void **items, size_t count, size_t size)
{
    if (count & (count - 1)) /* no power of two: there is room */
        return true;
    void *grown = realloc(*items, (count ? 2 * count : 1) * size);
    if (grown)
        *items = grown;
    return grown != NULL;
}

static void keep_run(const struct history_run *run, void *context)
{
    struct history_report *report = context;
    if (grow((void **)&report->runs, report->run_count, sizeof *run))
        report->runs[report->run_count++] = *run;
}

static void keep_point(const struct history_point *point, void *context)
{
    struct history_report *report = context;
    if (grow((void **)&report->points, report->point_count, sizeof *point))
        report->points[report->point_count++] = *point;
}

int history_report_read(struct history_report *report)
{
    int error = history_runs(report->history, &report->filter, keep_run, report);
    if (!error && report->metric)
        error =
            history_points(report->history, &report->filter, report->metric, keep_point, report);
    return error;
}

void history_report_free(struct history_report *report)
{
    free(report->runs);
    free(report->points);
}

/* ------------------------------------------------------------------------------- numbers */

static void value_text(const struct history_point *point, char *text, size_t size)
{
    bool ratio = strcmp(point->unit, "ratio") == 0 || strcmp(point->unit, "share") == 0;
    if (isnan(point->value))
        snprintf(text, size, "-");
    else if (ratio && isfinite(point->low))
        snprintf(text, size, "%+.1f %% (%+.1f..%+.1f)", 100 * point->value, 100 * point->low,
                 100 * point->high);
    else if (ratio)
        snprintf(text, size, "%+.1f %%", 100 * point->value);
    else
        snprintf(text, size, "%.6g", point->value);
}

void history_regression_text(const struct history_regression *regression, char *text, size_t size)
{
    char now[64];
    char then[64];
    value_text(&regression->now, now, sizeof now);
    value_text(&regression->then, then, sizeof then);
    snprintf(text, size, "%s: %s, at the last GO %s", regression->now.title, now, then);
}

/* Whether the figure rises from run to run; false for too few to tell. */
static bool find_trend(const struct history_report *report, struct trend *trend)
{
    struct trend_point points[TREND_POINTS_MAX];
    size_t count = 0;
    size_t first =
        report->point_count > TREND_POINTS_MAX ? report->point_count - TREND_POINTS_MAX : 0;
    for (size_t i = first; i < report->point_count; i++)
        if (isfinite(report->points[i].value)) {
            points[count] = (struct trend_point){(double)count, report->points[i].value};
            count++;
        }
    return trend_of(points, count, 0.05, trend) == SHALE_OK;
}

static void trend_text(const struct history_report *report, char *text, size_t size)
{
    struct trend trend;
    bool ratio = report->point_count > 0 && strcmp(report->points[0].unit, "ratio") == 0;
    double scale = ratio ? 100 : 1;
    if (!find_trend(report, &trend))
        snprintf(text, size, "%zu values; %d are the fewest that can show a trend",
                 report->point_count, TREND_POINTS_MIN);
    else
        snprintf(text, size, "%s: %+.3g%s from one to the next (%+.3g to %+.3g)",
                 trend.low > 0    ? "rising"
                 : trend.high < 0 ? "falling"
                                  : "no trend shown",
                 scale * trend.slope, ratio ? " %" : "", scale * trend.low, scale * trend.high);
}

/* ---------------------------------------------------------------------------------- text */

/* The value between the lowest and the highest of all, as a bar. */
static void bar_text(const struct history_report *report, double value, char bar[21])
{
    double low = INFINITY;
    double high = -INFINITY;
    for (size_t i = 0; i < report->point_count; i++) {
        low = fmin(low, report->points[i].value);
        high = fmax(high, report->points[i].value);
    }
    int full = isfinite(value) && high > low ? (int)(1 + 19 * (value - low) / (high - low)) : 0;
    memset(bar, '#', (size_t)full);
    bar[full] = '\0';
}

static void write_points(const struct history_report *report, FILE *out)
{
    char text[128];
    char bar[21];
    for (size_t i = 0; i < report->point_count; i++) {
        const struct history_point *point = &report->points[i];
        value_text(point, text, sizeof text);
        bar_text(report, point->value, bar);
        fprintf(out, "%-20s  %-26s %-20s %-14s %.40s\n", point->run.taken, text, bar,
                point->verdict, point->run.candidate);
    }
    trend_text(report, text, sizeof text);
    fprintf(out, "\n%s\n", text);
}

static void write_regressions(struct history *history, const struct history_run *run, FILE *out)
{
    struct history_regression worse[REGRESSIONS_MAX];
    char text[256];
    long long go = strcmp(run->kind, "gate") == 0 ? history_last_go(history, run->id) : 0;
    size_t count = history_regressions(history, run->id, go, worse, REGRESSIONS_MAX);
    for (size_t i = 0; i < count; i++) {
        history_regression_text(&worse[i], text, sizeof text);
        fprintf(out, "    worse than at the last GO: %s\n", text);
    }
}

void history_report_text(const struct history_report *report, FILE *out)
{
    if (report->metric) {
        write_points(report, out);
        return;
    }
    for (size_t i = 0; i < report->run_count; i++) {
        const struct history_run *run = &report->runs[i];
        fprintf(out, "%-20s  %-7s  %-14s  %s in the place of %s: %.60s\n", run->taken, run->kind,
                run->verdict[0] ? run->verdict : "-", run->candidate, run->baseline, run->program);
        if (run->reason[0] && strcmp(run->verdict, "GO") != 0)
            fprintf(out, "    %s\n", run->reason);
        write_regressions(report->history, run, out);
    }
}

/* ---------------------------------------------------------------------------------- JSON */

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *run_json(const struct history_report *report, const struct history_run *run)
{
    struct history_regression worse[REGRESSIONS_MAX];
    json_t *regressions = json_array();
    char text[256];
    long long go = strcmp(run->kind, "gate") == 0 ? history_last_go(report->history, run->id) : 0;
    size_t count = history_regressions(report->history, run->id, go, worse, REGRESSIONS_MAX);
    for (size_t i = 0; i < count; i++) {
        history_regression_text(&worse[i], text, sizeof text);
        json_array_append_new(regressions, json_pack("{s:s, s:o}", "metric", worse[i].now.metric,
                                                     "text", identify_json_text(text)));
    }
    return json_pack("{s:I, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id", (json_int_t)run->id,
                     "kind", run->kind, "taken", identify_json_text(run->taken), "program",
                     identify_json_text(run->program), "baseline",
                     identify_json_text(run->baseline), "candidate",
                     identify_json_text(run->candidate), "verdict",
                     identify_json_optional(run->verdict), "reason",
                     identify_json_optional(run->reason), "worse_than_last_go", regressions);
}

static json_t *point_json(const struct history_point *point)
{
    return json_pack("{s:I, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o}", "run",
                     (json_int_t)point->run.id, "taken", identify_json_text(point->run.taken),
                     "candidate", identify_json_text(point->run.candidate), "unit", point->unit,
                     "verdict", identify_json_optional(point->verdict), "value",
                     number(point->value), "low", number(point->low), "high", number(point->high),
                     "median", number(point->median));
}

json_t *history_report_json(const struct history_report *report)
{
    json_t *runs = json_array();
    json_t *points = json_array();
    for (size_t i = 0; i < report->run_count; i++)
        json_array_append_new(runs, run_json(report, &report->runs[i]));
    for (size_t i = 0; i < report->point_count; i++)
        json_array_append_new(points, point_json(&report->points[i]));
    return json_pack("{s:i, s:o, s:o, s:o}", "schema", 1, "metric",
                     identify_json_optional(report->metric), "runs", runs, "points", points);
}

/* ---------------------------------------------------------------------------- Prometheus */

static void write_label(const char *text, FILE *out)
{
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', out);
        fputc(*text == '\n' ? ' ' : *text, out);
    }
}

static void write_sample(const struct history_point *point, void *context)
{
    FILE *out = context;
    if (!isfinite(point->value) || strcmp(point->unit, "ratio") != 0)
        return;
    fputs("shale_gate_change_ratio{candidate=\"", out);
    write_label(point->run.candidate, out);
    fprintf(out, "\",metric=\"%s\"} %.6g\n", point->metric, point->value);
}

void history_report_prometheus(const struct history_report *report, FILE *out)
{
    struct history_filter last = {.id = history_last(report->history, "gate")};
    fputs("# HELP shale_gate_change_ratio Candidate against baseline, minus 1; more is worse.\n"
          "# TYPE shale_gate_change_ratio gauge\n",
          out);
    if (last.id > 0 && history_points(report->history, &last, NULL, write_sample, out) != SHALE_OK)
        fputs("# the history could not be read\n", out);
    fputs("# HELP shale_gate_runs How many results the history shows, by verdict.\n"
          "# TYPE shale_gate_runs gauge\n",
          out);
    static const char *const verdicts[] = {"GO", "CONDITIONAL GO", "INCONCLUSIVE", "NO-GO"};
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(verdicts); i++) {
        size_t count = 0;
        for (size_t j = 0; j < report->run_count; j++)
            count += strcmp(report->runs[j].verdict, verdicts[i]) == 0;
        fprintf(out, "shale_gate_runs{verdict=\"%s\"} %zu\n", verdicts[i], count);
    }
}

/* ---------------------------------------------------------------------------------- HTML */

enum { WIDTH = 900, HEIGHT = 300, EDGE = 30 };

struct chart {
    double from, to;
    size_t count;
};

static struct chart chart_of(const struct history_report *report)
{
    struct chart chart = {INFINITY, -INFINITY, report->point_count};
    for (size_t i = 0; i < report->point_count; i++) {
        const struct history_point *point = &report->points[i];
        chart.from = fmin(chart.from, fmin(point->value, point->low)); /* fmin leaves out NaN */
        chart.to = fmax(chart.to, fmax(point->value, point->high));
    }
    if (!(chart.to > chart.from)) {
        chart.from = isfinite(chart.from) ? chart.from - 1 : 0;
        chart.to = chart.from + 2;
    }
    return chart;
}

static double x_of(const struct chart *chart, size_t index)
{
    return EDGE + (chart->count > 1 ? (double)index / (double)(chart->count - 1) : 0.5) *
                      (WIDTH - 2 * EDGE);
}

static double y_of(const struct chart *chart, double value)
{
    return HEIGHT - EDGE - (value - chart->from) / (chart->to - chart->from) * (HEIGHT - 2 * EDGE);
}

static const char *colour_of(const struct history_point *point)
{
    if (strcmp(point->verdict, "NO-GO") == 0 || strcmp(point->verdict, "INCONCLUSIVE") == 0)
        return "var(--no)";
    if (strcmp(point->verdict, "CONDITIONAL GO") == 0)
        return "var(--cond)";
    return strcmp(point->verdict, "GO") == 0 ? "var(--go)" : "var(--bar)";
}

static void write_mark(const struct chart *chart, const struct history_point *point, size_t index,
                       FILE *out)
{
    char text[128];
    if (isnan(point->value))
        return;
    value_text(point, text, sizeof text);
    fprintf(out, "<g stroke=\"%s\" fill=\"%s\"><title>", colour_of(point), colour_of(point));
    markup_text(point->run.taken, out);
    fputs(", ", out);
    markup_text(point->run.candidate, out);
    fprintf(out, ": %s</title>", text);
    if (isfinite(point->low) && isfinite(point->high))
        fprintf(out, "<path d=\"M%.1f %.1fV%.1f\"/>", x_of(chart, index), y_of(chart, point->low),
                y_of(chart, point->high));
    fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\"/></g>\n", x_of(chart, index),
            y_of(chart, point->value));
}

static void write_chart(const struct history_report *report, FILE *out)
{
    struct chart chart = chart_of(report);
    bool ratio = report->point_count > 0 && strcmp(report->points[0].unit, "ratio") == 0;
    fprintf(out,
            "<svg viewBox=\"0 0 %d %d\" width=\"100%%\" role=\"img\" aria-label=\"the metric "
            "over time\" font-size=\"12\">",
            WIDTH, HEIGHT);
    if (chart.from <= 0 && chart.to >= 0)
        fprintf(out, "<path d=\"M0 %.1fH%d\" stroke=\"var(--line)\"/>", y_of(&chart, 0), WIDTH);
    fprintf(out, "<text x=\"0\" y=\"14\" fill=\"var(--dim)\">%.4g%s</text>",
            chart.to * (ratio ? 100 : 1), ratio ? " %" : "");
    fprintf(out, "<text x=\"0\" y=\"%d\" fill=\"var(--dim)\">%.4g%s</text>\n", HEIGHT - 4,
            chart.from * (ratio ? 100 : 1), ratio ? " %" : "");
    for (size_t i = 0; i < report->point_count; i++)
        write_mark(&chart, &report->points[i], i, out);
    fputs("</svg>\n", out);
}

static void write_html_run(const struct history_report *report, const struct history_run *run,
                           FILE *out)
{
    static const char *const verdicts[] = {"GO", "CONDITIONAL GO", "INCONCLUSIVE", "NO-GO"};
    int class = -1;
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(verdicts); i++)
        if (strcmp(run->verdict, verdicts[i]) == 0)
            class = (int)i;
    const char *texts[] = {run->taken, run->kind, run->candidate, run->baseline, run->program};
    fprintf(out, "<tr><td class=\"v%d\">%s</td>", class, run->verdict);
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(texts); i++) {
        fputs("<td>", out);
        markup_text(texts[i], out);
        fputs("</td>", out);
    }
    fputs("<td>", out);
    markup_text(run->reason, out);
    struct history_regression worse[REGRESSIONS_MAX];
    char text[256];
    long long go = strcmp(run->kind, "gate") == 0 ? history_last_go(report->history, run->id) : 0;
    size_t count = history_regressions(report->history, run->id, go, worse, REGRESSIONS_MAX);
    for (size_t i = 0; i < count; i++) {
        history_regression_text(&worse[i], text, sizeof text);
        fputs("<br>worse than at the last GO: ", out);
        markup_text(text, out);
    }
    fputs("</td></tr>\n", out);
}

void history_report_html(const struct history_report *report, FILE *out)
{
    char text[128];
    markup_page_begin("shale history", out);
    fputs("<h1>", out);
    markup_text(report->metric ? report->metric : "History", out);
    fputs("</h1>\n", out);
    if (report->metric) {
        trend_text(report, text, sizeof text);
        fprintf(out, "<p>%s</p>\n", text);
        write_chart(report, out);
    }
    fputs("<table><thead><tr><th>verdict</th><th>when</th><th></th><th>candidate</th><th>in the "
          "place of</th><th>program</th><th></th></tr></thead><tbody>\n",
          out);
    for (size_t i = report->run_count; i-- > 0;)
        write_html_run(report, &report->runs[i], out);
    fputs("</tbody></table>\n", out);
    markup_page_end(out);
}
