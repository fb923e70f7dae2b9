/* SPDX-License-Identifier: MIT */
#include "measure/sampler.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "test.h"

enum { MIB = 1 << 20 };

static void sampler_sees_a_peak_that_is_gone(void **state)
{
    struct sampler sampler;
    assert_int_equal(sampler_start(&sampler, getpid(), 5), 0);
    usleep(30000);
    char *memory =
        mmap(NULL, 64UL * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(memory != MAP_FAILED);
    memset(memory, 1, 64UL * MIB);
    usleep(400000); /* on a machine under load the thread may wait long for its turn */
    munmap(memory, 64UL * MIB);
    usleep(600000);
    sampler_stop(&sampler);
    struct sampler_point steady;
    assert_true(sampler_steady(&sampler, &steady) >= SAMPLER_STEADY_MIN);
    assert_true(sampler.peak_bytes > steady.rss_bytes + 60UL * MIB);
    assert_true(sampler.count > 10);
    for (size_t i = 1; i < sampler.count; i++)
        assert_true(sampler.points[i].at_ns > sampler.points[i - 1].at_ns);
    assert_true(sampler.points[0].has_rollup);
    assert_true(steady.has_rollup && steady.pss_bytes > 0);
    assert_true(sampler.cost_ns > 0);
    sampler_free(&sampler);
}

static void sampler_interval_zero_samples_nothing(void **state)
{
    struct sampler sampler;
    struct sampler_point steady;
    assert_int_equal(sampler_start(&sampler, getpid(), 0), 0);
    sampler_stop(&sampler);
    assert_int_equal(sampler_steady(&sampler, &steady), 0);
    sampler_free(&sampler);
}

static void sampler_stops_at_once_from_a_long_wait(void **state)
{
    struct sampler sampler;
    alarm(5); /* ends the test if the stop is not heard */
    assert_int_equal(sampler_start(&sampler, getpid(), 60000), 0);
    usleep(10000);
    sampler_stop(&sampler);
    alarm(0);
    assert_int_equal(sampler.count, 1);
    sampler_free(&sampler);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(sampler_sees_a_peak_that_is_gone),
    cmocka_unit_test(sampler_interval_zero_samples_nothing),
    cmocka_unit_test(sampler_stops_at_once_from_a_long_wait),
};

RUN_TESTS("measure_sampler")
