/* SPDX-License-Identifier: MIT */
/* The model: its memory, what validation refuses, and the made-up report. */
#include "profile/model.h"

#include <shale/error.h>
#include <string.h>

#include "test.h"

static struct shale_profile_report *make(void)
{
    struct shale_profile_report *report = profile_report_synthetic(7);
    assert_non_null(report);
    return report;
}

static void model_new_is_empty_and_valid(void **state)
{
    struct shale_profile_report *report = profile_report_new();
    assert_non_null(report);
    assert_int_equal(profile_report_validate(report, NULL), 0);
    assert_int_equal(shale_histogram_count(report->latency.alloc), 0);
    assert_string_equal(report->provenance.program, "");
    profile_report_free(report);
    profile_report_free(NULL);
}

static void model_memory_too_large_is_refused(void **state)
{
    struct shale_profile_report *report = profile_report_new();
    assert_null(profile_report_array(report, SIZE_MAX / 2, 3));
    uint64_t *numbers = profile_report_array(report, 100000, sizeof(*numbers));
    assert_non_null(numbers);
    assert_int_equal(numbers[99999], 0);
    profile_report_free(report);
}

static void synthetic_any_seed_is_valid(void **state)
{
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct shale_profile_report *report = profile_report_synthetic(seed);
        const char *reason = "";
        if (profile_report_validate(report, &reason) != 0)
            fail_msg("seed %d: %s", (int)seed, reason);
        profile_report_free(report);
    }
}

static void synthetic_parts_agree_with_totals(void **state)
{
    struct shale_profile_report *report = make();
    uint64_t threads = 0, sizes = 0, leaked = 0, crossed = 0, peak = 0;
    for (uint32_t i = 0; i < report->thread_count; i++)
        threads += report->threads[i].allocations;
    for (uint32_t i = 0; i < report->size_count; i++)
        sizes += report->sizes[i].allocations;
    for (uint32_t i = 0; i < report->leak_count; i++)
        leaked += report->leaks[i].bytes;
    for (uint32_t i = 0; i < report->flow_count; i++)
        crossed += report->flows[i].frees;
    for (uint32_t i = 0; i < report->moment_count; i++)
        if (report->moments[i].live_bytes > peak)
            peak = report->moments[i].live_bytes;
    assert_int_equal(threads, report->totals.allocations);
    assert_int_equal(sizes, report->totals.allocations);
    assert_int_equal(leaked, report->totals.live_bytes);
    assert_int_equal(crossed, report->totals.cross_thread_frees);
    assert_int_equal(peak, report->totals.peak_bytes);
    profile_report_free(report);
}

#define REFUSED(change)                                                                            \
    do {                                                                                           \
        struct shale_profile_report *report = make();                                              \
        const char *reason = NULL;                                                                 \
        change;                                                                                    \
        assert_int_equal(profile_report_validate(report, &reason), SHALE_EFORMAT);                 \
        assert_non_null(reason);                                                                   \
        profile_report_free(report);                                                               \
    } while (0)

static void validate_broken_promises_are_refused(void **state)
{
    REFUSED(report->provenance.program = NULL);
    REFUSED(report->provenance.mode = (enum profile_mode)9);
    REFUSED(report->sizes[1].low = 0);
    REFUSED(report->threads[1].id = 1);
    REFUSED(report->flows[0].to = 4);
    REFUSED(report->flows[0].to = report->flows[0].from);
    REFUSED(report->moments[1].time_ns = UINT64_MAX);
    REFUSED(report->heatmap.counts = NULL);
}

static void validate_stray_indices_are_refused(void **state)
{
    REFUSED(report->frames[0].module = 3);
    REFUSED(report->frames[0].line_count = 0);
    REFUSED(report->sites[1].allocated_bytes = UINT64_MAX);
    REFUSED(report->frame_count = 1);
    REFUSED(report->leaks[0].site = report->site_count);
    REFUSED(report->leaks[0].suppressed = NULL);
    REFUSED(report->fragmentation.internal = 0.0 / 0.0);
    REFUSED(report->fragmentation.external = 1.5);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(model_new_is_empty_and_valid),
    cmocka_unit_test(model_memory_too_large_is_refused),
    cmocka_unit_test(synthetic_any_seed_is_valid),
    cmocka_unit_test(synthetic_parts_agree_with_totals),
    cmocka_unit_test(validate_broken_promises_are_refused),
    cmocka_unit_test(validate_stray_indices_are_refused),
};

RUN_TESTS("profile_model")
