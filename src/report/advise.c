/* SPDX-License-Identifier: MIT */
/* Recommendations: a rule each, with the limits it needs to speak. */
#include "report/advise.h"

#include <stdlib.h>

#include "report/names.h"

enum {
    HOT_COUNT_MIN = 10000,    /* temporary allocations of one stack */
    HOT_PER_S_MIN = 1000,     /* and each second */
    CROSS_COUNT_MIN = 10000,  /* frees of other threads' blocks */
    LEAK_BLOCKS_MIN = 64,     /* of one stack */
    LEAK_BYTES_MIN = 1 << 20, /* of one stack */
    PINNED_BYTES_MIN = 1 << 20,
    UNTOUCHED_BYTES_MIN = 8 << 20,
    UNTOUCHED_MEAN_MIN = 4096, /* smaller blocks share their pages with others */
    ROUNDING_BYTES_MIN = 1 << 20,
};

static const double hot_share = 0.05;       /* of all allocations, by one stack */
static const double hot_of_site = 0.5;      /* of that stack's own */
static const double cross_share = 0.2;      /* of all frees */
static const double leak_share = 0.01;      /* of the peak */
static const double leak_span = 0.25;       /* of the run, from the first lost block to the last */
static const double pinned_share = 0.1;     /* of the resident heap */
static const double untouched_share = 0.33; /* of the live bytes */
static const double rounding_share = 0.25;  /* of the usable bytes */

static const char *const names[REPORT_ADVICE_KINDS] = {
    [REPORT_ADVICE_TEMPORARY] = "temporary", [REPORT_ADVICE_CROSS_THREAD] = "cross_thread",
    [REPORT_ADVICE_LEAK] = "leak",           [REPORT_ADVICE_PINNING] = "pinning",
    [REPORT_ADVICE_OVERSIZED] = "oversized", [REPORT_ADVICE_ROUNDING] = "rounding",
};

const char *report_advice_name(enum report_advice_kind kind)
{
    return names[kind];
}

/* Keeps the weightiest sites of all that are offered. */
struct choice {
    struct report_advice *advice;
    uint64_t weights[REPORT_ADVICE_SITES];
};

static void offer(struct choice *choice, uint32_t site, uint64_t weight)
{
    struct report_advice *advice = choice->advice;
    uint32_t at = advice->site_count;
    while (at > 0 && choice->weights[at - 1] < weight)
        at--;
    if (at == REPORT_ADVICE_SITES)
        return;
    if (advice->site_count < REPORT_ADVICE_SITES)
        advice->site_count++;
    for (uint32_t i = advice->site_count - 1; i > at; i--) {
        advice->sites[i] = advice->sites[i - 1];
        choice->weights[i] = choice->weights[i - 1];
    }
    advice->sites[at] = site;
    choice->weights[at] = weight;
}

static double seconds_of(const struct shale_profile_report *report)
{
    return (double)report->provenance.duration_ns / 1e9;
}

/* Of a report that is scaled up from samples, a site needs a few of them. */
static bool is_supported(const struct shale_profile_report *report, uint64_t samples)
{
    return report->provenance.mode == PROFILE_FULL || samples >= 10;
}

/* ---- hot temporary allocations ----------------------------------------------------------------
 */

static bool is_hot(const struct shale_profile_report *report, const struct profile_site *site)
{
    return site->temporary >= HOT_COUNT_MIN && is_supported(report, site->samples) &&
           report_ratio(site->temporary, site->allocations) >= hot_of_site &&
           report_ratio(site->temporary, report->totals.allocations) >= hot_share &&
           (double)site->temporary >= HOT_PER_S_MIN * seconds_of(report);
}

static bool temporary(const struct shale_profile_report *report, struct report_advice *advice)
{
    struct choice choice = {.advice = advice};
    uint64_t together = 0;
    uint64_t stacks = 0;
    for (uint32_t i = 0; i < report->site_count; i++)
        if (is_hot(report, &report->sites[i])) {
            offer(&choice, i, report->sites[i].temporary);
            together += report->sites[i].temporary;
            stacks++;
        }
    double share = report_ratio(together, report->totals.allocations);
    advice->high = share >= 0.3;
    advice->title = "Temporary allocations in hot places";
    advice->remedy = "Keep one buffer for each thread or request and use it again, put small ones "
                     "on the stack, or open a domain (<shale/domain.h>) for the work and close it "
                     "as a whole.";
    snprintf(advice->evidence, sizeof advice->evidence,
             "%s blocks (%s of all allocations) of %s stack%s were freed by their thread before "
             "its next allocation.",
             report_count(together).text, report_share(share).text, report_count(stacks).text,
             stacks == 1 ? "" : "s");
    return stacks > 0;
}

/* ---- producers and consumers ------------------------------------------------------------------
 */

static bool cross_thread(const struct shale_profile_report *report, struct report_advice *advice)
{
    const struct profile_totals *totals = &report->totals;
    double share = report_ratio(totals->cross_thread_frees, totals->frees);
    if (totals->cross_thread_frees < CROSS_COUNT_MIN || share < cross_share)
        return false;
    advice->high = share >= 0.5;
    advice->title = "Blocks that are freed by other threads";
    advice->remedy = "Give buffers back to the thread that made them (a ring of free buffers, or "
                     "one message for many), let the receiver allocate, or compare allocators "
                     "that take such frees cheaply (`shale compare`).";
    int length = snprintf(advice->evidence, sizeof advice->evidence,
                          "%s frees (%s) are of blocks that another thread had allocated",
                          report_count(totals->cross_thread_frees).text, report_share(share).text);
    if (report->flow_count > 0) {
        const struct profile_flow *flow = &report->flows[0];
        snprintf(advice->evidence + length, sizeof advice->evidence - (size_t)length,
                 "; most go from thread %s (%u) to %s (%u): %s.", report->threads[flow->from].name,
                 report->threads[flow->from].os_id, report->threads[flow->to].name,
                 report->threads[flow->to].os_id, report_count(flow->frees).text);
    }
    return true;
}

/* ---- leaks ------------------------------------------------------------------------------------
 */

/* What a program sets up once and keeps is no leak: blocks have to pile up over the run. */
static bool piles_up(const struct shale_profile_report *report, const struct profile_leak *leak)
{
    uint64_t span = leak->last_ns - leak->first_ns;
    return leak->suppressed[0] == '\0' && leak->blocks >= LEAK_BLOCKS_MIN &&
           leak->bytes >= LEAK_BYTES_MIN && is_supported(report, leak->samples) &&
           report_ratio(leak->bytes, report->totals.peak_bytes) >= leak_share &&
           report_ratio(span, report->provenance.duration_ns) >= leak_span;
}

static bool leaks(const struct shale_profile_report *report, struct report_advice *advice)
{
    struct choice choice = {.advice = advice};
    uint64_t blocks = 0;
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < report->leak_count; i++)
        if (piles_up(report, &report->leaks[i])) {
            offer(&choice, report->leaks[i].site, report->leaks[i].bytes);
            blocks += report->leaks[i].blocks;
            bytes += report->leaks[i].bytes;
        }
    double share = report_ratio(bytes, report->totals.peak_bytes);
    advice->high = share >= 0.2;
    advice->title = "Blocks that pile up and are never freed";
    advice->remedy = "Free them where their owner ends. If the program means to keep them until it "
                     "exits, name the function in a suppression file.";
    snprintf(advice->evidence, sizeof advice->evidence,
             "%s blocks of %s (%s of the peak) were allocated all along the run and were still "
             "there when the recording ended.",
             report_count(blocks).text, report_bytes(bytes).text, report_share(share).text);
    return blocks > 0;
}

/* ---- pages held by few survivors --------------------------------------------------------------
 */

static bool pinning(const struct shale_profile_report *report, struct report_advice *advice)
{
    const struct profile_fragmentation *shares = &report->fragmentation;
    struct choice choice = {.advice = advice};
    uint64_t pages = 0;
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < shares->pin_count; i++) {
        offer(&choice, shares->pins[i].site, shares->pins[i].bytes);
        pages += shares->pins[i].pages;
        bytes += shares->pins[i].bytes;
    }
    double share = report_ratio(bytes, shares->heap_rss_bytes);
    advice->high = share >= 0.4;
    advice->title = "Pages that few survivors keep";
    advice->remedy = "Allocate what lives long apart from what does not: before the bulk of the "
                     "work, from a pool of its own, or in an epoch of its own (<shale/epoch.h>), "
                     "so that the pages of the rest can go back.";
    snprintf(advice->evidence, sizeof advice->evidence,
             "%s pages are mostly empty, and %s of them (%s of the resident heap) cannot go back "
             "because a few blocks in them live on.",
             report_count(pages).text, report_bytes(bytes).text, report_share(share).text);
    return bytes >= PINNED_BYTES_MIN && share >= pinned_share;
}

/* ---- requests larger than what is used --------------------------------------------------------
 */

/* The moment at which most live bytes were not resident; RSS counts more than the heap, so the
 * difference is what at least was never touched. */
static const struct profile_moment *least_touched(const struct shale_profile_report *report)
{
    const struct profile_moment *found = NULL;
    uint64_t most = 0;
    for (uint32_t i = 0; i < report->moment_count; i++) {
        const struct profile_moment *moment = &report->moments[i];
        bool less = moment->rss_bytes != 0 && moment->rss_bytes < moment->live_bytes;
        if (less && moment->live_bytes - moment->rss_bytes > most) {
            most = moment->live_bytes - moment->rss_bytes;
            found = moment;
        }
    }
    return found;
}

static bool oversized(const struct shale_profile_report *report, struct report_advice *advice)
{
    const struct profile_moment *moment = least_touched(report);
    if (moment == NULL)
        return false;
    uint64_t untouched = moment->live_bytes - moment->rss_bytes;
    double share = report_ratio(untouched, moment->live_bytes);
    if (untouched < UNTOUCHED_BYTES_MIN || share < untouched_share)
        return false;
    struct choice choice = {.advice = advice};
    for (uint32_t i = 0; i < report->site_count; i++) {
        const struct profile_site *site = &report->sites[i];
        uint64_t weight = report->peak_known ? site->peak_bytes : site->allocated_bytes;
        if (weight > 0 && site->allocated_bytes >= UNTOUCHED_MEAN_MIN * site->allocations)
            offer(&choice, i, weight);
    }
    advice->high = share >= 0.66;
    advice->title = "Requests larger than what is used";
    advice->remedy = "Ask for what is needed and let the buffer grow, or read the size first. "
                     "Memory that is never touched costs address space and, where memory is not "
                     "overcommitted, real memory.";
    snprintf(advice->evidence, sizeof advice->evidence,
             "%s after the start %s were live, but the whole process had only %s resident: at "
             "least %s (%s) had never been touched.",
             report_duration(moment->time_ns).text, report_bytes(moment->live_bytes).text,
             report_bytes(moment->rss_bytes).text, report_bytes(untouched).text,
             report_share(share).text);
    return true;
}

static bool rounding(const struct shale_profile_report *report, struct report_advice *advice)
{
    const struct profile_fragmentation *shares = &report->fragmentation;
    uint64_t lost = shares->usable_bytes > shares->requested_bytes
                        ? shares->usable_bytes - shares->requested_bytes
                        : 0;
    if (!shares->internal_known || lost < ROUNDING_BYTES_MIN || shares->internal < rounding_share)
        return false;
    struct choice choice = {.advice = advice};
    for (uint32_t i = 0; i < report->site_count; i++)
        if (report->sites[i].live_bytes > 0)
            offer(&choice, i, report->sites[i].live_bytes);
    advice->high = shares->internal >= 0.5;
    advice->title = "Blocks much larger than the requests";
    advice->remedy = "Sizes just above a class of the allocator's are rounded up the most: make "
                     "the structure a little smaller, allocate several at once, or compare "
                     "allocators with finer classes (`shale compare`).";
    snprintf(advice->evidence, sizeof advice->evidence,
             "%s were asked for, and the blocks that were given hold %s: %s of it is rounding up.",
             report_bytes(shares->requested_bytes).text, report_bytes(shares->usable_bytes).text,
             report_share(shares->internal).text);
    return true;
}

/* -----------------------------------------------------------------------------------------------
 */

static int by_gain(const void *left, const void *right)
{
    const struct report_advice *a = left;
    const struct report_advice *b = right;
    return a->high != b->high ? b->high - a->high : (int)a->kind - (int)b->kind;
}

unsigned report_advise(const struct shale_profile_report *report,
                       struct report_advice advice[REPORT_ADVICE_KINDS])
{
    static bool (*const rules[REPORT_ADVICE_KINDS])(const struct shale_profile_report *,
                                                    struct report_advice *) = {
        [REPORT_ADVICE_TEMPORARY] = temporary, [REPORT_ADVICE_CROSS_THREAD] = cross_thread,
        [REPORT_ADVICE_LEAK] = leaks,          [REPORT_ADVICE_PINNING] = pinning,
        [REPORT_ADVICE_OVERSIZED] = oversized, [REPORT_ADVICE_ROUNDING] = rounding,
    };
    unsigned count = 0;
    for (int kind = 0; kind < REPORT_ADVICE_KINDS; kind++) {
        advice[count] = (struct report_advice){.kind = (enum report_advice_kind)kind};
        count += rules[kind](report, &advice[count]);
    }
    qsort(advice, count, sizeof *advice, by_gain);
    return count;
}
