/* SPDX-License-Identifier: MIT */
/* A comparison as CSV and as Markdown. Layer 4. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "measure/compare_report.h"
#include "measure/outfile.h"

/* ------------------------------------------------------------------------------------ CSV */

static void write_csv_run(const struct comparison_set *set,
                          const struct compare_comparison *comparison, size_t pair,
                          bool is_baseline, FILE *out)
{
    const struct trial_result *run =
        is_baseline ? &comparison->pairs[pair].baseline : &comparison->pairs[pair].candidate;
    for (size_t i = 0; i < set->figures.count; i++) {
        const struct figure *figure = &set->figures.items[i];
        if (!figure->shown || !isfinite(run->values[i]))
            continue;
        outfile_csv_field(set->arms[comparison->arm].label, out);
        fprintf(out, ",%d,%zu,%s,", comparison->is_aa, pair + 1,
                is_baseline ? "baseline" : "candidate");
        outfile_csv_field(run->proof.allocator, out);
        fputc(',', out);
        outfile_csv_field(run->proof.version, out);
        fprintf(out, ",%s,%.12g\n", figure->name, run->values[i]);
    }
}

void compare_write_csv(const struct compare_report *report, FILE *out)
{
    const struct comparison_set *set = report->set;
    fprintf(out, "candidate,aa,pair,side,verified_allocator,verified_version,figure,value\n");
    for (size_t i = 0; i < set->comparison_count; i++)
        for (size_t pair = 0; pair < set->pairs; pair++) {
            write_csv_run(set, &set->comparisons[i], pair, true, out);
            write_csv_run(set, &set->comparisons[i], pair, false, out);
        }
}

/* ------------------------------------------------------------------------------- Markdown */

static void write_markdown_rows(const struct comparison_set *set,
                                const struct compare_comparison *comparison, FILE *out)
{
    for (size_t i = 0; i < set->figures.count; i++) {
        const struct figure *figure = &set->figures.items[i];
        struct compare_cells cells;
        if (!figure->shown || !figure->primary)
            continue;
        compare_cells(figure, &comparison->readings[i], &cells);
        fprintf(out, "| %s | %s | %s | %s | %s | %s | %s |\n", figure->title, cells.baseline,
                cells.candidate, cells.ratio, cells.interval, cells.could_show, cells.verdict);
    }
}

static void write_markdown_comparison(const struct comparison_set *set,
                                      const struct compare_comparison *comparison, FILE *out)
{
    const char *label = set->arms[comparison->arm].label;
    fprintf(out, "\n### %s against %s%s\n\n", label, set->arms[0].label,
            comparison->is_aa ? " (A/A check)" : "");
    fprintf(out, "| figure | %s | %s | ratio | 95 %% interval | detects | verdict |\n",
            set->arms[0].label, label);
    fprintf(out, "|---|---:|---:|---:|---:|---:|---|\n");
    write_markdown_rows(set, comparison, out);
}

/* A word as a shell reads it back, so that the command can be pasted. */
static void write_shell_word(const char *word, const char *end, FILE *out)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "%+,-./:=@^_";
    if (*word && word[strspn(word, plain)] == '\0') {
        fprintf(out, "%s%s", word, end);
        return;
    }
    fputc('\'', out);
    for (; *word; word++) {
        if (*word == '\'')
            fputs("'\\''", out);
        else
            fputc(*word, out);
    }
    fprintf(out, "'%s", end);
}

static void write_markdown_command(const struct trial_spec *trial, FILE *out)
{
    fprintf(out, "```\n");
    for (const char *const *word = trial->environment; word && *word; word++)
        write_shell_word(*word, " ", out);
    for (const char *const *word = trial->argv; *word; word++)
        write_shell_word(*word, word[1] ? " " : "\n", out);
    if (trial->load)
        fprintf(out, "load: %s\n", trial->load);
    for (size_t i = 0; i < trial->phase_count; i++)
        fprintf(out, "then %s: %s\n", trial->phases[i].name, trial->phases[i].command);
    fprintf(out, "```\n");
}

void compare_write_markdown(const struct compare_report *report, FILE *out)
{
    const struct comparison_set *set = report->set;
    char text[512];
    fprintf(out, "## Allocators compared\n\n");
    compare_write_sentences(report, out);
    compare_pairs_warning(set, text, sizeof text);
    if (text[0])
        fprintf(out, "\n**%s**\n", text);
    for (size_t i = 0; i < set->comparison_count; i++)
        write_markdown_comparison(set, &set->comparisons[i], out);
    fprintf(out, "\n");
    write_markdown_command(&report->plan->trial, out);
    machine_text(&report->machine, text, sizeof text);
    fprintf(out, "\n%zu pairs of each, run A B B A, %.0f s; %s; %s\n", set->pairs, set->elapsed_s,
            text, report->taken);
    for (size_t i = 0; i < set->arm_count; i++)
        fprintf(out, "- %s: proven %s, malloc in `%s`%s%s\n", set->arms[i].label,
                set->arms[i].proof.verdict, set->arms[i].proof.object,
                set->arms[i].note[0] ? ". " : "", set->arms[i].note);
}
