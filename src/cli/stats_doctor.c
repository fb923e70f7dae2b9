/* SPDX-License-Identifier: MIT */
/* Findings, and figures derived from others, as text and as JSON. Layer 6. */
#include "cli/stats_doctor.h"

#include <inttypes.h>
#include <stdlib.h>

#include "cli/stats_output.h"
#include "identify/identify.h"

/* ---- judging ----------------------------------------------------------------------------------
 */

/* All findings. found is NULL where there are none, or no memory; the caller frees it. */
struct findings {
    struct shale_finding *found;
    size_t count;
};

static struct findings judge(const struct inspect_engine *engine, uint64_t epoch_age_ns)
{
    struct findings findings = {NULL, inspect_diagnose(engine, epoch_age_ns, NULL, 0)};
    if (findings.count != 0)
        findings.found = calloc(findings.count, sizeof *findings.found);
    if (findings.found != NULL)
        (void)inspect_diagnose(engine, epoch_age_ns, findings.found, findings.count);
    return findings;
}

bool stats_is_healthy(const struct inspect_report *report, uint64_t epoch_age_ns)
{
    for (size_t i = 0; i < report->engine_count; i++) {
        struct findings findings = judge(&report->engines[i], epoch_age_ns);
        free(findings.found);
        if (findings.count != 0)
            return false;
    }
    return true;
}

/* ---- derived figures --------------------------------------------------------------------------
 */

struct derived {
    double recycle_percent;   /* slabs that were had again, of all that were needed */
    int64_t net_slabs;        /* taken and not given back */
    uint64_t estimated_bytes; /* resident, as the engine reckons */
    double slow_alloc_percent;
    double remote_free_percent;
};

static double percent(uint64_t part, uint64_t whole)
{
    return whole == 0 ? 0 : 100.0 * (double)part / (double)whole;
}

static struct derived derive(const struct shale_stats *s)
{
    uint64_t again = s->slabs_reused + s->slabs_adopted;
    uint64_t touched = s->used_bytes + s->dirty_bytes;
    return (struct derived){
        .recycle_percent = percent(again, again + s->slabs_taken),
        .net_slabs = (int64_t)(s->slabs_taken - s->slabs_released),
        .estimated_bytes = touched > s->untouched_bytes ? touched - s->untouched_bytes : 0,
        .slow_alloc_percent = percent(s->slow_allocs, s->allocs),
        .remote_free_percent = percent(s->remote_frees, s->frees),
    };
}

/* Why allocations were slow: what the slow path had to do, and how often. */
static const struct {
    const char *name;
    size_t offset;
} reasons[] = {
    {"new_blocks", offsetof(struct shale_stats, new_block_steps)},
    {"slab_reused", offsetof(struct shale_stats, slabs_reused)},
    {"orphan_adopted", offsetof(struct shale_stats, slabs_adopted)},
    {"slab_taken", offsetof(struct shale_stats, slabs_taken)},
    {"segment_taken", offsetof(struct shale_stats, segments_taken)},
    {"range_grown", offsetof(struct shale_stats, range_grows)},
    {"lock_busy", offsetof(struct shale_stats, lock_waits)},
    {"epoch_closed", offsetof(struct shale_stats, stale_allocs)},
    {"large_block", offsetof(struct shale_stats, large_allocs)},
    {"remote_collected", offsetof(struct shale_stats, remote_collected)},
};

static uint64_t reason_value(const struct shale_stats *stats, size_t i)
{
    return *(const uint64_t *)(const void *)((const char *)stats + reasons[i].offset);
}

/* ---- text -------------------------------------------------------------------------------------
 */

static double mib(uint64_t bytes)
{
    return (double)bytes / (1 << 20);
}

static void print_findings(FILE *out, const struct findings *findings)
{
    if (findings->count == 0)
        fprintf(out, "healthy: nothing found\n");
    for (size_t i = 0; i < findings->count && findings->found != NULL; i++) {
        const struct shale_finding *finding = &findings->found[i];
        fprintf(out, "%s: %s\n  try: %s\n", shale_cause_name(finding->cause), finding->text,
                shale_cause_remedy(finding->cause));
    }
}

static void print_derived(FILE *out, const struct inspect_engine *engine)
{
    const struct shale_stats *stats = &engine->stats;
    const struct inspect_resident *resident = &engine->resident;
    struct derived derived = derive(stats);
    fprintf(out, "why slow: %.2f %% of allocations left the fast path, for\n",
            derived.slow_alloc_percent);
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reason_value(stats, i) != 0)
            fprintf(out, "  %-18s %12" PRIu64 "\n", reasons[i].name, reason_value(stats, i));
    fprintf(out,
            "slabs: %.1f %% had again, %" PRId64 " net; %.1f %% of frees were remote\n"
            "resident: %.1f MiB by the system (%.1f huge, %.1f lazily free), %.1f MiB reckoned\n"
            "given back: %.1f MiB in %" PRIu64 " calls, %" PRIu64 " refused\n",
            derived.recycle_percent, derived.net_slabs, derived.remote_free_percent,
            mib(resident->resident), mib(resident->huge), mib(resident->lazy),
            mib(derived.estimated_bytes), mib(stats->purged_bytes), stats->purges,
            stats->purges_failed);
}

static const char *state_text(uint64_t state)
{
    static const char *const texts[] = {"ended", "open", "closing", "closed"};
    return state < sizeof texts / sizeof texts[0] ? texts[state] : "?";
}

enum { EPOCHS_SHOWN = 10 };

static int by_use(const void *one, const void *other)
{
    uint64_t a = ((const struct shale_stats_epoch *)one)->used_bytes;
    uint64_t b = ((const struct shale_stats_epoch *)other)->used_bytes;
    return a < b ? 1 : a > b ? -1 : 0;
}

static void print_epoch(FILE *out, const struct shale_stats_epoch *epoch)
{
    fprintf(out, "  %10.1f %10.1f %10.1f %10" PRIu64 " %8.1f %-8s %s\n", mib(epoch->used_bytes),
            mib(epoch->live_bytes + epoch->region_bytes), mib(epoch->pinned_bytes),
            epoch->live_blocks, epoch->epoch == 0 ? 0 : (double)epoch->age_ns / 1e9,
            state_text(epoch->state), epoch->epoch == 0 ? "(plain malloc)" : epoch->label);
}

static void print_epochs(FILE *out, const struct inspect_engine *engine)
{
    struct shale_stats_epoch *sorted = calloc(engine->epoch_count + 1, sizeof *sorted);
    if (sorted == NULL)
        return;
    for (size_t i = 0; i < engine->epoch_count; i++)
        sorted[i] = engine->epochs[i];
    qsort(sorted, engine->epoch_count, sizeof *sorted, by_use);
    fprintf(out, "epochs, MiB\n  %10s %10s %10s %10s %8s %-8s %s\n", "used", "live", "pinned",
            "blocks", "age_s", "state", "label");
    for (size_t i = 0; i < engine->epoch_count && i < EPOCHS_SHOWN; i++)
        print_epoch(out, &sorted[i]);
    if (engine->epoch_count > EPOCHS_SHOWN)
        fprintf(out, "  and %zu more\n", engine->epoch_count - EPOCHS_SHOWN);
    free(sorted);
}

bool stats_print_doctor(FILE *out, const struct inspect_report *report, uint64_t epoch_age_ns)
{
    bool healthy = true;
    fprintf(out, "process %ld (%s), %.1f MiB resident\n", (long)report->pid, report->command,
            mib(report->rss_bytes));
    for (size_t i = 0; i < report->engine_count; i++) {
        const struct inspect_engine *engine = &report->engines[i];
        if (!engine->readable)
            continue;
        struct findings findings = judge(engine, epoch_age_ns);
        fprintf(out, "engine of Shale %s in %s\n", engine->release, engine->object);
        print_findings(out, &findings);
        print_derived(out, engine);
        print_epochs(out, engine);
        healthy = healthy && findings.count == 0;
        free(findings.found);
    }
    return healthy;
}

/* ---- JSON -------------------------------------------------------------------------------------
 */

static int set(json_t *object, const char *name, uint64_t value)
{
    return json_object_set_new(object, name, json_integer((json_int_t)value));
}

static json_t *finding_json(const struct shale_finding *finding)
{
    return json_pack("{s:s, s:I, s:I, s:I, s:o, s:s}", "cause", shale_cause_name(finding->cause),
                     "epoch", (json_int_t)finding->epoch, "count", (json_int_t)finding->count,
                     "bytes", (json_int_t)finding->bytes, "text", identify_json_text(finding->text),
                     "remedy", shale_cause_remedy(finding->cause));
}

static json_t *findings_json(const struct inspect_engine *engine, uint64_t epoch_age_ns)
{
    struct findings findings = judge(engine, epoch_age_ns);
    json_t *json = json_array();
    int bad = findings.count != 0 && findings.found == NULL;
    for (size_t i = 0; i < findings.count && !bad; i++)
        bad = json_array_append_new(json, finding_json(&findings.found[i]));
    free(findings.found);
    return bad ? (json_decref(json), NULL) : json;
}

static json_t *epoch_json(const struct shale_stats_epoch *epoch)
{
    json_t *json = json_object();
    int bad = json_object_set_new(json, "label", identify_json_text(epoch->label));
    bad |= json_object_set_new(json, "state", json_string(state_text(epoch->state)));
#define ADD(name) bad |= set(json, #name, epoch->name)
    ADD(epoch);
    ADD(kind);
    ADD(references);
    ADD(age_ns);
    ADD(live_blocks);
    ADD(live_bytes);
    ADD(region_bytes);
    ADD(used_bytes);
    ADD(free_bytes);
    ADD(pinning_blocks);
    ADD(pinning_bytes);
    ADD(pinned_slabs);
    ADD(pinned_bytes);
#undef ADD
    return bad ? (json_decref(json), NULL) : json;
}

static json_t *epochs_json(const struct inspect_engine *engine)
{
    json_t *json = json_array();
    for (size_t i = 0; i < engine->epoch_count; i++)
        if (json_array_append_new(json, epoch_json(&engine->epochs[i])) != 0)
            return json_decref(json), NULL;
    return json;
}

static json_t *derived_json(const struct shale_stats *stats)
{
    struct derived derived = derive(stats);
    return json_pack("{s:f, s:I, s:I, s:f, s:f}", "recycle_percent", derived.recycle_percent,
                     "net_slabs", (json_int_t)derived.net_slabs, "estimated_bytes",
                     (json_int_t)derived.estimated_bytes, "slow_alloc_percent",
                     derived.slow_alloc_percent, "remote_free_percent",
                     derived.remote_free_percent);
}

static json_t *resident_json(const struct inspect_resident *resident)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I}", "resident_bytes", (json_int_t)resident->resident,
                     "huge_bytes", (json_int_t)resident->huge, "lazy_bytes",
                     (json_int_t)resident->lazy, "swapped_bytes", (json_int_t)resident->swapped,
                     "locked_bytes", (json_int_t)resident->locked);
}

int stats_add_doctor_json(json_t *json, const struct inspect_engine *engine, uint64_t epoch_age_ns)
{
    int bad = json_object_set_new(json, "epochs", epochs_json(engine));
    bad |= json_object_set_new(json, "derived", derived_json(&engine->stats));
    bad |= json_object_set_new(json, "resident", resident_json(&engine->resident));
    bad |= json_object_set_new(json, "findings", findings_json(engine, epoch_age_ns));
    return bad;
}
