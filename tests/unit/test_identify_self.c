/* SPDX-License-Identifier: MIT */
#include <dlfcn.h>
#include <pthread.h>

#include <shale/error.h>
#include <shale/verify.h>

#include "base/attributes.h"
#include "identify/report.h"

#include "test.h"

/* A sanitizer brings a malloc of its own; then that one is the right answer. */
#if SHALE_ADDRESS_SANITIZER || SHALE_THREAD_SANITIZER
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

/* valgrind replaces malloc while the program runs: libc's stays where it is and is never called. */
static bool under_valgrind(void)
{
    const char *preload = getenv("LD_PRELOAD");
    return preload && strstr(preload, "vgpreload");
}

static void verify_self_plain_program_is_active(void **state)
{
    struct shale_verification found;
    assert_int_equal(shale_verify_self(NULL, &found), 0);
    if (under_valgrind()) {
        assert_int_equal(found.verdict, SHALE_VERDICT_UNKNOWN);
        assert_non_null(strstr(found.reason, "valgrind"));
        return;
    }
    if (SANITIZED)
        SKIP("a sanitizer serves malloc here");
    assert_int_equal(found.verdict, SHALE_VERDICT_ACTIVE);
    assert_string_equal(found.expected, "system");
    assert_string_equal(found.allocator, "system");
    assert_non_null(strstr(found.object, "libc"));
    assert_true(found.version[0] != '\0' && found.reason[0] != '\0');
}

static void verify_self_other_allocator_is_absent(void **state)
{
    struct shale_verification found;
    assert_int_equal(shale_verify_self("rpmalloc", &found), 0);
    assert_int_equal(found.verdict, SHALE_VERDICT_ABSENT);
    assert_string_equal(found.expected, "rpmalloc");
}

static void verify_self_other_version_is_absent(void **state)
{
    struct shale_verification found;
    if (SANITIZED)
        SKIP("a sanitizer serves malloc here");
    assert_int_equal(shale_verify_self("system@1.0", &found), 0);
    assert_int_equal(found.verdict, SHALE_VERDICT_ABSENT);
    assert_non_null(strstr(found.reason, "not 1.0"));
}

static void verify_self_bad_arguments_leave_result_untouched(void **state)
{
    struct shale_verification found, before;
    memset(&found, 0x5a, sizeof found);
    before = found;
    assert_int_equal(shale_verify_self("no-such-allocator", &found), SHALE_EINVAL);
    assert_int_equal(shale_verify_self("mimalloc@", &found), SHALE_EINVAL);
    assert_memory_equal(&found, &before, sizeof found);
    assert_int_equal(shale_verify_self(NULL, NULL), SHALE_EINVAL);
}

static void verdict_name_each_and_unknown_number(void **state)
{
    assert_string_equal(shale_verdict_name(SHALE_VERDICT_ACTIVE), "ACTIVE");
    assert_string_equal(shale_verdict_name(SHALE_VERDICT_MAPPED_BUT_INERT), "MAPPED_BUT_INERT");
    assert_string_equal(shale_verdict_name((enum shale_verdict)99), "UNKNOWN");
}

static bool has_evidence(const struct identify_report *report, const char *kind,
                         const char *subject)
{
    for (size_t i = 0; i < report->evidence_count; i++)
        if (strcmp(report->evidence[i].kind, kind) == 0 &&
            strcmp(report->evidence[i].subject, subject) == 0)
            return true;
    return false;
}

static void identify_self_gives_evidence_of_each_method(void **state)
{
    struct identify_report report;
    identify_report_init(&report);
    assert_int_equal(identify_self(NULL, &report), 0);
    assert_true(has_evidence(&report, "resolution", "malloc"));
    assert_true(has_evidence(&report, "binding", "global offset tables"));
    if (!SANITIZED)
        assert_true(has_evidence(&report, "probe", "malloc"));
    assert_true(report.server_count > 4);
    assert_string_equal(report.servers[0].function, "malloc");
    assert_true(report.servers[0].called);
    identify_report_free(&report);
}

static void *open_and_close(void *stop)
{
    while (!__atomic_load_n((bool *)stop, __ATOMIC_RELAXED)) {
        void *handle = dlopen("libresolv.so.2", RTLD_NOW);
        if (handle)
            dlclose(handle);
    }
    return NULL;
}

/* A list in motion may leave nothing proven; it must not lead to a wrong verdict or a crash. */
static void verify_self_while_libraries_come_and_go(void **state)
{
    pthread_t thread;
    bool stop = false;
    int proven = 0;
    if (under_valgrind())
        SKIP("valgrind serves malloc here");
    assert_int_equal(pthread_create(&thread, NULL, open_and_close, &stop), 0);
    for (int i = 0; i < 60; i++) {
        struct shale_verification found;
        assert_int_equal(shale_verify_self(NULL, &found), 0);
        if (found.verdict != SHALE_VERDICT_ACTIVE)
            printf("# %s: %s\n", shale_verdict_name(found.verdict), found.reason);
        assert_true(found.verdict == SHALE_VERDICT_ACTIVE ||
                    found.verdict == SHALE_VERDICT_UNKNOWN);
        proven += found.verdict == SHALE_VERDICT_ACTIVE;
    }
    __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
    assert_true(proven > 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(verify_self_plain_program_is_active),
    cmocka_unit_test(verify_self_other_allocator_is_absent),
    cmocka_unit_test(verify_self_other_version_is_absent),
    cmocka_unit_test(verify_self_bad_arguments_leave_result_untouched),
    cmocka_unit_test(verdict_name_each_and_unknown_number),
    cmocka_unit_test(verify_self_while_libraries_come_and_go),
    cmocka_unit_test(identify_self_gives_evidence_of_each_method),
};

RUN_TESTS("identify_self")
