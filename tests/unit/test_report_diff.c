/* SPDX-License-Identifier: MIT */
/* Two profiles compared: stacks are matched by their functions. */
#include "report/diff.h"

#include <stdlib.h>
#include <string.h>

#include "test.h"

/* A report with one site for each entry: function NAME called by main at ADDRESS. */
struct made {
    const char *function;
    uint64_t address;
    uint64_t allocations;
    uint64_t bytes;
};

static struct shale_profile_report *make(const struct made *sites, uint32_t count)
{
    struct shale_profile_report *report = profile_report_new();
    assert_non_null(report);
    struct profile_line *lines = profile_report_array(report, count, sizeof *lines);
    uint32_t *stacks = profile_report_array(report, count, sizeof *stacks);
    report->frames = profile_report_array(report, count, sizeof *report->frames);
    report->sites = profile_report_array(report, count, sizeof *report->sites);
    report->frame_count = report->site_count = count;
    for (uint32_t i = 0; i < count; i++) {
        lines[i] = (struct profile_line){.function = sites[i].function, .file = ""};
        stacks[i] = i;
        report->frames[i] = (struct profile_frame){.module = PROFILE_NONE,
                                                   .address = sites[i].address,
                                                   .line_count = 1,
                                                   .lines = &lines[i]};
        report->sites[i] = (struct profile_site){.frame_count = 1,
                                                 .frames = &stacks[i],
                                                 .allocations = sites[i].allocations,
                                                 .allocated_bytes = sites[i].bytes};
        report->totals.allocations += sites[i].allocations;
        report->totals.allocated_bytes += sites[i].bytes;
    }
    return report;
}

struct fixture {
    struct shale_profile_report *before, *after;
    struct report_diff diff;
};

static struct fixture compare(void)
{
    static const struct made before[] = {
        {"parse", 0x1000, 100, 6400}, {"parse", 0x1040, 50, 3200}, {"gone", 0x2000, 10, 100}};
    static const struct made after[] = {{"parse", 0x9000, 100, 6400},
                                        {"new_one", 0x9100, 7, 70000}};
    struct fixture fixture = {.before = make(before, 3), .after = make(after, 2)};
    assert_int_equal(report_diff_make(fixture.before, fixture.after, &fixture.diff), 0);
    return fixture;
}

static void release(struct fixture *fixture)
{
    report_diff_free(&fixture->diff);
    profile_report_free(fixture->before);
    profile_report_free(fixture->after);
}

static void diff_stacks_are_matched_by_function(void **state)
{
    struct fixture fixture = compare();
    assert_int_equal(fixture.diff.count, 3);
    assert_string_equal(intern_text(&fixture.diff.names, 0), "parse");
    assert_int_equal(fixture.diff.stacks[0].before[REPORT_ALLOCATIONS], 150);
    assert_int_equal(fixture.diff.stacks[0].after[REPORT_ALLOCATIONS], 100);
    assert_int_equal(fixture.diff.stacks[1].after[REPORT_ALLOCATED_BYTES], 0);
    assert_int_equal(fixture.diff.stacks[2].before[REPORT_ALLOCATED_BYTES], 0);
    release(&fixture);
}

static char *as_text(const struct report_diff *diff)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_int_equal(report_diff_text(diff, REPORT_ALLOCATED_BYTES, 2, out), 0);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void diff_text_has_the_most_changed_first(void **state)
{
    struct fixture fixture = compare();
    char *text = as_text(&fixture.diff);
    char *first = strstr(text, "new_one");
    char *second = strstr(text, "parse");
    assert_non_null(first);
    assert_non_null(second);
    assert_true(first < second);
    assert_null(strstr(text, "gone")); /* two were asked for */
    assert_non_null(strstr(text, "+68.4 KiB (0 B to 68.4 KiB)"));
    assert_non_null(strstr(text, "-3.12 KiB"));
    free(text);
    release(&fixture);
}

static void diff_of_the_same_says_none(void **state)
{
    struct shale_profile_report *report = profile_report_synthetic(5);
    struct report_diff diff;
    assert_int_equal(report_diff_make(report, report, &diff), 0);
    char *text = as_text(&diff);
    assert_non_null(strstr(text, "\n  none\n"));
    free(text);
    report_diff_free(&diff);
    profile_report_free(report);
}

static void diff_for_programs_has_every_stack(void **state)
{
    struct fixture fixture = compare();
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_int_equal(report_diff_flame(&fixture.diff, REPORT_ALLOCATIONS, out), 0);
    report_diff_csv(&fixture.diff, out);
    assert_int_equal(fclose(out), 0);
    static const char flame[] = "parse 150 100\ngone 10 0\nnew_one 0 7\nstack,allocated_before,";
    assert_int_equal(strncmp(text, flame, sizeof flame - 1), 0);
    assert_non_null(strstr(text, "\n\"gone\",100,0,10,0,"));
    free(text);
    release(&fixture);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(diff_stacks_are_matched_by_function),
    cmocka_unit_test(diff_text_has_the_most_changed_first),
    cmocka_unit_test(diff_of_the_same_says_none),
    cmocka_unit_test(diff_for_programs_has_every_stack),
};

RUN_TESTS("report_diff")
