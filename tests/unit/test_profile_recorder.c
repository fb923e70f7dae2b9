/* SPDX-License-Identifier: MIT */
/* The recorder from start to stop, read back: what went in is what the report says. */
#include "profile/recorder.h"

#include <pthread.h>
#include <shale/error.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "profile/reader.h"
#include "test.h"

static struct profile_settings settings;

static void start(enum profile_mode mode)
{
    settings = (struct profile_settings){
        .mode = mode,
        .sample_bytes = mode == PROFILE_SAMPLE ? 4096 : 0,
        .sample_count = mode == PROFILE_SAMPLE ? 32 : 0,
        .latency_every = 4,
        .follow_forks = true,
        .quiet = true,
    };
    snprintf(settings.path, sizeof(settings.path), "profile-recorder.%d.tmp", (int)getpid());
    unlink(settings.path);
    assert_int_equal(profile_recorder_start(&settings), 0);
}

/* Blocks are made up: the recorder looks at addresses only. */
static SHALE_NOINLINE void took(uint64_t address, uint64_t size)
{
    struct profile_local *local = profile_enter();
    if (local == NULL)
        return;
    uint64_t begun = profile_clock_start(local);
    profile_clock_stop(local, begun, PROFILE_ALLOC);
    profile_record_alloc(local, (void *)(uintptr_t)address, size, __builtin_frame_address(0));
    profile_leave(local);
}

static void gave(uint64_t address)
{
    struct profile_local *local = profile_enter();
    if (local == NULL)
        return;
    profile_record_free(local, (void *)(uintptr_t)address);
    uint64_t begun = profile_clock_start(local);
    profile_clock_stop(local, begun, PROFILE_FREE);
    profile_leave(local);
}

static struct shale_profile_report *read_back(const char *path)
{
    struct shale_profile_report *report;
    struct profile_problem problem;
    const struct profile_read_options options = {.no_symbols = true};
    int result = profile_read(path, &options, &report, &problem);
    if (result != 0)
        fail_msg("%s: %s: %s", path, shale_strerror(result), problem.text);
    return report;
}

static struct shale_profile_report *stop_and_read(void)
{
    assert_int_equal(profile_recorder_stop(), 0);
    struct shale_profile_report *report = read_back(settings.path);
    unlink(settings.path);
    return report;
}

#define BASE 0x550000000000

static void recorder_full_counts_and_sizes_agree(void **state)
{
    start(PROFILE_FULL);
    for (uint64_t i = 0; i < 1000; i++)
        took(BASE + i * 64, 40);
    for (uint64_t i = 0; i < 900; i++)
        gave(BASE + i * 64);
    took(BASE, 3000);
    gave(BASE);       /* temporary */
    gave(BASE + 128); /* foreign: freed already */
    struct shale_profile_report *report = stop_and_read();
    const struct profile_totals *totals = &report->totals;
    assert_int_equal(totals->allocations, 1001);
    assert_int_equal(totals->allocated_bytes, 43000);
    assert_int_equal(totals->frees, 902);
    assert_int_equal(totals->freed_bytes, 39000);
    assert_int_equal(totals->temporary, 1);
    assert_int_equal(totals->foreign_frees, 1);
    assert_int_equal(totals->live_blocks, 100);
    assert_int_equal(totals->live_bytes, 4000);
    assert_int_equal(totals->peak_bytes, 40000);
    assert_int_equal(totals->cross_thread_frees, 0);
    assert_true(report->provenance.sealed);
    assert_int_equal(report->provenance.end, PROFILE_EXITED);
    assert_int_equal(report->provenance.mode, PROFILE_FULL);
    assert_int_equal(report->size_count, 2);
    assert_int_equal(report->sizes[0].allocations, 1000);
    assert_int_equal(report->sizes[0].live_blocks, 100);
    assert_true(shale_histogram_count(report->latency.alloc) > 100);
    assert_int_equal(shale_histogram_count(report->lifetimes.ns), 901);
    profile_report_free(report);
}

static SHALE_NOINLINE void from_here(uint64_t address)
{
    took(address, 10);
    __asm__ volatile("");
}

static SHALE_NOINLINE void from_there(uint64_t address)
{
    took(address, 20);
    __asm__ volatile("");
}

/* Calls from two places are two stacks, and leaks are listed by them. */
static void recorder_leaks_are_by_stack(void **state)
{
    start(PROFILE_FULL);
    for (uint64_t i = 0; i < 50; i++)
        from_here(BASE + i * 32);
    for (uint64_t i = 0; i < 30; i++)
        from_there(BASE + 0x10000 + i * 32);
    struct shale_profile_report *report = stop_and_read();
    assert_int_equal(report->leak_count, 2);
    assert_int_equal(report->leaks[0].bytes, 600);
    assert_int_equal(report->leaks[0].blocks, 30);
    assert_int_equal(report->leaks[0].block_count, 16);
    assert_int_equal(report->leaks[1].bytes, 500);
    assert_int_equal(report->leaks[1].blocks_seen[0].size, 10);
    assert_true(report->leaks[1].blocks_seen[0].address - BASE < 50 * 32);
    const struct profile_site *site = &report->sites[report->leaks[0].site];
    assert_int_equal(site->allocations, 30);
    /* What the frame pointers do not tell is not asked of libunwind there. */
    assert_true(site->frame_count >= (SHALE_THREAD_SANITIZER ? 1 : 2));
    profile_report_free(report);
}

/* Estimates are right on the average; five standard deviations of this one are 15 %. */
static void recorder_sample_estimates_are_unbiased(void **state)
{
    enum { BLOCKS = 20000 };
    start(PROFILE_SAMPLE);
    for (uint64_t i = 0; i < BLOCKS; i++)
        took(BASE + i * 4096, 64 + i % 1000);
    struct shale_profile_report *report = stop_and_read();
    double bytes = (double)report->totals.allocated_bytes;
    assert_int_equal(report->totals.allocations, BLOCKS);
    assert_true((double)report->totals.live_bytes > bytes * 0.85);
    assert_true((double)report->totals.live_bytes < bytes * 1.15);
    assert_true(report->totals.live_blocks > BLOCKS * 0.7);
    assert_true(report->totals.live_blocks < BLOCKS * 1.3);
    assert_true((double)report->totals.peak_bytes > bytes * 0.85);
    assert_true(report->cost.samples > 1000);
    profile_report_free(report);
}

static void recorder_sample_freed_blocks_are_gone(void **state)
{
    start(PROFILE_SAMPLE);
    for (uint64_t i = 0; i < 20000; i++)
        took(BASE + i * 4096, 500);
    for (uint64_t i = 0; i < 20000; i++)
        gave(BASE + i * 4096);
    struct shale_profile_report *report = stop_and_read();
    assert_int_equal(report->totals.live_blocks, 0);
    assert_int_equal(report->totals.live_bytes, 0);
    assert_int_equal(report->leak_count, 0);
    assert_true(report->totals.peak_bytes > 5000000);
    profile_report_free(report);
}

static void recorder_counters_have_no_stacks(void **state)
{
    start(PROFILE_COUNTERS);
    for (uint64_t i = 0; i < 1000; i++)
        took(BASE + i * 4096, 1 << 20);
    struct shale_profile_report *report = stop_and_read();
    assert_int_equal(report->totals.allocations, 1000);
    assert_int_equal(report->totals.allocated_bytes, UINT64_C(1000) << 20);
    assert_int_equal(report->site_count, 0);
    assert_int_equal(report->leak_count, 0);
    profile_report_free(report);
}

static void *free_all(void *count)
{
    for (uint64_t i = 0; i < (uintptr_t)count; i++)
        gave(BASE + i * 64);
    return NULL;
}

static void recorder_frees_of_another_thread_are_a_flow(void **state)
{
    pthread_t thread;
    start(PROFILE_FULL);
    for (uint64_t i = 0; i < 100; i++)
        took(BASE + i * 64, 48);
    assert_int_equal(pthread_create(&thread, NULL, free_all, (void *)(uintptr_t)70), 0);
    pthread_join(thread, NULL);
    struct shale_profile_report *report = stop_and_read();
    assert_int_equal(report->thread_count, 2);
    assert_true(report->threads[1].ended);
    assert_int_equal(report->totals.cross_thread_frees, 70);
    assert_int_equal(report->flow_count, 1);
    assert_int_equal(report->flows[0].from, 0);
    assert_int_equal(report->flows[0].to, 1);
    assert_int_equal(report->flows[0].bytes, 70 * 48);
    assert_int_equal(report->threads[0].cross_frees_received, 70);
    assert_int_equal(report->threads[1].cross_frees_sent, 70);
    assert_int_equal(report->threads[0].live_bytes, 30 * 48);
    profile_report_free(report);
}

static _Atomic bool go_on;

static void *churn(void *number)
{
    uint64_t base = BASE + ((uintptr_t)number << 32);
    while (shale_atomic_load_relaxed(&go_on))
        for (uint64_t i = 0; i < 64; i++) {
            took(base + i * 64, i);
            gave(base + i * 64);
        }
    return NULL;
}

static void recorder_stop_while_threads_run_seals(void **state)
{
    enum { THREADS = 3 };
    pthread_t threads[THREADS];
    shale_atomic_store_relaxed(&go_on, true);
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, churn, (void *)i), 0);
    for (unsigned round = 0; round < 10; round++) {
        start(PROFILE_FULL);
        usleep(3000);
        struct shale_profile_report *report = stop_and_read();
        assert_true(report->provenance.sealed);
        /* A block taken while the recorder was off is foreign when it is freed. */
        const struct profile_totals *totals = &report->totals;
        assert_true(totals->allocations >= totals->frees - totals->foreign_frees);
        assert_true(totals->allocations - (totals->frees - totals->foreign_frees) <= THREADS);
        profile_report_free(report);
    }
    shale_atomic_store_relaxed(&go_on, false);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

static void recorder_fork_child_has_its_own_file(void **state)
{
    char path[PROFILE_IMAGE_PATH + 16];
    int status;
    start(PROFILE_FULL);
    took(BASE, 100);
    pid_t pid = fork();
    if (pid == 0) {
        gave(BASE); /* the parent's */
        took(BASE + 64, 7);
        profile_recorder_stop();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    snprintf(path, sizeof(path), "%s.%d", settings.path, (int)pid);
    struct shale_profile_report *child = read_back(path);
    struct shale_profile_report *report = stop_and_read();
    unlink(path);
    assert_int_equal(child->totals.allocations, 1);
    assert_int_equal(child->totals.foreign_frees, 1);
    assert_int_equal(child->totals.live_bytes, 7);
    assert_int_equal(child->provenance.pid, pid);
    assert_int_equal(report->totals.allocations, 1);
    assert_int_equal(report->totals.frees, 0);
    profile_report_free(child);
    profile_report_free(report);
}

static void recorder_killed_leaves_all_it_counted(void **state)
{
    char path[PROFILE_IMAGE_PATH];
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        start(PROFILE_FULL);
        for (uint64_t i = 0; i < 5000; i++)
            took(BASE + i * 64, 10);
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    snprintf(path, sizeof(path), "profile-recorder.%d.tmp", (int)pid);
    struct shale_profile_report *report = read_back(path);
    unlink(path);
    assert_int_equal(report->provenance.end, PROFILE_KILLED);
    assert_false(report->provenance.sealed);
    assert_int_equal(report->totals.allocations, 5000);
    assert_int_equal(report->totals.live_bytes, 50000);
    assert_int_equal(report->leak_count, 1);
    profile_report_free(report);
}

/* As on a full disk: recording ends, what was recorded stays, and so does the program. */
static void recorder_no_room_stops_and_says_so(void **state)
{
    struct rlimit limit, small;
    start(PROFILE_FULL);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = limit;
    small.rlim_cur = 2 << 20;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    for (uint64_t i = 0; i < 1000000; i++)
        took(BASE + i * 64, 10);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(profile_recorder_stop(), SHALE_EINVAL);
    struct shale_profile_report *report = read_back(settings.path);
    unlink(settings.path);
    assert_int_equal(report->provenance.end, PROFILE_DISK_FULL);
    assert_string_not_equal(report->provenance.end_reason, "");
    assert_true(report->totals.allocations > 1000);
    assert_true(report->totals.live_blocks >= report->totals.allocations - 1);
    profile_report_free(report);
}

static void recorder_failed_realloc_keeps_the_block(void **state)
{
    struct profile_taken taken;
    start(PROFILE_FULL);
    took(BASE, 100);
    struct profile_local *local = profile_enter();
    profile_take_back(local, (void *)BASE, &taken);
    assert_true(taken.found);
    profile_put_back(local, (void *)BASE, &taken);
    profile_record_alloc(local, NULL, 1 << 20, __builtin_frame_address(0));
    profile_leave(local);
    struct shale_profile_report *report = stop_and_read();
    assert_int_equal(report->totals.failed, 1);
    assert_int_equal(report->totals.frees, 0);
    assert_int_equal(report->totals.live_bytes, 100);
    profile_report_free(report);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(recorder_full_counts_and_sizes_agree),
    cmocka_unit_test(recorder_leaks_are_by_stack),
    cmocka_unit_test(recorder_sample_estimates_are_unbiased),
    cmocka_unit_test(recorder_sample_freed_blocks_are_gone),
    cmocka_unit_test(recorder_counters_have_no_stacks),
    cmocka_unit_test(recorder_frees_of_another_thread_are_a_flow),
    cmocka_unit_test(recorder_stop_while_threads_run_seals),
    cmocka_unit_test(recorder_fork_child_has_its_own_file),
    cmocka_unit_test(recorder_killed_leaves_all_it_counted),
    cmocka_unit_test(recorder_no_room_stops_and_says_so),
    cmocka_unit_test(recorder_failed_realloc_keeps_the_block),
};

RUN_TESTS("profile_recorder")
