/* SPDX-License-Identifier: MIT */
/*
 * Each of the bugs that src/collections can be built with is found by its histories: a check that
 * finds nothing in them would prove nothing about the code without them. A bug may also end the
 * process, so each hunt is a process of its own.
 */
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collections/point.h"
#include "harness.h"
#include "test.h"

enum { CLEAN, FOUND, ENOUGH = 20000 };

static void found(void)
{
    _exit(FOUND);
}

static int hunt(const struct subject *subject, enum coll_bug bug)
{
    int status;
    fflush(stdout);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        /* All the histories take a second or two: what takes eight has lost its way. */
        struct rlimit none = {0, 0}, seconds = {8, 8};
        setrlimit(RLIMIT_CORE, &none);
        setrlimit(RLIMIT_CPU, &seconds);
        (void)!freopen("/dev/null", "w", stderr);
        coll_bug = bug;
        harness_stuck = found;
        _exit(harness_find(subject, 1, ENOUGH) ? FOUND : CLEAN);
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == CLEAN ? CLEAN : FOUND;
}

static void check(const struct subject *subject, enum coll_bug bug)
{
    assert_int_equal(hunt(subject, COLL_BUG_NONE), CLEAN);
    assert_int_equal(hunt(subject, bug), FOUND);
}

static void seeded_missing_fence_is_found(void **state)
{
    check(&waiting_subject, COLL_BUG_FENCE);
}

static void seeded_skipped_validation_is_found(void **state)
{
    check(&treemap_subject, COLL_BUG_VALIDATION);
}

static void seeded_double_retire_is_found(void **state)
{
    check(&skiplist_subject, COLL_BUG_RETIRE_TWICE);
}

static void seeded_lost_replace_is_found(void **state)
{
    check(&skiplist_subject, COLL_BUG_LOST_REPLACE);
}

static void seeded_late_link_is_found(void **state)
{
    check(&skiplist_subject, COLL_BUG_LATE_LINK);
}

static void seeded_false_empty_is_found(void **state)
{
    check(&queue_subject, COLL_BUG_FALSE_EMPTY);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(seeded_missing_fence_is_found),
    cmocka_unit_test(seeded_skipped_validation_is_found),
    cmocka_unit_test(seeded_double_retire_is_found),
    cmocka_unit_test(seeded_lost_replace_is_found),
    cmocka_unit_test(seeded_late_link_is_found),
    cmocka_unit_test(seeded_false_empty_is_found),
};

RUN_TESTS("seeded")
