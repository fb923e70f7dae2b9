/* SPDX-License-Identifier: MIT */
/* The settings to try, and trying them: see remedy.h. Layer 5. */
#include "gate/remedy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gate/benchmark.h"
#include "gate/judge.h"

enum { REMEDY_PAIRS = 10 };

/*
 * Names and meanings from the allocators' own documentation: mimalloc's environment options (2.x
 * calls the delay RESET_DELAY in its oldest versions only), jemalloc's MALLOC_CONF, gperftools'
 * TCMALLOC_ variables, glibc's tunables in mallopt(3).
 */
static const struct remedy table[] = {
    {"mimalloc", "purge at once", {"MIMALLOC_PURGE_DELAY=0"}},
    {"mimalloc", "no huge pages", {"MIMALLOC_ALLOW_THP=0"}},
    {"mimalloc",
     "no huge pages, purge at once",
     {"MIMALLOC_ALLOW_THP=0", "MIMALLOC_PURGE_DELAY=0"}},
    {"mimalloc", "no eager commit of arenas", {"MIMALLOC_ARENA_EAGER_COMMIT=0"}},
    {"jemalloc", "decay in a second", {"MALLOC_CONF=dirty_decay_ms:1000,muzzy_decay_ms:0"}},
    {"jemalloc", "purge at once", {"MALLOC_CONF=dirty_decay_ms:0,muzzy_decay_ms:0"}},
    {"jemalloc", "two arenas", {"MALLOC_CONF=narenas:2"}},
    {"jemalloc", "purge in a thread", {"MALLOC_CONF=background_thread:true"}},
    {"tcmalloc", "release faster", {"TCMALLOC_RELEASE_RATE=10"}},
    {"tcmalloc", "smaller thread caches", {"TCMALLOC_MAX_TOTAL_THREAD_CACHE_BYTES=4194304"}},
    {"system", "two arenas", {"MALLOC_ARENA_MAX=2"}},
    {"system", "one arena, trim early", {"MALLOC_ARENA_MAX=1", "MALLOC_TRIM_THRESHOLD_=65536"}},
};

size_t remedies_of(const char *allocator, const struct remedy **remedies, size_t max)
{
    size_t count = 0;
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(table) && count < max; i++)
        if (strcmp(table[i].allocator, allocator) == 0)
            remedies[count++] = &table[i];
    return count;
}

void remedy_text(const struct remedy *remedy, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; remedy->settings[i] && used < size; i++)
        used +=
            (size_t)snprintf(text + used, size - used, "%s%s", i ? " " : "", remedy->settings[i]);
}

/* ---------------------------------------------------------------------------- trying them */

struct attempt {
    struct gate *gate;
    const struct remedy *remedies[GATE_REMEDIES_MAX];
    size_t count;
    const char *requests[COMPARE_ARMS_MAX];
    struct arm_setting settings[COMPARE_ARMS_MAX];
    const char *environments[GATE_REMEDIES_MAX][64]; /* the candidate's own, then the remedy's */
};

static void show_progress(const struct compare_progress *progress, void *context)
{
    struct attempt *attempt = context;
    gate_tell(attempt->gate, GATE_BENCHMARK, progress->left_s, "remedies, pair %zu of %zu: %s",
              progress->round + 1, progress->rounds, progress->label);
}

static const char *const *join(const char *const *own, const struct remedy *remedy,
                               const char **joined, size_t max)
{
    size_t count = 0;
    for (size_t i = 0; own && own[i] && count < max - REMEDY_SETTINGS_MAX - 1; i++)
        joined[count++] = own[i];
    for (size_t i = 0; remedy->settings[i]; i++)
        joined[count++] = remedy->settings[i];
    joined[count] = NULL;
    return joined;
}

static void prepare(struct attempt *attempt)
{
    const struct gate_plan *plan = attempt->gate->plan;
    attempt->requests[0] = plan->baseline.allocator;
    attempt->settings[0] = plan->baseline.setting;
    for (size_t i = 0; i < attempt->count; i++) {
        const struct arm_setting *own = &plan->candidate.setting;
        attempt->requests[i + 1] = plan->candidate.allocator;
        attempt->settings[i + 1] = (struct arm_setting){
            .name = attempt->remedies[i]->name,
            .argv = own->argv,
            .environment = join(own->environment, attempt->remedies[i], attempt->environments[i],
                                SHALE_ARRAY_LENGTH(attempt->environments[i])),
        };
    }
}

static void judge_remedy(const struct attempt *attempt, const struct comparison_set *set,
                         size_t index, struct gate_remedy_result *out)
{
    struct gate_finding findings[FIGURES_MAX];
    struct gate_look looks[GATE_LOOKS_MAX];
    size_t look_count = gate_looks(REMEDY_PAIRS, looks);
    size_t count =
        gate_judge_figures(attempt->gate->plan, set, index, looks[look_count - 1].alpha, findings);
    *out = (struct gate_remedy_result){.verdict = GATE_GO, .text = "everything inside the limits"};
    snprintf(out->name, sizeof out->name, "%s", attempt->remedies[index]->name);
    remedy_text(attempt->remedies[index], out->setting, sizeof out->setting);
    for (size_t i = 0; i < count; i++)
        if (findings[i].verdict > out->verdict) {
            out->verdict = findings[i].verdict;
            snprintf(out->text, sizeof out->text, "%s: %.400s", findings[i].title,
                     findings[i].text);
        }
}

static int compare_remedies(struct attempt *attempt, struct comparison_set *set)
{
    struct gate *gate = attempt->gate;
    const struct compare_plan plan = {
        .trial = gate->trial,
        .requests = attempt->requests,
        .request_count = attempt->count + 1,
        .settings = attempt->settings,
        .pairs = REMEDY_PAIRS,
        .progress = show_progress,
        .context = attempt,
    };
    struct compare_failure failure;
    struct gate_phase_result ignored = {0};
    int error = compare_run(&plan, set, &failure);
    if (error) /* a setting that makes it crash helps nobody; the verdict stays what it was */
        return gate_comparison_failed(gate, &failure, &ignored);
    for (size_t i = 0; i < attempt->count; i++)
        judge_remedy(attempt, set, i, &gate->result->remedies[i]);
    gate->result->remedy_count = attempt->count;
    compare_free(set);
    return SHALE_OK;
}

static bool failed_for_its_figures(const struct gate *gate)
{
    bool figures = false;
    for (size_t i = 0; i < GATE_PHASES; i++) {
        enum gate_verdict verdict = gate_phase_verdict(&gate->result->phases[i]);
        if (i == GATE_BENCHMARK)
            figures = verdict == GATE_NO_GO;
        else if (verdict == GATE_NO_GO)
            return false; /* no setting mends a crash or a failing test */
    }
    return figures;
}

int gate_try_remedies(struct gate *gate)
{
    struct attempt attempt = {.gate = gate};
    if (!gate->plan->remedies || !failed_for_its_figures(gate))
        return SHALE_OK;
    attempt.count = remedies_of(gate->arms[GATE_CANDIDATE].proof.allocator, attempt.remedies,
                                SHALE_ARRAY_LENGTH(attempt.remedies));
    if (attempt.count == 0)
        return SHALE_OK;
    struct comparison_set *set = malloc(sizeof *set);
    if (!set)
        return gate_fail(gate, SHALE_ENOMEM, "out of memory");
    prepare(&attempt);
    int error = compare_remedies(&attempt, set);
    free(set);
    return error;
}
