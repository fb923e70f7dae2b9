/* SPDX-License-Identifier: MIT */
/* The writers: numbers and stacks as text, and what every format does with every kind of report. */
#include "report/report.h"

#include <stdlib.h>
#include <string.h>

#include "report/look.h"
#include "report/names.h"
#include "test.h"

/* What a writer wrote, as text; free it. */
static char *written(const struct shale_profile_report *report, enum report_format format,
                     const struct report_options *options, int expected)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    assert_int_equal(report_write(report, format, options, out), expected);
    assert_int_equal(fclose(out), 0);
    return text;
}

static size_t count_of(const char *text, const char *word)
{
    size_t count = 0;
    for (; (text = strstr(text, word)) != NULL; text += strlen(word))
        count++;
    return count;
}

static void names_numbers_read_well(void **state)
{
    assert_string_equal(report_bytes(0).text, "0 B");
    assert_string_equal(report_bytes(1536).text, "1.50 KiB");
    assert_string_equal(report_bytes(UINT64_MAX).text, "16.0 EiB");
    assert_string_equal(report_count(0).text, "0");
    assert_string_equal(report_count(999).text, "999");
    assert_string_equal(report_count(1000).text, "1,000");
    assert_string_equal(report_count(UINT64_MAX).text, "18,446,744,073,709,551,615");
    assert_string_equal(report_duration(999).text, "999 ns");
    assert_string_equal(report_duration(1200000).text, "1.20 ms");
    assert_string_equal(report_share(0).text, "0 %");
    assert_string_equal(report_share(0.005).text, "0.50 %");
    assert_string_equal(report_share(1).text, "100 %");
    assert_string_equal(report_time(0).text, "1970-01-01T00:00:00Z");
    assert_string_equal(report_base_name("/usr/bin/true"), "true");
    assert_string_equal(report_base_name("true"), "true");
}

/* Two frames: one with a function inlined into another, one without a name. */
static struct shale_profile_report *two_frames(void)
{
    static const struct profile_line inlined[] = {{"inner;x", "in.h", 3, 0},
                                                  {"outer", "a.c", 9, 0}};
    static const struct profile_line unknown[] = {{"", "", 0, 0}};
    static const uint32_t stack[] = {0, 1};
    struct shale_profile_report *report = profile_report_new();
    assert_non_null(report);
    report->modules = profile_report_array(report, 1, sizeof *report->modules);
    report->modules[0] = (struct profile_module){.path = "/lib/libx.so", .build_id = ""};
    report->module_count = 1;
    report->frames = profile_report_array(report, 2, sizeof *report->frames);
    report->frame_count = 2;
    report->frames[0] = (struct profile_frame){.line_count = 2, .lines = inlined};
    report->frames[1] =
        (struct profile_frame){.module_address = 0x1f30, .line_count = 1, .lines = unknown};
    report->sites = profile_report_array(report, 1, sizeof *report->sites);
    report->site_count = 1;
    report->sites[0] = (struct profile_site){
        .frame_count = 2, .frames = stack, .allocations = 7, .allocated_bytes = 70};
    assert_int_equal(profile_report_validate(report, NULL), 0);
    return report;
}

static void walk_both_ways_with_inlined_functions(void **state)
{
    struct shale_profile_report *report = two_frames();
    static const char *const inwards[] = {"libx.so+0x1f30", "outer", "inner;x"};
    for (int outermost_first = 0; outermost_first < 2; outermost_first++) {
        struct report_walk walk;
        report_walk_begin(&walk, report, &report->sites[0], outermost_first);
        for (int i = 0; i < 3; i++)
            assert_string_equal(report_walk_next(&walk), inwards[outermost_first ? i : 2 - i]);
        assert_null(report_walk_next(&walk));
    }
    profile_report_free(report);
}

static void flame_semicolons_in_names_are_gone(void **state)
{
    struct shale_profile_report *report = two_frames();
    struct report_options options = {.weight = REPORT_ALLOCATIONS};
    char *text = written(report, REPORT_FLAME, &options, 0);
    assert_string_equal(text, "libx.so+0x1f30;outer;inner x 7\n");
    free(text);
    options.weight = REPORT_LIVE_BYTES; /* nothing lives: no line */
    text = written(report, REPORT_FLAME, &options, 0);
    assert_string_equal(text, "");
    free(text);
    profile_report_free(report);
}

static void csv_every_table_has_its_lines(void **state)
{
    struct shale_profile_report *report = profile_report_synthetic(3);
    const size_t rows[REPORT_TABLES] = {
        [REPORT_TABLE_SITES] = report->site_count,      [REPORT_TABLE_LEAKS] = report->leak_count,
        [REPORT_TABLE_THREADS] = report->thread_count,  [REPORT_TABLE_FLOWS] = report->flow_count,
        [REPORT_TABLE_TIMELINE] = report->moment_count, [REPORT_TABLE_SIZES] = report->size_count,
    };
    for (int table = 0; table < REPORT_TABLES; table++) {
        struct report_options options = {.table = (enum report_table)table};
        char *text = written(report, REPORT_CSV, &options, 0);
        assert_int_equal(count_of(text, "\n"), rows[table] + 1);
        free(text);
        assert_int_equal(report_table_find(report_table_name((enum report_table)table)), table);
    }
    assert_int_equal(report_table_find("tables"), REPORT_TABLES);
    profile_report_free(report);
}

static void prometheus_buckets_only_grow(void **state)
{
    struct shale_profile_report *report = profile_report_synthetic(3);
    struct report_options options = {0};
    char *text = written(report, REPORT_PROMETHEUS, &options, 0);
    uint64_t last = 0;
    unsigned buckets = 0;
    static const char prefix[] = "shale_heap_allocation_duration_seconds_bucket{le=\"";
    for (char *at = text; (at = strstr(at, prefix)) != NULL; at += sizeof prefix) {
        uint64_t count = strtoull(strchr(at, '}') + 1, NULL, 10);
        assert_true(count >= last);
        last = count;
        buckets++;
    }
    assert_int_equal(last, shale_histogram_count(report->latency.alloc));
    assert_true(buckets > 20);
    assert_null(strstr(text, "# EOF"));
    free(text);
    text = written(report, REPORT_OPENMETRICS, &options, 0);
    assert_string_equal(strstr(text, "# EOF"), "# EOF\n");
    assert_non_null(strstr(text, "# TYPE shale_heap_allocations counter\n"));
    free(text);
    profile_report_free(report);
}

static void html_profile_cannot_end_its_element(void **state)
{
    struct shale_profile_report *report = profile_report_synthetic(3);
    struct report_options options = {0};
    if (!report_html_available()) {
        free(written(report, REPORT_HTML, &options, SHALE_ENOTSUP));
        profile_report_free(report);
        return;
    }
    char *plain = written(report, REPORT_HTML, &options, 0);
    report->provenance.command = "</script><script>";
    char *evil = written(report, REPORT_HTML, &options, 0);
    assert_int_equal(count_of(plain, "</script>"), count_of(evil, "</script>"));
    assert_non_null(strstr(evil, "\\u003c/script>"));
    free(plain);
    free(evil);
    profile_report_free(report);
}

static void look_is_style(void **state)
{
    assert_non_null(strstr(report_look, "--ink"));
    assert_non_null(strstr(report_look, "prefers-color-scheme: dark"));
}

static void formats_every_one_takes_every_report(void **state)
{
    struct report_options options = {0};
    for (uint64_t seed = 0; seed < 4; seed++) {
        struct shale_profile_report *report =
            seed == 0 ? profile_report_new() : profile_report_synthetic(seed);
        for (int format = 0; format < REPORT_FORMATS; format++) {
            bool html = format == REPORT_HTML;
            free(written(report, (enum report_format)format, &options,
                         html && !report_html_available() ? SHALE_ENOTSUP : 0));
        }
        profile_report_free(report);
    }
    assert_int_equal(report_format_find("pprof"), REPORT_PPROF);
    assert_int_equal(report_format_find("pdf"), REPORT_FORMATS);
    assert_int_equal(report_weight_find("peak"), REPORT_PEAK_BYTES);
    assert_int_equal(report_weight_find(""), REPORT_WEIGHTS);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(names_numbers_read_well),
    cmocka_unit_test(walk_both_ways_with_inlined_functions),
    cmocka_unit_test(flame_semicolons_in_names_are_gone),
    cmocka_unit_test(csv_every_table_has_its_lines),
    cmocka_unit_test(prometheus_buckets_only_grow),
    cmocka_unit_test(html_profile_cannot_end_its_element),
    cmocka_unit_test(look_is_style),
    cmocka_unit_test(formats_every_one_takes_every_report),
};

RUN_TESTS("report_formats")
