/* SPDX-License-Identifier: MIT */
#include "measure/picker.h"

#include "test.h"

static double pick(const char *option, const char *text)
{
    struct picker picker;
    char reason[256] = "";
    assert_int_equal(picker_parse(option, &picker, reason, sizeof reason), 0);
    double value = -1;
    bool found = picker_find(&picker, text, &value);
    picker_free(&picker);
    return found ? value : -1;
}

static void regex_group_is_the_number(void **state)
{
    const char *text = "SET: rps=0.0 (overall: -nan)\r    SET: 694444.50 requests per second\n";
    assert_float_equal(pick("set=SET: ([0-9.]+) requests", text), 694444.5, 0);
}

static void regex_without_group_takes_the_match(void **state)
{
    assert_float_equal(pick("n=[0-9]+ms", "took 17ms"), 17, 0);
}

static void regex_last_match_counts(void **state)
{
    assert_float_equal(pick("n=p99 ([0-9.]+)", "p99 1\np99 2\np99 3.5\n"), 3.5, 0);
    assert_float_equal(pick("n=^([0-9]+)", "1\n2\n3"), 3, 0);
    assert_float_equal(pick("n=^([0-9]+)$", "1\n22 x\n3"), 3, 0);
}

static void regex_that_can_match_nothing_ends(void **state)
{
    assert_float_equal(pick("n=x*", "aaaa"), -1, 0);
    assert_float_equal(pick("n=([0-9]*)", "a7b"), 7, 0);
}

static void regex_no_number_is_not_found(void **state)
{
    assert_float_equal(pick("n=rate: (.*)", "rate: none"), -1, 0);
    assert_float_equal(pick("n=rate: (.*)", "rate: nan"), -1, 0);
    assert_float_equal(pick("n=nothing", "rate: 1"), -1, 0);
}

static void json_path_leads_through_objects_and_arrays(void **state)
{
    const char *text = "{\"latency\": {\"p99\": 1.5}, \"tests\": [{\"rps\": 10}, {\"rps\": 20}]}";
    assert_float_equal(pick("x=json:latency.p99", text), 1.5, 0);
    assert_float_equal(pick("x=json:.latency.p99", text), 1.5, 0);
    assert_float_equal(pick("x=json:tests.1.rps", text), 20, 0);
    assert_float_equal(pick("x=json:tests.2.rps", text), -1, 0);
    assert_float_equal(pick("x=json:tests.first.rps", text), -1, 0);
    assert_float_equal(pick("x=json:latency", text), -1, 0);
    assert_float_equal(pick("x=json:nowhere.at.all", text), -1, 0);
}

static void json_last_object_line_counts(void **state)
{
    assert_float_equal(pick("x=json:n", "starting\n{\"n\": 1}\n{\"n\": 2}\nbye\n"), 2, 0);
    assert_float_equal(pick("x=json:n", "no JSON at all"), -1, 0);
    assert_float_equal(pick("x=json:n", ""), -1, 0);
}

static void check_refused(const char *option, const char *says)
{
    struct picker picker;
    char reason[256] = "";
    assert_int_equal(picker_parse(option, &picker, reason, sizeof reason), SHALE_EINVAL);
    assert_non_null(strstr(reason, says));
}

static void parse_bad_options_are_refused_with_a_reason(void **state)
{
    check_refused("x=([0-9", "regular expression");
    check_refused("x=", "empty");
    check_refused("no equals", "NAME=REGEX");
    check_refused("=x", "NAME=REGEX");
    check_refused("Upper=x", "NAME=REGEX");
    check_refused("9x=x", "NAME=REGEX");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(regex_group_is_the_number),
    cmocka_unit_test(regex_without_group_takes_the_match),
    cmocka_unit_test(regex_last_match_counts),
    cmocka_unit_test(regex_that_can_match_nothing_ends),
    cmocka_unit_test(regex_no_number_is_not_found),
    cmocka_unit_test(json_path_leads_through_objects_and_arrays),
    cmocka_unit_test(json_last_object_line_counts),
    cmocka_unit_test(parse_bad_options_are_refused_with_a_reason),
};

RUN_TESTS("measure_picker")
