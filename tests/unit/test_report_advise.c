/* SPDX-License-Identifier: MIT */
/* Recommendations: silent without reason, and one rule for each kind of trouble. */
#include "report/advise.h"

#include <shale/error.h>
#include <string.h>

#include "test.h"

#define MIB UINT64_C(1048576)
#define S   UINT64_C(1000000000)

/* A program that does well: ten seconds, a million blocks, two sites, all freed. */
struct fixture {
    struct shale_profile_report *report;
    struct profile_site *sites;
    struct report_advice advice[REPORT_ADVICE_KINDS];
};

static struct fixture healthy(void)
{
    struct fixture fixture = {.report = profile_report_new()};
    struct shale_profile_report *report = fixture.report;
    assert_non_null(report);
    report->provenance.mode = PROFILE_FULL;
    report->provenance.end = PROFILE_EXITED;
    report->provenance.duration_ns = 10 * S;
    report->totals.allocations = report->totals.frees = 1000000;
    report->totals.allocated_bytes = report->totals.freed_bytes = 400 * MIB;
    report->totals.peak_bytes = 100 * MIB;
    report->totals.temporary = 20000;
    report->sites = profile_report_array(report, 2, sizeof *report->sites);
    report->site_count = 2;
    for (unsigned i = 0; i < 2; i++) {
        report->sites[i].allocations = report->sites[i].samples = 500000;
        report->sites[i].allocated_bytes = 200 * MIB;
        report->sites[i].temporary = 10000;
    }
    fixture.sites = report->sites;
    return fixture;
}

/* The only finding, which has to be of that kind; its evidence has to hold a word. */
static void expect_only(struct fixture *fixture, enum report_advice_kind kind, bool high,
                        const char *word)
{
    assert_int_equal(report_advise(fixture->report, fixture->advice), 1);
    assert_int_equal(fixture->advice[0].kind, kind);
    assert_int_equal(fixture->advice[0].high, high);
    assert_non_null(strstr(fixture->advice[0].evidence, word));
    assert_true(strlen(fixture->advice[0].remedy) > 20);
    profile_report_free(fixture->report);
}

static void expect_nothing(struct fixture *fixture)
{
    assert_int_equal(report_advise(fixture->report, fixture->advice), 0);
    profile_report_free(fixture->report);
}

static void advise_healthy_says_nothing(void **state)
{
    struct fixture fixture = healthy();
    expect_nothing(&fixture);
}

static void advise_empty_says_nothing(void **state)
{
    struct fixture fixture = {.report = profile_report_new()};
    expect_nothing(&fixture);
}

static void advise_hot_temporaries_are_found(void **state)
{
    struct fixture fixture = healthy();
    fixture.sites[1].temporary = 450000;
    fixture.report->totals.temporary = 460000;
    assert_int_equal(report_advise(fixture.report, fixture.advice), 1);
    assert_int_equal(fixture.advice[0].site_count, 1);
    assert_int_equal(fixture.advice[0].sites[0], 1);
    expect_only(&fixture, REPORT_ADVICE_TEMPORARY, true, "450,000 blocks (45 %");
}

static void advise_temporaries_over_hours_are_not_hot(void **state)
{
    struct fixture fixture = healthy();
    fixture.sites[1].temporary = 450000;
    fixture.report->provenance.duration_ns = 3600 * S;
    expect_nothing(&fixture);
}

static void advise_few_samples_are_no_evidence(void **state)
{
    struct fixture fixture = healthy();
    fixture.sites[1].temporary = 450000;
    fixture.sites[1].samples = 3;
    fixture.report->provenance.mode = PROFILE_SAMPLE;
    expect_nothing(&fixture);
}

static void advise_consumers_that_free_are_found(void **state)
{
    struct fixture fixture = healthy();
    struct shale_profile_report *report = fixture.report;
    report->totals.cross_thread_frees = 400000;
    report->threads = profile_report_array(report, 2, sizeof *report->threads);
    report->thread_count = 2;
    report->threads[0] = (struct profile_thread){.id = 1, .os_id = 11, .name = "producer"};
    report->threads[1] = (struct profile_thread){.id = 2, .os_id = 12, .name = "consumer"};
    report->flows = profile_report_array(report, 1, sizeof *report->flows);
    report->flow_count = 1;
    report->flows[0] = (struct profile_flow){0, 1, 400000, 40 * MIB};
    expect_only(&fixture, REPORT_ADVICE_CROSS_THREAD, false,
                "from thread producer (11) to consumer (12)");
}

static void leak(struct fixture *fixture, struct profile_leak leak)
{
    struct shale_profile_report *report = fixture->report;
    report->leaks = profile_report_array(report, 1, sizeof *report->leaks);
    report->leak_count = 1;
    leak.suppressed = leak.suppressed == NULL ? "" : leak.suppressed;
    report->leaks[0] = leak;
}

static void advise_blocks_that_pile_up_are_found(void **state)
{
    struct fixture fixture = healthy();
    leak(&fixture,
         (struct profile_leak){
             .site = 1, .blocks = 5000, .bytes = 30 * MIB, .first_ns = S, .last_ns = 9 * S});
    expect_only(&fixture, REPORT_ADVICE_LEAK, true, "5,000 blocks of 30.0 MiB");
}

static void advise_what_is_set_up_once_is_no_leak(void **state)
{
    struct fixture fixture = healthy();
    leak(&fixture, (struct profile_leak){
                       .site = 1, .blocks = 5000, .bytes = 30 * MIB, .first_ns = 0, .last_ns = S});
    expect_nothing(&fixture);
}

static void advise_suppressed_is_no_leak(void **state)
{
    struct fixture fixture = healthy();
    leak(&fixture, (struct profile_leak){.site = 1,
                                         .blocks = 5000,
                                         .bytes = 30 * MIB,
                                         .first_ns = S,
                                         .last_ns = 9 * S,
                                         .suppressed = "main"});
    expect_nothing(&fixture);
}

static void advise_survivors_that_pin_are_found(void **state)
{
    struct fixture fixture = healthy();
    struct shale_profile_report *report = fixture.report;
    static const struct profile_pin pins[] = {{1, 5000, 18 * MIB}, {0, 200, MIB}};
    report->fragmentation.pins = pins;
    report->fragmentation.pin_count = 2;
    report->fragmentation.heap_rss_bytes = 40 * MIB;
    assert_int_equal(report_advise(report, fixture.advice), 1);
    assert_int_equal(fixture.advice[0].sites[0], 1);
    assert_int_equal(fixture.advice[0].sites[1], 0);
    expect_only(&fixture, REPORT_ADVICE_PINNING, true, "5,200 pages");
}

static void moments(struct fixture *fixture, uint64_t live, uint64_t rss)
{
    struct shale_profile_report *report = fixture->report;
    report->moments = profile_report_array(report, 2, sizeof *report->moments);
    report->moment_count = 2;
    report->moments[1] =
        (struct profile_moment){.time_ns = 2 * S, .live_bytes = live, .rss_bytes = rss};
}

static void advise_requests_never_touched_are_found(void **state)
{
    struct fixture fixture = healthy();
    moments(&fixture, 100 * MIB, 20 * MIB);
    fixture.sites[0].allocations = 10; /* 20 MiB each */
    assert_int_equal(report_advise(fixture.report, fixture.advice), 1);
    assert_int_equal(fixture.advice[0].site_count, 1);
    assert_int_equal(fixture.advice[0].sites[0], 0);
    expect_only(&fixture, REPORT_ADVICE_OVERSIZED, true, "80.0 MiB (80 %)");
}

static void advise_resident_heap_is_fine(void **state)
{
    struct fixture fixture = healthy();
    moments(&fixture, 100 * MIB, 104 * MIB);
    expect_nothing(&fixture);
}

static void advise_rounding_up_is_found(void **state)
{
    struct fixture fixture = healthy();
    fixture.report->fragmentation = (struct profile_fragmentation){.internal_known = true,
                                                                   .internal = 0.4,
                                                                   .requested_bytes = 60 * MIB,
                                                                   .usable_bytes = 100 * MIB};
    expect_only(&fixture, REPORT_ADVICE_ROUNDING, false, "40 % of it is rounding up");
}

static void advise_much_to_gain_comes_first(void **state)
{
    struct fixture fixture = healthy();
    fixture.sites[1].temporary = 100000; /* worth a look */
    fixture.sites[1].allocations = 150000;
    leak(&fixture,
         (struct profile_leak){
             .site = 1, .blocks = 5000, .bytes = 30 * MIB, .first_ns = S, .last_ns = 9 * S});
    assert_int_equal(report_advise(fixture.report, fixture.advice), 2);
    assert_int_equal(fixture.advice[0].kind, REPORT_ADVICE_LEAK);
    assert_int_equal(fixture.advice[1].kind, REPORT_ADVICE_TEMPORARY);
    profile_report_free(fixture.report);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(advise_healthy_says_nothing),
    cmocka_unit_test(advise_empty_says_nothing),
    cmocka_unit_test(advise_hot_temporaries_are_found),
    cmocka_unit_test(advise_temporaries_over_hours_are_not_hot),
    cmocka_unit_test(advise_few_samples_are_no_evidence),
    cmocka_unit_test(advise_consumers_that_free_are_found),
    cmocka_unit_test(advise_blocks_that_pile_up_are_found),
    cmocka_unit_test(advise_what_is_set_up_once_is_no_leak),
    cmocka_unit_test(advise_suppressed_is_no_leak),
    cmocka_unit_test(advise_survivors_that_pin_are_found),
    cmocka_unit_test(advise_requests_never_touched_are_found),
    cmocka_unit_test(advise_resident_heap_is_fine),
    cmocka_unit_test(advise_rounding_up_is_found),
    cmocka_unit_test(advise_much_to_gain_comes_first),
};

RUN_TESTS("report_advise")
