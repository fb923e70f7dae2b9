/* SPDX-License-Identifier: MIT */
/* Two profiles compared. */
#include "report/diff.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "report/names.h"

/* ---- comparing --------------------------------------------------------------------------------
 */

/* The figures of that stack, which are new and zero at the first call for it; NULL: no memory. */
static struct report_diff_stack *stack_of(struct report_diff *diff, uint32_t *room,
                                          const struct shale_profile_report *report,
                                          const struct profile_site *site)
{
    char *name = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&name, &length);
    if (out == NULL)
        return NULL;
    report_write_stack(report, site, true, out);
    bool written = fclose(out) == 0;
    uint32_t number = written ? intern_add(&diff->names, name, length) : 0;
    free(name);
    if (!written || diff->names.failed)
        return NULL;
    if (number >= *room) {
        uint32_t more = *room == 0 ? 256 : *room * 2;
        void *grown = reallocarray(diff->stacks, more, sizeof *diff->stacks);
        if (grown == NULL)
            return NULL;
        diff->stacks = grown;
        memset(&diff->stacks[*room], 0, (more - *room) * sizeof *diff->stacks);
        *room = more;
    }
    diff->count = diff->names.count;
    return &diff->stacks[number];
}

static bool add_side(struct report_diff *diff, uint32_t *room,
                     const struct shale_profile_report *report, bool after)
{
    for (uint32_t i = 0; i < report->site_count; i++) {
        struct report_diff_stack *stack = stack_of(diff, room, report, &report->sites[i]);
        if (stack == NULL)
            return false;
        uint64_t *figures = after ? stack->after : stack->before;
        for (int weight = 0; weight < REPORT_WEIGHTS; weight++)
            figures[weight] += report_weight_of(&report->sites[i], (enum report_weight)weight);
    }
    return true;
}

int report_diff_make(const struct shale_profile_report *before,
                     const struct shale_profile_report *after, struct report_diff *diff)
{
    struct report_diff made = {.before = before, .after = after};
    uint32_t room = 0;
    if (!add_side(&made, &room, before, false) || !add_side(&made, &room, after, true)) {
        report_diff_free(&made);
        return SHALE_ENOMEM;
    }
    *diff = made;
    return SHALE_OK;
}

void report_diff_free(struct report_diff *diff)
{
    intern_free(&diff->names);
    free(diff->stacks);
    diff->stacks = NULL;
}

/* ---- text -------------------------------------------------------------------------------------
 */

static struct report_number amount(uint64_t value, bool bytes)
{
    return bytes ? report_bytes(value) : report_count(value);
}

/* "+3.5 MiB", "-12" */
static struct report_number change(uint64_t before, uint64_t after, bool bytes)
{
    struct report_number text;
    struct report_number size = amount(after > before ? after - before : before - after, bytes);
    snprintf(text.text, sizeof text.text, "%s%.30s", after < before ? "-" : "+", size.text);
    return text;
}

static void write_row(FILE *out, const char *name, uint64_t before, uint64_t after, bool bytes)
{
    fprintf(out, "  %-22s %14s %14s %14s", name, amount(before, bytes).text,
            amount(after, bytes).text, change(before, after, bytes).text);
    if (before != 0)
        fprintf(out, "  (%+.1f %%)", ((double)after / (double)before - 1) * 100);
    fputc('\n', out);
}

static void write_totals(const struct report_diff *diff, FILE *out)
{
    const struct profile_totals *a = &diff->before->totals;
    const struct profile_totals *b = &diff->after->totals;
    fprintf(out, "before: %s\nafter:  %s\n\n", diff->before->provenance.command,
            diff->after->provenance.command);
    fprintf(out, "  %-22s %14s %14s %14s\n", "", "before", "after", "change");
    write_row(out, "allocations", a->allocations, b->allocations, false);
    write_row(out, "allocated", a->allocated_bytes, b->allocated_bytes, true);
    write_row(out, "temporary", a->temporary, b->temporary, false);
    write_row(out, "frees of another thread", a->cross_thread_frees, b->cross_thread_frees, false);
    write_row(out, "peak of live bytes", a->peak_bytes, b->peak_bytes, true);
    write_row(out, "peak resident", a->peak_rss_bytes, b->peak_rss_bytes, true);
    write_row(out, "live at the end", a->live_bytes, b->live_bytes, true);
}

struct changed {
    uint32_t stack;
    uint64_t size;
};

static int by_change(const void *left, const void *right)
{
    const struct changed *a = left;
    const struct changed *b = right;
    if (a->size != b->size)
        return a->size < b->size ? 1 : -1;
    return (a->stack > b->stack) - (a->stack < b->stack);
}

/* Every stack, the most changed first; NULL without memory. */
static struct changed *ranked(const struct report_diff *diff, enum report_weight weight)
{
    struct changed *list = calloc(diff->count + 1U, sizeof *list);
    if (list == NULL)
        return NULL;
    for (uint32_t i = 0; i < diff->count; i++) {
        uint64_t before = diff->stacks[i].before[weight];
        uint64_t after = diff->stacks[i].after[weight];
        list[i] = (struct changed){i, after > before ? after - before : before - after};
    }
    qsort(list, diff->count, sizeof *list, by_change);
    return list;
}

int report_diff_text(const struct report_diff *diff, enum report_weight weight, unsigned stacks,
                     FILE *out)
{
    bool bytes = report_weight_is_bytes(weight);
    struct changed *list = ranked(diff, weight);
    if (list == NULL)
        return SHALE_ENOMEM;
    write_totals(diff, out);
    fprintf(out, "\nStacks that changed most (%s%s)\n", report_weight_name(weight),
            bytes ? " bytes" : "");
    for (uint32_t i = 0; i < diff->count && i < stacks && list[i].size > 0; i++) {
        const struct report_diff_stack *stack = &diff->stacks[list[i].stack];
        fprintf(out, "  %s (%s to %s)\n      %s\n",
                change(stack->before[weight], stack->after[weight], bytes).text,
                amount(stack->before[weight], bytes).text, amount(stack->after[weight], bytes).text,
                intern_text(&diff->names, list[i].stack));
    }
    if (list[0].size == 0)
        fputs("  none\n", out);
    free(list);
    return SHALE_OK;
}

/* ---- for programs -----------------------------------------------------------------------------
 */

void report_diff_csv(const struct report_diff *diff, FILE *out)
{
    fputs("stack", out);
    for (int weight = 0; weight < REPORT_WEIGHTS; weight++)
        fprintf(out, ",%s_before,%s_after", report_weight_name((enum report_weight)weight),
                report_weight_name((enum report_weight)weight));
    fputc('\n', out);
    for (uint32_t i = 0; i < diff->count; i++) {
        fputc('"', out);
        for (const char *at = intern_text(&diff->names, i); *at; at++) {
            if (*at == '"')
                fputc('"', out);
            fputc(*at, out);
        }
        fputc('"', out);
        for (int weight = 0; weight < REPORT_WEIGHTS; weight++)
            fprintf(out, ",%" PRIu64 ",%" PRIu64, diff->stacks[i].before[weight],
                    diff->stacks[i].after[weight]);
        fputc('\n', out);
    }
}

int report_diff_flame(const struct report_diff *diff, enum report_weight weight, FILE *out)
{
    for (uint32_t i = 0; i < diff->count; i++)
        if (diff->stacks[i].before[weight] + diff->stacks[i].after[weight] > 0)
            fprintf(out, "%s %" PRIu64 " %" PRIu64 "\n", intern_text(&diff->names, i),
                    diff->stacks[i].before[weight], diff->stacks[i].after[weight]);
    return SHALE_OK;
}
