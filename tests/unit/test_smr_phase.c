/* SPDX-License-Identifier: MIT */
/*
 * Read and write phases: who is thrown out, what stays protected, and every rule of siglongjmp that
 * the handler has to keep. Under thread sanitizer the scheme is IBR, and only that is looked at.
 */
#include "test.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <shale/error.h>
#include <shale/shale.h>

#include "base/clock.h"
#include "smr/phase.h"
#include "smr/slot.h"
#include "smr_nodes.h"

enum { BAG = 32, MANY = 200 * BAG };

struct reader {
    struct shale_smr *domain;
    _Atomic uintptr_t head;
    void *reserve;           /* in the write phase */
    bool write;              /* parks in the write phase, else in the read phase */
    bool nest;               /* parks in a guard nested in the read phase */
    bool masked;             /* the signal is blocked */
    _Atomic unsigned starts; /* of the read phase */
    _Atomic bool parked;
    _Atomic bool stop;
};

static void park(struct reader *reader)
{
    shale_atomic_store_release(&reader->parked, true);
    while (!shale_atomic_load_acquire(&reader->stop))
        usleep(200);
}

static void mask_signal(const struct reader *reader)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGURG);
    if (reader->masked)
        pthread_sigmask(SIG_BLOCK, &set, NULL);
}

/* Parks for ever the first time; a reader that was thrown out ends. */
static void *read_and_park(void *argument)
{
    struct reader *reader = argument;
    mask_signal(reader);
    struct shale_smr_thread *guard = shale_smr_enter(reader->domain);
    SHALE_SMR_READ(guard);
    unsigned start = shale_atomic_fetch_add_relaxed(&reader->starts, 1);
    struct node *node = shale_smr_load(guard, &reader->head);
    if (node)
        node_check(node);
    if (reader->write) {
        void *nodes[] = {reader->reserve, NULL};
        (void)!shale_smr_write(guard, nodes, 2);
    }
    if (reader->nest)
        (void)!shale_smr_enter(reader->domain);
    if (start == 0)
        park(reader);
    if (node && start == 0)
        node_check(node); /* it was never freed under a reader that was not thrown out */
    if (reader->nest)
        shale_smr_exit(guard);
    shale_smr_exit(guard);
    return NULL;
}

static void start_reader(struct reader *reader, pthread_t *thread)
{
    struct shale_smr_options options = SHALE_SMR_OPTIONS_INIT;
    nodes_reset();
    options.scheme = SHALE_SMR_NEUTRALIZE;
    options.bag_size = BAG;
    assert_int_equal(shale_smr_create(&options, &reader->domain), 0);
    struct shale_smr_thread *guard = shale_smr_enter(reader->domain);
    shale_atomic_store_relaxed(&reader->head, (uintptr_t)node_new(guard, 1));
    shale_smr_exit(guard);
    reader->reserve = (void *)shale_atomic_load_relaxed(&reader->head);
    assert_int_equal(pthread_create(thread, NULL, read_and_park, reader), 0);
    while (!shale_atomic_load_acquire(&reader->parked))
        usleep(100);
}

/* Replaces the node the reader has seen, and then its successors, many times. */
static void replace_many(struct reader *reader)
{
    for (int i = 0; i < MANY; i++) {
        struct shale_smr_thread *guard = shale_smr_enter(reader->domain);
        struct node *fresh = node_new(guard, 1);
        struct node *old =
            (struct node *)shale_atomic_exchange_acq_rel(&reader->head, (uintptr_t)fresh);
        assert_int_equal(node_retire(guard, old), 0);
        shale_smr_exit(guard);
    }
}

static void end_reader(struct reader *reader, pthread_t thread)
{
    shale_atomic_store_release(&reader->stop, true);
    pthread_join(thread, NULL);
    node_reclaim((void *)shale_atomic_load_relaxed(&reader->head), NULL);
    assert_int_equal(shale_smr_destroy(reader->domain), 0);
    assert_int_equal(nodes_alive(), 0);
    assert_int_equal(shale_atomic_load_relaxed(&nodes_broken), 0);
}

static bool is_neutralizing(struct shale_smr *domain)
{
    return smr_stats_of(domain).scheme == SHALE_SMR_NEUTRALIZE;
}

static void phase_parked_reader_is_thrown_out(void **state)
{
    struct reader reader = {.write = false};
    pthread_t thread;
    (void)state;
    start_reader(&reader, &thread);
    replace_many(&reader);
    assert_int_equal(shale_smr_flush(reader.domain) > 0, true);
    if (is_neutralizing(reader.domain)) {
        pthread_join(thread, NULL); /* it parks once only */
        assert_int_equal(pthread_create(&thread, NULL, read_and_park, &reader), 0);
        assert_int_equal(shale_atomic_load_relaxed(&reader.starts) >= 2, true);
        assert_int_equal(smr_stats_of(reader.domain).neutralized_count, 1);
    }
    end_reader(&reader, thread);
}

static void phase_write_reserved_node_stays(void **state)
{
    struct reader reader = {.write = true};
    pthread_t thread;
    (void)state;
    start_reader(&reader, &thread);
    replace_many(&reader);
    (void)shale_smr_flush(reader.domain);
    node_check(reader.reserve);
    assert_int_equal(shale_atomic_load_relaxed(&nodes_broken), 0);
    if (is_neutralizing(reader.domain)) {
        assert_int_equal(nodes_alive(), 2); /* the reserved one and the one that is linked */
        assert_int_equal(smr_stats_of(reader.domain).neutralized_count, 0);
    }
    end_reader(&reader, thread);
}

static void phase_nested_guard_is_not_thrown_out(void **state)
{
    struct reader reader = {.nest = true};
    pthread_t thread;
    (void)state;
    start_reader(&reader, &thread);
    replace_many(&reader);
    (void)shale_smr_flush(reader.domain);
    assert_int_equal(shale_atomic_load_relaxed(&reader.starts), 1);
    assert_int_equal(smr_stats_of(reader.domain).neutralized_count, 0);
    /* The bound of IBR: what was born up to the reader's last load. */
    assert_true(nodes_alive() <= 1 + 128 + 4 * BAG);
    end_reader(&reader, thread);
}

static void phase_masked_signal_leaves_the_bound_of_ibr(void **state)
{
    struct reader reader = {.masked = true};
    pthread_t thread;
    (void)state;
    start_reader(&reader, &thread);
    replace_many(&reader);
    (void)shale_smr_flush(reader.domain);
    assert_int_equal(shale_atomic_load_relaxed(&reader.starts), 1);
    assert_true(nodes_alive() <= 1 + 128 + 4 * BAG);
    end_reader(&reader, thread);
}

static void phase_too_many_reserved_einval(void **state)
{
    struct shale_smr *domain = smr_new(SHALE_SMR_EBR, 0);
    void *nodes[SHALE_SMR_RESERVED_MAX + 1] = {NULL};
    (void)state;
    struct shale_smr_thread *guard = shale_smr_enter(domain);
    SHALE_SMR_READ(guard);
    assert_int_equal(shale_smr_write(guard, nodes, SHALE_SMR_RESERVED_MAX + 1), SHALE_EINVAL);
    assert_int_equal(shale_smr_write(guard, nodes, SHALE_SMR_RESERVED_MAX), 0);
    shale_smr_exit(guard);
    assert_int_equal(shale_smr_destroy(domain), 0);
}

/* A guard nested in a write phase may read more than what the outer one reserved. */
static void phase_nested_in_write_counts_as_interval(void **state)
{
    struct shale_smr *domain = smr_new(SHALE_SMR_NEUTRALIZE, 0);
    (void)state;
    struct shale_smr_thread *guard = shale_smr_enter(domain);
    SHALE_SMR_READ(guard);
    assert_int_equal(shale_smr_write(guard, NULL, 0), 0);
    assert_int_equal(smr_is_writing(guard), is_neutralizing(domain));
    assert_ptr_equal(shale_smr_enter(domain), guard);
    assert_false(smr_is_writing(guard));
    SHALE_SMR_READ(guard); /* does nothing here */
    shale_smr_exit(guard);
    SHALE_SMR_READ(guard);
    shale_smr_exit(guard);
    assert_int_equal(shale_atomic_load_relaxed(&guard->phase), SMR_PLAIN);
    assert_int_equal(shale_smr_destroy(domain), 0);
}

/* ---- the signal ---- */

static void other_handler(int signal)
{
    (void)signal;
}

static void create_with_taken_signal_falls_back_to_ibr(void **state)
{
    struct shale_smr_options options = SHALE_SMR_OPTIONS_INIT;
    struct shale_smr *domain = NULL;
    (void)state;
    options.scheme = SHALE_SMR_NEUTRALIZE;
    options.signal = SIGUSR2;
    signal(SIGUSR2, other_handler);
    assert_int_equal(shale_smr_create(&options, &domain), 0);
    assert_int_equal(smr_stats_of(domain).scheme, SHALE_SMR_IBR);
    assert_int_equal(shale_smr_destroy(domain), 0);
    signal(SIGUSR2, SIG_DFL);
}

static void create_with_impossible_signal_einval(void **state)
{
    struct shale_smr_options options = SHALE_SMR_OPTIONS_INIT;
    struct shale_smr *domain = NULL;
    (void)state;
    options.scheme = SHALE_SMR_NEUTRALIZE;
    options.signal = SIGRTMAX + 1;
    assert_int_equal(shale_smr_create(&options, &domain), SHALE_EINVAL);
    if (SHALE_THREAD_SANITIZER)
        return;
    options.signal = SIGKILL;
    assert_int_equal(shale_smr_create(&options, &domain), SHALE_EINVAL);
}

/* The signal from elsewhere, unasked: nothing is thrown out. */
static void phase_stray_signal_changes_nothing(void **state)
{
    struct shale_smr *domain = smr_new(SHALE_SMR_NEUTRALIZE, 0);
    static unsigned starts;
    (void)state;
    starts = 0;
    raise(SIGURG);
    struct shale_smr_thread *guard = shale_smr_enter(domain);
    SHALE_SMR_READ(guard);
    starts++;
    raise(SIGURG);
    assert_int_equal(starts, 1);
    shale_smr_exit(guard);
    assert_int_equal(shale_smr_destroy(domain), 0);
}

/* Thrown out again and again: the guard is one guard, the thread's signal mask is as it was. */
static void phase_restart_a_thousand_times_state_is_whole(void **state)
{
    struct shale_smr *domain = smr_new(SHALE_SMR_NEUTRALIZE, 0);
    static unsigned starts;
    sigset_t before;
    sigset_t after;
    (void)state;
    if (!is_neutralizing(domain)) {
        assert_int_equal(shale_smr_destroy(domain), 0);
        return;
    }
    starts = 0;
    pthread_sigmask(SIG_BLOCK, NULL, &before);
    struct shale_smr_thread *guard = shale_smr_enter(domain);
    SHALE_SMR_READ(guard);
    if (++starts <= 1000) {
        shale_atomic_fetch_add_relaxed(&guard->request, 1);
        raise(SIGURG);
        fail_msg("the handler came back");
    }
    assert_int_equal(starts, 1001);
    assert_int_equal(guard->nested, SMR_IN_PHASE);
    assert_true(shale_atomic_load_relaxed(&guard->lo) != SMR_OUTSIDE);
    shale_smr_exit(guard);
    pthread_sigmask(SIG_BLOCK, NULL, &after);
    assert_int_equal(sigismember(&before, SIGURG), sigismember(&after, SIGURG));
    assert_int_equal(smr_stats_of(domain).neutralized_count, 1000);
    assert_int_equal(shale_smr_destroy(domain), 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(phase_parked_reader_is_thrown_out),
    cmocka_unit_test(phase_write_reserved_node_stays),
    cmocka_unit_test(phase_nested_guard_is_not_thrown_out),
    cmocka_unit_test(phase_masked_signal_leaves_the_bound_of_ibr),
    cmocka_unit_test(phase_too_many_reserved_einval),
    cmocka_unit_test(phase_nested_in_write_counts_as_interval),
    cmocka_unit_test(create_with_taken_signal_falls_back_to_ibr),
    cmocka_unit_test(create_with_impossible_signal_einval),
    cmocka_unit_test(phase_stray_signal_changes_nothing),
    cmocka_unit_test(phase_restart_a_thousand_times_state_is_whole),
};

RUN_TESTS("smr_phase")
