/* SPDX-License-Identifier: MIT */
/* A comparison for people: table, sentences, warnings. Layer 4. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "measure/compare_report.h"

void compare_report_init(struct compare_report *report, const struct compare_plan *plan,
                         const struct comparison_set *set, const char *ready)
{
    *report = (struct compare_report){.plan = plan, .set = set, .ready = ready};
    machine_read(&report->machine);
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(report->taken, sizeof report->taken, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

/* ------------------------------------------------------------------------------ the cells */

/* A ratio of 1.034 as "3.4 %": what a log ratio is above or below nothing. */
static void format_percent(double log_ratio, char *text, size_t size)
{
    double percent = 100 * fabs(expm1(log_ratio));
    if (!isfinite(percent))
        snprintf(text, size, "-");
    else
        snprintf(text, size, "%.*f %%", percent < 10 ? 1 : 0, percent);
}

void compare_cells(const struct figure *figure, const struct compare_reading *reading,
                   struct compare_cells *cells)
{
    *cells = (struct compare_cells){.ratio = "-", .interval = "-", .could_show = "-"};
    figure_format(figure->unit, reading->baseline_median, cells->baseline, sizeof cells->baseline);
    figure_format(figure->unit, reading->candidate_median, cells->candidate,
                  sizeof cells->candidate);
    snprintf(cells->verdict, sizeof cells->verdict, "%s", compare_verdict_name(reading->verdict));
    if (reading->verdict == COMPARE_NOT_COMPARABLE)
        return;
    const struct stats_paired *stats = &reading->stats;
    snprintf(cells->ratio, sizeof cells->ratio, "%.3f", exp(stats->estimate));
    snprintf(cells->interval, sizeof cells->interval, "%.3f .. %.3f", exp(stats->low),
             exp(stats->high));
    format_percent(stats->mde, cells->could_show, sizeof cells->could_show);
}

/* -------------------------------------------------------------------------- the sentences */

/* "7.8 % lower (6.1 to 9.4 %)", "2.09 times as high (2.01 to 2.15)" */
static void write_change(const struct stats_paired *stats, FILE *out)
{
    if (stats->estimate >= log(2)) {
        fprintf(out, "%.2f times as high (%.2f to %.2f)", exp(stats->estimate), exp(stats->low),
                exp(stats->high));
        return;
    }
    bool lower = stats->estimate < 0;
    double nearer = lower ? stats->high : stats->low;
    double farther = lower ? stats->low : stats->high;
    char by[16];
    format_percent(stats->estimate, by, sizeof by);
    fprintf(out, "%s %s (%.1f to %.1f)", by, lower ? "lower" : "higher", 100 * fabs(expm1(nearer)),
            100 * fabs(expm1(farther)));
}

static bool is_shown_primary(const struct comparison_set *set, size_t figure)
{
    return set->figures.items[figure].primary && set->figures.items[figure].shown;
}

/* Writes the titles of the primary figures with one of the verdicts; how many there were. */
static size_t list_titles(const struct comparison_set *set,
                          const struct compare_comparison *comparison, enum compare_verdict from,
                          enum compare_verdict to, FILE *out)
{
    size_t count = 0;
    for (size_t i = 0; i < set->figures.count; i++) {
        enum compare_verdict verdict = comparison->readings[i].verdict;
        if (!is_shown_primary(set, i) || verdict < from || verdict > to)
            continue;
        fprintf(out, "%s%s", count++ ? ", " : "", set->figures.items[i].title);
    }
    return count;
}

static size_t write_differences(const struct comparison_set *set,
                                const struct compare_comparison *comparison, FILE *out)
{
    size_t count = 0;
    for (size_t i = 0; i < set->figures.count; i++) {
        enum compare_verdict verdict = comparison->readings[i].verdict;
        if (!is_shown_primary(set, i) || verdict < COMPARE_LOWER)
            continue;
        fprintf(out, "%s%s ", count++ ? ", " : "", set->figures.items[i].title);
        write_change(&comparison->readings[i].stats, out);
    }
    return count;
}

/* Titles with a verdict behind a leading text; nothing when there are none. */
static void write_group(const struct comparison_set *set,
                        const struct compare_comparison *comparison, enum compare_verdict from,
                        enum compare_verdict to, const char *lead, FILE *out)
{
    char titles[2048] = "";
    FILE *memory = fmemopen(titles, sizeof titles, "w");
    if (!memory)
        return;
    size_t count = list_titles(set, comparison, from, to, memory);
    fclose(memory);
    if (count > 0)
        fprintf(out, "%s%s", lead, titles);
}

static void write_sentence(const struct comparison_set *set,
                           const struct compare_comparison *comparison, FILE *out)
{
    fprintf(out, "Against %s, %s has ", set->arms[0].label, set->arms[comparison->arm].label);
    if (write_differences(set, comparison, out) == 0)
        fprintf(out, "no difference shown");
    else
        write_group(set, comparison, COMPARE_NO_DIFFERENCE, COMPARE_NO_DIFFERENCE,
                    "; no difference shown in ", out);
    write_group(set, comparison, COMPARE_UNSURE_LOWER, COMPARE_UNSURE_HIGHER,
                "; unsure after Holm: ", out);
    write_group(set, comparison, COMPARE_TOO_FEW, COMPARE_TOO_FEW, "; too few pairs to tell for ",
                out);
    fprintf(out, ".\n");
}

/* The candidate with the lowest ratio of one figure among those shown to be lower, or NULL. */
static const struct compare_comparison *lowest(const struct comparison_set *set, size_t figure)
{
    const struct compare_comparison *found = NULL;
    for (size_t i = 0; i < set->comparison_count; i++) {
        const struct compare_comparison *comparison = &set->comparisons[i];
        const struct compare_reading *reading = &comparison->readings[figure];
        if (comparison->is_aa || reading->verdict != COMPARE_LOWER)
            continue;
        if (!found || reading->stats.estimate < found->readings[figure].stats.estimate)
            found = comparison;
    }
    return found;
}

/* One sentence over all candidates, for the figures of which less is better. */
static void write_summary(const struct comparison_set *set, FILE *out)
{
    size_t count = 0;
    for (size_t i = 0; i < set->figures.count; i++) {
        const struct compare_comparison *best = lowest(set, i);
        char by[16];
        if (!is_shown_primary(set, i) || set->figures.items[i].unit == FIGURE_PLAIN || !best)
            continue;
        format_percent(best->readings[i].stats.estimate, by, sizeof by);
        if (count++ == 0)
            fprintf(out, "In short, the largest drops shown against %s: ", set->arms[0].label);
        else
            fprintf(out, ", ");
        fprintf(out, "%s with %s (%s)", set->figures.items[i].title, set->arms[best->arm].label,
                by);
    }
    if (count > 0)
        fprintf(out, ".\n");
    else
        fprintf(out, "In short, nothing is shown to need less than %s.\n", set->arms[0].label);
}

static void write_aa_sentence(const struct comparison_set *set, FILE *out)
{
    const struct compare_comparison *comparison = &set->comparisons[set->aa];
    if (set->pairs < STATS_PAIRS_MIN) {
        fprintf(out, "A/A check: %zu pairs of %s against itself are too few to tell anything.\n",
                set->pairs, set->arms[0].label);
    } else if (set->aa_quiet) {
        fprintf(out, "A/A check: %s against itself over %zu pairs: no difference shown.\n",
                set->arms[0].label, set->pairs);
    } else {
        fprintf(out, "A/A check FAILED: %s differs from itself: ", set->arms[0].label);
        write_differences(set, comparison, out);
        fprintf(out, ".\nThis machine was not steady while it ran: do not rely on these figures; "
                     "stop what else runs and repeat.\n");
    }
}

void compare_write_sentences(const struct compare_report *report, FILE *out)
{
    const struct comparison_set *set = report->set;
    for (size_t i = 0; i < set->comparison_count; i++)
        if (!set->comparisons[i].is_aa)
            write_sentence(set, &set->comparisons[i], out);
    write_aa_sentence(set, out);
    if (set->arm_count > 2 || !set->comparisons[0].is_aa)
        write_summary(set, out);
}

/* ------------------------------------------------------------------------------ the table */

static void write_row(const struct figure *figure, const struct compare_reading *reading, FILE *out)
{
    struct compare_cells cells;
    compare_cells(figure, reading, &cells);
    fprintf(out, "  %-20s %11s %11s %8s %18s %8s  %s\n", figure->title, cells.baseline,
            cells.candidate, cells.ratio, cells.interval, cells.could_show, cells.verdict);
}

/* A row that was zero or missing everywhere says nothing. */
static bool worth_a_row(const struct figure *figure, const struct compare_reading *reading)
{
    return figure->shown &&
           (figure->primary || reading->baseline_median > 0 || reading->candidate_median > 0);
}

static void write_rows(const struct comparison_set *set,
                       const struct compare_comparison *comparison, bool primary, FILE *out)
{
    for (size_t i = 0; i < set->figures.count; i++) {
        const struct figure *figure = &set->figures.items[i];
        if (figure->primary == primary && worth_a_row(figure, &comparison->readings[i]))
            write_row(figure, &comparison->readings[i], out);
    }
}

static void write_comparison(const struct comparison_set *set, size_t index, FILE *out)
{
    const struct compare_comparison *comparison = &set->comparisons[index];
    const struct arm *arm = &set->arms[comparison->arm];
    fprintf(out, "\n%s against %s%s, %zu pairs\n", arm->label, set->arms[0].label,
            comparison->is_aa ? " (A/A check)" : "", set->pairs);
    fprintf(out, "  %-20s %11s %11s %8s %18s %8s\n", "figure (median)", "baseline",
            comparison->is_aa ? "again" : "candidate", "ratio", "95 % interval", "detects");
    write_rows(set, comparison, true, out);
    if (comparison->is_aa)
        return;
    fprintf(out, "  explaining them, each read alone:\n");
    write_rows(set, comparison, false, out);
}

static void write_arm(const struct arm *arm, FILE *out)
{
    fprintf(out, "  %-24s proven %s, malloc in %s\n", arm->label, arm->proof.verdict,
            arm->proof.object);
    if (arm->proof.layers[0])
        fprintf(out, "  %-24s above malloc: %s\n", "", arm->proof.layers);
    if (arm->note[0])
        fprintf(out, "  %-24s %s\n", "", arm->note);
}

void compare_pairs_warning(const struct comparison_set *set, char *text, size_t size)
{
    size_t family = compare_family_size(set, 0);
    size_t needed = stats_pairs_needed(family ? family : 1);
    text[0] = '\0';
    if (set->pairs < STATS_PAIRS_MIN)
        snprintf(text, size,
                 "%zu pairs can show nothing at 95 %%: the smallest p they can give is %.3g. "
                 "Use --pairs %zu or more for %zu figures.",
                 set->pairs, stats_smallest_p(set->pairs), needed, family);
    else if (set->pairs < needed)
        snprintf(text, size,
                 "%zu pairs can show one figure alone (smallest p %.3g), but none after Holm's "
                 "adjustment over %zu figures. Use --pairs %zu or more.",
                 set->pairs, stats_smallest_p(set->pairs), family, needed);
}

static void write_command(const struct compare_report *report, FILE *out)
{
    for (const char *const *word = report->plan->trial.argv; *word; word++)
        fprintf(out, "%s%s", word == report->plan->trial.argv ? "" : " ",
                strpbrk(*word, " \n") ? "..." : *word);
}

void compare_write_text(const struct compare_report *report, FILE *out)
{
    const struct comparison_set *set = report->set;
    char machine[512];
    char warning[512];
    machine_text(&report->machine, machine, sizeof machine);
    write_command(report, out);
    fprintf(out, "\n%s\n", machine);
    for (size_t i = 0; i < set->arm_count; i++)
        write_arm(&set->arms[i], out);
    for (size_t i = 0; i < set->comparison_count; i++)
        write_comparison(set, i, out);
    fprintf(out,
            "\nMedians; the ratio is Hodges-Lehmann's over %zu pairs run A B B A, with its 95 %% "
            "interval;\n\"detects\" is the smallest difference such a run would show. Verdicts are "
            "after Holm's\nadjustment. Sampling took at most %.1f %% of one CPU. %.0f s.\n\n",
            set->pairs, 100 * set->sampling_share, set->elapsed_s);
    compare_write_sentences(report, out);
    compare_pairs_warning(set, warning, sizeof warning);
    if (set->stopped_by_budget)
        fprintf(out, "The time budget ended it after %zu of %zu pairs.\n", set->pairs,
                report->plan->pairs);
    if (set->killed > 0)
        fprintf(out, "%u processes did not end at SIGTERM and were killed.\n", set->killed);
    if (warning[0])
        fprintf(out, "%s\n", warning);
}
