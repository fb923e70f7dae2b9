/* SPDX-License-Identifier: MIT */
/*
 * What every unit test includes: cmocka with the headers it wants before it, and a main that runs
 * one group. Cases are named area_condition_result. A skip names its reason: SKIP("no jemalloc").
 */
#ifndef SHALE_TESTS_TEST_H
#define SHALE_TESTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The reason is printed as a TAP diagnostic before the case's own "# SKIP" line. */
#define SKIP(reason)                                                                               \
    do {                                                                                           \
        printf("# skip reason: %s: %s\n", __func__, reason);                                       \
        fflush(stdout);                                                                            \
        skip();                                                                                    \
    } while (0)

/*
 * For a file whose children are traced: leak sanitizer cannot work in a traced process, and would
 * end it with an error of its own. Invalid accesses are still found.
 */
#define NO_LEAK_CHECK_UNDER_PTRACE                                                                 \
    __attribute__((visibility("default"))) const char *__asan_default_options(void);               \
    const char *__asan_default_options(void)                                                       \
    {                                                                                              \
        return "detect_leaks=0";                                                                   \
    }

/* Runs a static array of CMUnitTest named `tests` as the whole program. */
#define RUN_TESTS(group)                                                                           \
    int main(void)                                                                                 \
    {                                                                                              \
        cmocka_set_message_output(CM_OUTPUT_TAP);                                                  \
        return cmocka_run_group_tests_name(group, tests, NULL, NULL);                              \
    }

#endif
