/* SPDX-License-Identifier: MIT */
/* The rules, one function each: what is seen, from where on it matters, what it is called. Layer 1.
 */
#include "slab/diagnose.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <shale/epoch.h>

enum {
    SECOND_NS = 1000000000,
    AGE_S = 60,              /* of an open epoch with live blocks */
    SURVIVORS_MIN = 1 << 20, /* bytes that they keep, */
    SURVIVORS_SHARE = 4,     /* and a quarter of what the epoch has */
    REMOTE_MIN = 10000,      /* frees by others, */
    REMOTE_SHARE = 2,        /* and half of all */
    UNUSED_MIN = 16 << 20,   /* bytes, */
    UNUSED_SHARE = 2,        /* and half of what is in use */
    PENDING_MIN = 1 << 20,
    WAITS_MIN = 10000,
    WAITS_SHARE = 10, /* of the operations on the slow path */
    BYTES_TEXT = 24,
};

static void SHALE_PRINTF(3, 4)
    add(struct slab_findings *findings, const struct shale_finding *finding, const char *text, ...)
{
    va_list arguments;
    if (findings->found && findings->count < findings->room) {
        struct shale_finding *added = &findings->found[findings->count];
        *added = *finding;
        va_start(arguments, text);
        /* The analyzer takes the list for one that was not started. */
        /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
        vsnprintf(added->text, sizeof added->text, text, arguments);
        va_end(arguments);
    }
    findings->count++;
}

static const char *bytes_text(uint64_t bytes, char text[BYTES_TEXT])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    int unit = 0;
    for (; value >= 1024 && unit < 4; unit++)
        value /= 1024;
    (void)snprintf(text, BYTES_TEXT, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
    return text;
}

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

/* "epoch 'label'", "epoch 65537" or "plain malloc". */
static const char *name_of(const struct shale_stats_epoch *epoch, char *name, size_t size)
{
    if (epoch->epoch == 0)
        (void)snprintf(name, size, "plain malloc");
    else if (epoch->label[0] != '\0')
        (void)snprintf(name, size, "epoch '%.*s'", (int)sizeof epoch->label, epoch->label);
    else
        (void)snprintf(name, size, "epoch %" PRIu64, epoch->epoch);
    return name;
}

/* ---- of one epoch -----------------------------------------------------------------------------
 */

static void judge_age(const struct slab_symptoms *symptoms, const struct shale_stats_epoch *epoch,
                      struct slab_findings *findings)
{
    char name[80];
    char bytes[BYTES_TEXT];
    uint64_t limit =
        symptoms->epoch_age_ns != 0 ? symptoms->epoch_age_ns : (uint64_t)AGE_S * SECOND_NS;
    bool open = epoch->state == SHALE_EPOCH_ACTIVE;
    uint64_t live = epoch->live_bytes + epoch->region_bytes;
    if (epoch->epoch == 0 || epoch->age_ns < limit || (live == 0 && open))
        return;
    struct shale_finding finding = {.cause = open ? SHALE_CAUSE_LEAKING_EPOCH
                                                  : SHALE_CAUSE_UNFINISHED_CLOSE,
                                    .epoch = epoch->epoch,
                                    .count = epoch->live_blocks,
                                    .bytes = epoch->used_bytes};
    (void)name_of(epoch, name, sizeof name);
    if (open)
        add(findings, &finding, "%s is open for %.1f s and has %" PRIu64 " live block%s, %s", name,
            (double)epoch->age_ns / SECOND_NS, epoch->live_blocks, plural(epoch->live_blocks),
            bytes_text(live, bytes));
    else
        add(findings, &finding,
            "%s is closed but not ended, %.1f s after it was opened: %" PRIu64
            " live block%s, %s, %" PRIu64 " reference%s",
            name, (double)epoch->age_ns / SECOND_NS, epoch->live_blocks, plural(epoch->live_blocks),
            bytes_text(live, bytes), epoch->references, plural(epoch->references));
}

static void judge_survivors(const struct shale_stats_epoch *epoch, struct slab_findings *findings)
{
    char name[80];
    char kept[BYTES_TEXT];
    char live[BYTES_TEXT];
    if (epoch->pinned_bytes < SURVIVORS_MIN ||
        epoch->pinned_bytes < epoch->used_bytes / SURVIVORS_SHARE)
        return;
    struct shale_finding finding = {.cause = SHALE_CAUSE_SURVIVORS,
                                    .epoch = epoch->epoch,
                                    .count = epoch->pinning_blocks,
                                    .bytes = epoch->pinned_bytes};
    add(findings, &finding,
        "in %s %" PRIu64 " live block%s, %s, keep%s %" PRIu64 " slab%s with %s of free blocks",
        name_of(epoch, name, sizeof name), epoch->pinning_blocks, plural(epoch->pinning_blocks),
        bytes_text(epoch->pinning_bytes, live), epoch->pinning_blocks == 1 ? "s" : "",
        epoch->pinned_slabs, plural(epoch->pinned_slabs), bytes_text(epoch->pinned_bytes, kept));
}

/* ---- of the engine ----------------------------------------------------------------------------
 */

static void judge_frees(const struct shale_stats *stats, struct slab_findings *findings)
{
    char bytes[BYTES_TEXT];
    if (stats->remote_frees >= REMOTE_MIN && stats->remote_frees >= stats->frees / REMOTE_SHARE)
        add(findings,
            &(struct shale_finding){.cause = SHALE_CAUSE_REMOTE_FREES,
                                    .count = stats->remote_frees},
            "%" PRIu64 " of %" PRIu64 " frees were of another thread's blocks: %" PRIu64
            " batches, %" PRIu64 " messages",
            stats->remote_frees,
            stats->frees > stats->remote_frees ? stats->frees : stats->remote_frees,
            stats->remote_batches, stats->messages_sent);
    if (stats->pending_bytes >= PENDING_MIN)
        add(findings,
            &(struct shale_finding){.cause = SHALE_CAUSE_UNCOLLECTED,
                                    .bytes = stats->pending_bytes},
            "%s were freed by other threads and not taken back by the owners",
            bytes_text(stats->pending_bytes, bytes));
    if (stats->misuses != 0)
        add(findings, &(struct shale_finding){.cause = SHALE_CAUSE_MISUSE, .count = stats->misuses},
            "%" PRIu64 " free%s could not be right: double frees among them", stats->misuses,
            plural(stats->misuses));
}

static void judge_refusals(const struct shale_stats *stats, struct slab_findings *findings)
{
    if (stats->stale_allocs != 0)
        add(findings,
            &(struct shale_finding){.cause = SHALE_CAUSE_STALE_ALLOCS,
                                    .count = stats->stale_allocs},
            "%" PRIu64 " allocation%s %s refused: the epoch was closed", stats->stale_allocs,
            plural(stats->stale_allocs), stats->stale_allocs == 1 ? "was" : "were");
    if (stats->failed_allocs != 0 || stats->out_of_memory != 0)
        add(findings,
            &(struct shale_finding){.cause = SHALE_CAUSE_NO_MEMORY, .count = stats->out_of_memory},
            "%" PRIu64 " request%s found no memory before everything was given back, %" PRIu64
            " found none at all",
            stats->out_of_memory, plural(stats->out_of_memory), stats->failed_allocs);
}

static void judge_memory(const struct shale_stats *stats, struct slab_findings *findings)
{
    char bytes[BYTES_TEXT];
    uint64_t unused = stats->dirty_bytes + stats->empty_slab_bytes;
    if (unused >= UNUSED_MIN && unused >= stats->used_bytes / UNUSED_SHARE)
        add(findings, &(struct shale_finding){.cause = SHALE_CAUSE_UNUSED_MEMORY, .bytes = unused},
            "%s are free and still resident: nobody frees any more, or the policy keeps them",
            bytes_text(unused, bytes));
    if (stats->purges_failed != 0)
        add(findings,
            &(struct shale_finding){.cause = SHALE_CAUSE_PURGE_REFUSED,
                                    .count = stats->purges_failed},
            "%" PRIu64 " of %" PRIu64 " calls that give memory back were refused by the system",
            stats->purges_failed, stats->purges);
}

static void judge_waiting(const struct shale_stats *stats, struct slab_findings *findings)
{
    uint64_t slow = stats->slow_allocs + stats->slow_frees;
    if (stats->lock_waits >= WAITS_MIN && stats->lock_waits >= slow / WAITS_SHARE)
        add(findings,
            &(struct shale_finding){.cause = SHALE_CAUSE_CONTENTION, .count = stats->lock_waits},
            "%" PRIu64 " of %" PRIu64 " slow operations found a lock taken, %" PRIu64
            " visits of other heaps were put off",
            stats->lock_waits, slow, stats->visits_deferred);
}

void slab_diagnose(const struct slab_symptoms *symptoms, struct slab_findings *findings)
{
    for (size_t i = 0; i < symptoms->epoch_count; i++)
        judge_age(symptoms, &symptoms->epochs[i], findings);
    for (size_t i = 0; i < symptoms->epoch_count; i++)
        judge_survivors(&symptoms->epochs[i], findings);
    judge_frees(symptoms->stats, findings);
    judge_refusals(symptoms->stats, findings);
    judge_memory(symptoms->stats, findings);
    judge_waiting(symptoms->stats, findings);
}

/* ---- names ------------------------------------------------------------------------------------
 */

#define NAME(code, name, remedy)   name,
#define REMEDY(code, name, remedy) remedy,

SHALE_EXPORT const char *shale_cause_name(uint64_t cause)
{
    static const char *const names[] = {SHALE_CAUSE_LIST(NAME)};
    return cause < SHALE_ARRAY_LENGTH(names) ? names[cause] : NULL;
}

SHALE_EXPORT const char *shale_cause_remedy(uint64_t cause)
{
    static const char *const remedies[] = {SHALE_CAUSE_LIST(REMEDY)};
    return cause < SHALE_ARRAY_LENGTH(remedies) ? remedies[cause] : NULL;
}
