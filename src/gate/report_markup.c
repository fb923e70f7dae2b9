/* SPDX-License-Identifier: MIT */
/* A gate's result as JUnit XML, Markdown, HTML, workflow commands and Prometheus text. Layer 5. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "gate/markup.h"
#include "gate/report.h"

static bool was_run(const struct gate_phase_result *phase)
{
    return phase->done && !phase->skipped[0];
}

/* ------------------------------------------------------------------------------------ JUnit */

static void write_case(const struct gate_phase_result *phase, const struct gate_finding *finding,
                       FILE *out)
{
    fprintf(out, "    <testcase classname=\"gate.%s\" name=\"%s\">\n",
            gate_phase_name(phase->phase), finding->metric);
    if (finding->verdict >= GATE_NO_GO) {
        fprintf(out, "      <failure message=\"%s: ", gate_verdict_name(finding->verdict));
        markup_text(finding->text, out);
        fputs("\"/>\n", out);
    } else {
        fprintf(out, "      <system-out>%s: ", gate_verdict_name(finding->verdict));
        markup_text(finding->text, out);
        fputs("</system-out>\n", out);
    }
    fputs("    </testcase>\n", out);
}

static size_t count_failures(const struct gate_phase_result *phase)
{
    size_t failures = 0;
    for (size_t i = 0; i < phase->count; i++)
        failures += phase->findings[i].verdict >= GATE_NO_GO;
    return failures;
}

static void write_suite(const struct gate_phase_result *phase, FILE *out)
{
    const char *name = gate_phase_name(phase->phase);
    if (!phase->done)
        return;
    fprintf(out,
            "  <testsuite name=\"%s\" tests=\"%zu\" failures=\"%zu\" skipped=\"%d\" "
            "time=\"%.3f\">\n",
            name, was_run(phase) ? phase->count : 1, count_failures(phase), !was_run(phase),
            phase->elapsed_s);
    for (size_t i = 0; i < phase->count; i++)
        write_case(phase, &phase->findings[i], out);
    if (!was_run(phase)) {
        fprintf(out, "    <testcase classname=\"gate.%s\" name=\"%s\"><skipped message=\"", name,
                name);
        markup_text(phase->skipped, out);
        fputs("\"/></testcase>\n", out);
    }
    fputs("  </testsuite>\n", out);
}

void gate_report_junit(const struct gate_report *report, FILE *out)
{
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"shale gate\">\n", out);
    for (size_t i = 0; i < GATE_PHASES; i++)
        write_suite(&report->result->phases[i], out);
    fputs("</testsuites>\n", out);
}

/* --------------------------------------------------------------------------------- Markdown */

static void write_markdown_row(const struct gate_phase_result *phase,
                               const struct gate_finding *finding, FILE *out)
{
    struct gate_cells cells;
    gate_cells(finding, &cells);
    fprintf(out, "| %s | %s | %s | %s | %s | ", gate_phase_name(phase->phase), finding->title,
            cells.value, cells.limits, gate_verdict_name(finding->verdict));
    markup_cell(finding->text, out);
    fputs(" |\n", out);
}

void gate_report_markdown(const struct gate_report *report, FILE *out)
{
    const struct gate_result *result = report->result;
    char machine[512];
    machine_text(&result->machine, machine, sizeof machine);
    fprintf(out, "## Gate: %s\n\n%s in the place of %s. ", gate_verdict_name(result->verdict),
            gate_arm_label(result->candidate), gate_arm_label(result->baseline));
    markup_cell(result->reason, out);
    fputs("\n\n| phase | what | measured | limits | verdict | |\n|---|---|---:|---:|---|---|\n",
          out);
    for (size_t i = 0; i < GATE_PHASES; i++) {
        const struct gate_phase_result *phase = &result->phases[i];
        for (size_t j = 0; j < phase->count; j++)
            write_markdown_row(phase, &phase->findings[j], out);
        if (phase->skipped[0])
            fprintf(out, "| %s | not run | | | | %s |\n", gate_phase_name(phase->phase),
                    phase->skipped);
    }
    for (size_t i = 0; i < result->remedy_count; i++) {
        const struct gate_remedy_result *remedy = &result->remedies[i];
        fprintf(out, "| remedy | `%s` | | | %s | ", remedy->setting,
                gate_verdict_name(remedy->verdict));
        markup_cell(remedy->text, out);
        fputs(" |\n", out);
    }
    fputs("\n", out);
    for (size_t i = 0; i < GATE_PHASES; i++)
        if (result->phases[i].note[0])
            fprintf(out, "- %s: %s\n", gate_phase_name((enum gate_phase)i), result->phases[i].note);
    fprintf(out, "\n%s; %s\n", machine, result->taken);
}

/* ---------------------------------------------------------------------- workflow commands */

/* Data of a workflow command: GitHub decodes these three. */
static void write_command_data(const char *text, FILE *out)
{
    for (; *text; text++) {
        if (*text == '%')
            fputs("%25", out);
        else if (*text == '\r')
            fputs("%0D", out);
        else if (*text == '\n')
            fputs("%0A", out);
        else
            fputc(*text, out);
    }
}

void gate_report_github(const struct gate_report *report, FILE *out)
{
    const struct gate_result *result = report->result;
    for (size_t i = 0; i < GATE_PHASES; i++)
        for (size_t j = 0; j < result->phases[i].count; j++) {
            const struct gate_finding *finding = &result->phases[i].findings[j];
            if (finding->verdict == GATE_GO)
                continue;
            fprintf(out, "::%s title=shale gate, %s: %s::",
                    finding->verdict == GATE_CONDITIONAL ? "warning" : "error",
                    gate_phase_name((enum gate_phase)i), finding->title);
            write_command_data(finding->text, out);
            fputc('\n', out);
        }
    fprintf(out, "::notice title=shale gate::%s: ", gate_verdict_name(result->verdict));
    write_command_data(result->reason, out);
    fputc('\n', out);
}

/* ------------------------------------------------------------------------------- Prometheus */

static void write_label(const char *text, FILE *out)
{
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', out);
        fputc(*text == '\n' ? ' ' : *text, out);
    }
}

static void write_verdict_sample(const struct gate_result *result, enum gate_verdict verdict,
                                 FILE *out)
{
    fputs("shale_gate_verdict{baseline=\"", out);
    write_label(gate_arm_label(result->baseline), out);
    fputs("\",candidate=\"", out);
    write_label(gate_arm_label(result->candidate), out);
    fprintf(out, "\",verdict=\"%s\"} %d\n", gate_verdict_name(verdict), verdict == result->verdict);
}

void gate_report_prometheus(const struct gate_report *report, FILE *out)
{
    const struct gate_result *result = report->result;
    fputs("# HELP shale_gate_verdict The last gate's verdict: 1 for the one that was given.\n"
          "# TYPE shale_gate_verdict gauge\n",
          out);
    for (int verdict = GATE_GO; verdict < GATE_VERDICTS; verdict++)
        write_verdict_sample(result, (enum gate_verdict)verdict, out);
    fputs("# HELP shale_gate_change_ratio Candidate against baseline, minus 1; more is worse.\n"
          "# TYPE shale_gate_change_ratio gauge\n",
          out);
    for (size_t i = 0; i < GATE_PHASES; i++)
        for (size_t j = 0; j < result->phases[i].count; j++) {
            const struct gate_finding *finding = &result->phases[i].findings[j];
            if (finding->unit == GATE_RATIO && isfinite(finding->value))
                fprintf(out, "shale_gate_change_ratio{metric=\"%s\"} %.6g\n", finding->metric,
                        finding->value);
        }
    fprintf(out,
            "# HELP shale_gate_duration_seconds How long the last gate took.\n"
            "# TYPE shale_gate_duration_seconds gauge\n"
            "shale_gate_duration_seconds %.3f\n",
            result->elapsed_s);
}

/* ------------------------------------------------------------------------------------- HTML */

/* A ratio's interval on a line from -30 % to +50 %, with both limits. */
static void write_interval(const struct gate_finding *finding, FILE *out)
{
    enum { WIDTH = 160, HEIGHT = 16 };
    const double from = -0.3;
    const double to = 0.5;
    double at[5] = {finding->low, finding->high, finding->value, finding->warn, finding->fail};
    if (finding->unit != GATE_RATIO || !isfinite(finding->low))
        return;
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(at); i++)
        at[i] = WIDTH * (fmin(fmax(isfinite(at[i]) ? at[i] : to, from), to) - from) / (to - from);
    fprintf(out,
            "<svg width=\"%d\" height=\"%d\" role=\"img\" aria-label=\"interval against its "
            "limits\"><line x1=\"0\" x2=\"%d\" y1=\"8\" y2=\"8\" stroke=\"var(--line)\"/>"
            "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"1\" y2=\"15\" stroke=\"var(--cond)\"/>"
            "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"1\" y2=\"15\" stroke=\"var(--no)\"/>"
            "<rect x=\"%.1f\" y=\"5\" width=\"%.1f\" height=\"6\" fill=\"var(--bar)\"/>"
            "<circle cx=\"%.1f\" cy=\"8\" r=\"3.5\" fill=\"var(--ink)\"/></svg>",
            WIDTH, HEIGHT, WIDTH, at[3], at[3], at[4], at[4], at[0], fmax(1, at[1] - at[0]), at[2]);
}

static void write_html_finding(const struct gate_finding *finding, FILE *out)
{
    struct gate_cells cells;
    gate_cells(finding, &cells);
    fprintf(out, "<tr><td class=\"v%d\">%s</td><td>", (int)finding->verdict,
            gate_verdict_name(finding->verdict));
    markup_text(finding->title, out);
    fprintf(out, "</td><td class=\"n\">%s", cells.value);
    write_interval(finding, out);
    fprintf(out, "</td><td class=\"n\">%s</td><td>", cells.limits);
    markup_text(finding->text, out);
    fputs("</td></tr>\n", out);
}

static void write_html_phase(const struct gate_phase_result *phase, FILE *out)
{
    fprintf(out, "<h2>%s", gate_phase_name(phase->phase));
    if (was_run(phase))
        fprintf(out, ": <span class=\"v%d\">%s</span>", (int)gate_phase_verdict(phase),
                gate_verdict_name(gate_phase_verdict(phase)));
    fputs("</h2>\n<p class=\"dim\">", out);
    markup_text(phase->skipped[0] ? phase->skipped : phase->note, out);
    fputs("</p>\n", out);
    if (phase->count == 0)
        return;
    fputs("<table><thead><tr><th>verdict</th><th>what</th><th>measured</th><th>limits</th>"
          "<th></th></tr></thead><tbody>\n",
          out);
    for (size_t i = 0; i < phase->count; i++)
        write_html_finding(&phase->findings[i], out);
    fputs("</tbody></table>\n", out);
}

static void write_html_remedies(const struct gate_result *result, FILE *out)
{
    if (result->remedy_count == 0)
        return;
    fputs("<h2>settings that were tried</h2>\n<table><tbody>\n", out);
    for (size_t i = 0; i < result->remedy_count; i++) {
        const struct gate_remedy_result *remedy = &result->remedies[i];
        fprintf(out, "<tr><td class=\"v%d\">%s</td><td><code>", (int)remedy->verdict,
                gate_verdict_name(remedy->verdict));
        markup_text(remedy->setting, out);
        fputs("</code></td><td>", out);
        markup_text(remedy->text, out);
        fputs("</td></tr>\n", out);
    }
    fputs("</tbody></table>\n", out);
}

void gate_report_html(const struct gate_report *report, FILE *out)
{
    const struct gate_result *result = report->result;
    char machine[512];
    machine_text(&result->machine, machine, sizeof machine);
    char title[64];
    snprintf(title, sizeof title, "shale gate: %s", gate_verdict_name(result->verdict));
    markup_page_begin(title, out);
    fprintf(out, "<h1><span class=\"v%d\">%s</span></h1>\n<p>", (int)result->verdict,
            gate_verdict_name(result->verdict));
    markup_text(gate_arm_label(result->candidate), out);
    fputs(" in the place of ", out);
    markup_text(gate_arm_label(result->baseline), out);
    fputs(". ", out);
    markup_text(result->reason, out);
    fputs("</p>\n", out);
    for (size_t i = 0; i < GATE_PHASES; i++)
        write_html_phase(&result->phases[i], out);
    write_html_remedies(result, out);
    fputs("<p class=\"dim\">", out);
    markup_text(machine, out);
    fprintf(out, "; %s</p>\n", result->taken);
    markup_page_end(out);
}
