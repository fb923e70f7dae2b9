/* SPDX-License-Identifier: MIT */
/*
 * The bounds that <shale/smr.h> states, with a thread parked where it hurts: for ever inside a
 * guard, in a read or a write phase, or stopped from outside. SHALE_TEST_SECONDS sets how long the
 * others go on meanwhile; without it, a number of replacements that shows growth if there is any.
 * EBR, which has no bound, spreads that number over the time.
 */
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shale/error.h>
#include <shale/shale.h>

#include "base/clock.h"
#include "base/thread.h"
#include "blocks.h"
#include "smr_nodes.h"

NO_LEAK_CHECK_UNDER_PTRACE

enum { LIVE = 2000, BAG = 128, ERA = 128, REPLACEMENTS = 400000, FEW_BAGS = 4 * BAG };

enum park_in { IN_GUARD, IN_READ_PHASE, IN_WRITE_PHASE };

struct parking {
    struct shale_smr *domain;
    enum park_in where;
    _Atomic uintptr_t places[LIVE];
    _Atomic bool parked;
    _Atomic bool stop;
    _Atomic unsigned starts;
    _Atomic int os_id;
    _Atomic bool stopped; /* by the tracer */
    _Atomic bool churned;
    struct shale_smr_stats during;
};

static struct parking *parking;

static void check_all_places(struct shale_smr_thread *guard)
{
    for (int i = 0; i < LIVE; i++)
        node_check(shale_smr_load(guard, &parking->places[i]));
}

/* Parks once, in the guard; one that was thrown out leaves. */
static void *read_and_park(void *argument)
{
    void *reserved[] = {NULL};
    (void)argument;
    shale_atomic_store_relaxed(&parking->os_id, (int)shale_thread_os_id());
    struct shale_smr_thread *guard = shale_smr_enter(parking->domain);
    if (parking->where != IN_GUARD)
        SHALE_SMR_READ(guard);
    unsigned start = shale_atomic_fetch_add_relaxed(&parking->starts, 1);
    check_all_places(guard);
    struct node *node = shale_smr_load(guard, &parking->places[0]);
    reserved[0] = node;
    if (parking->where == IN_WRITE_PHASE)
        (void)!shale_smr_write(guard, reserved, 1);
    shale_atomic_store_release(&parking->parked, true);
    while (start == 0 && !shale_atomic_load_acquire(&parking->stop))
        sched_yield();
    if (start == 0)
        node_check(node);
    shale_smr_exit(guard);
    return NULL;
}

static void replace_one(uint64_t *random)
{
    struct shale_smr_thread *guard = shale_smr_enter(parking->domain);
    struct node *fresh = node_new(guard, 1);
    _Atomic uintptr_t *place = &parking->places[random_below(random, LIVE)];
    struct node *old = (struct node *)shale_atomic_exchange_acq_rel(place, (uintptr_t)fresh);
    if (node_retire(guard, old) != 0)
        shale_atomic_fetch_add_relaxed(&nodes_broken, 1);
    shale_smr_exit(guard);
}

static unsigned seconds_given(void)
{
    const char *given = getenv("SHALE_TEST_SECONDS");
    return given ? (unsigned)strtoul(given, NULL, 0) : 0;
}

/* Replaces nodes for a while; returns the most that was in limbo. */
static uint64_t churn(uint64_t seed)
{
    enum { STEP = 1024 };
    bool bounded = smr_stats_of(parking->domain).scheme != SHALE_SMR_EBR;
    uint64_t seconds = seconds_given();
    uint64_t end = bounded ? shale_clock_monotonic_ns() + seconds * 1000000000u : 0;
    useconds_t pause = bounded ? 0 : (useconds_t)(seconds * 1000000u / (REPLACEMENTS / STEP));
    uint64_t most = 0;
    for (int i = 0; i < REPLACEMENTS || shale_clock_monotonic_ns() < end; i++) {
        replace_one(&seed);
        struct shale_smr_stats stats = SHALE_SMR_STATS_INIT;
        if (i % STEP != 0)
            continue;
        if (shale_smr_stats_snapshot(parking->domain, &stats) == 0)
            most = stats.limbo_count > most ? stats.limbo_count : most;
        usleep(pause);
    }
    return most;
}

static void start_parking(enum shale_smr_scheme scheme, enum park_in where, pthread_t *thread)
{
    nodes_reset();
    parking->where = where;
    parking->domain = smr_new(scheme, 0);
    struct shale_smr_thread *guard = shale_smr_enter(parking->domain);
    for (int i = 0; i < LIVE; i++)
        shale_atomic_store_relaxed(&parking->places[i], (uintptr_t)node_new(guard, 1));
    shale_smr_exit(guard);
    assert_int_equal(pthread_create(thread, NULL, read_and_park, NULL), 0);
    while (!shale_atomic_load_acquire(&parking->parked))
        usleep(100);
}

static void end_parking(pthread_t thread)
{
    shale_atomic_store_release(&parking->stop, true);
    pthread_join(thread, NULL);
    for (int i = 0; i < LIVE; i++)
        node_reclaim((void *)shale_atomic_load_relaxed(&parking->places[i]), NULL);
    assert_int_equal(shale_smr_destroy(parking->domain), 0);
    assert_int_equal(nodes_alive(), 0);
    assert_int_equal(shale_atomic_load_relaxed(&nodes_broken), 0);
}

/* The whole of a case; returns the most that was in limbo. */
static uint64_t run_parked(const char *name, enum shale_smr_scheme scheme, enum park_in where)
{
    pthread_t thread;
    uint64_t seed = random_seed(name);
    memset(parking, 0, sizeof *parking);
    start_parking(scheme, where, &thread);
    uint64_t most = churn(seed);
    parking->during = smr_stats_of(parking->domain);
    printf("# %s: %llu retired, at most %llu in limbo\n", name,
           (unsigned long long)parking->during.retired_count, (unsigned long long)most);
    end_parking(thread);
    return most;
}

/* What the header says of IBR, for one thread that retires. */
enum { HELD_BY_IBR = LIVE + ERA, BOUND_OF_IBR = HELD_BY_IBR * 5 / 4 + 3 * BAG };

static void bound_ebr_parked_in_guard_grows_and_says_so(void **state)
{
    (void)state;
    uint64_t most = run_parked("ebr", SHALE_SMR_EBR, IN_GUARD);
    assert_true(most + 2048 >= parking->during.retired_count);
    assert_true(parking->during.stall_count > 0);
    assert_true(parking->during.over_cap_count > 0);
    assert_true(parking->during.oldest_lag > 0);
    assert_int_equal(parking->during.limbo_count, parking->during.retired_count);
}

static void bound_ibr_parked_in_guard_holds(void **state)
{
    (void)state;
    uint64_t most = run_parked("ibr", SHALE_SMR_IBR, IN_GUARD);
    assert_true(most <= BOUND_OF_IBR);
    assert_true(most >= LIVE / 2); /* the guard does hold its nodes up */
    assert_true(parking->during.oldest_lag > 100);
}

static void bound_neutralize_parked_in_read_phase_holds(void **state)
{
    (void)state;
    uint64_t most = run_parked("neutralize, read", SHALE_SMR_NEUTRALIZE, IN_READ_PHASE);
    if (parking->during.scheme == SHALE_SMR_NEUTRALIZE) {
        /* Before, it may have waited for a core to take the signal. */
        assert_true(parking->during.limbo_count <= FEW_BAGS);
        assert_int_equal(parking->during.neutralized_count, 1);
    }
    assert_true(most <= BOUND_OF_IBR);
}

static void bound_neutralize_parked_in_write_phase_holds(void **state)
{
    (void)state;
    uint64_t most = run_parked("neutralize, write", SHALE_SMR_NEUTRALIZE, IN_WRITE_PHASE);
    if (parking->during.scheme == SHALE_SMR_NEUTRALIZE)
        assert_true(most <= FEW_BAGS);
    assert_true(most <= BOUND_OF_IBR);
}

static void bound_neutralize_parked_in_plain_guard_is_that_of_ibr(void **state)
{
    (void)state;
    uint64_t most = run_parked("neutralize, no phase", SHALE_SMR_NEUTRALIZE, IN_GUARD);
    assert_true(most <= BOUND_OF_IBR);
    assert_int_equal(parking->during.neutralized_count, 0);
}

/* ---- stopped from outside ---- */

static int wait_until(_Atomic bool *flag)
{
    unsigned rounds = (60 + 2 * seconds_given()) * 10000;
    for (unsigned i = 0; i < rounds && !shale_atomic_load_acquire(flag); i++)
        usleep(100);
    return shale_atomic_load_acquire(flag) ? 0 : 1;
}

/* The traced process: 0, or what went wrong. */
static int live_with_stopped_thread(enum shale_smr_scheme scheme)
{
    pthread_t thread;
    uint64_t seed = 1;
    start_parking(scheme, IN_READ_PHASE, &thread);
    if (wait_until(&parking->stopped))
        return 10;
    uint64_t most = churn(seed);
    parking->during = smr_stats_of(parking->domain);
    shale_atomic_store_release(&parking->churned, true);
    if (scheme == SHALE_SMR_EBR ? most < LIVE : most > BOUND_OF_IBR)
        return 11;
    if (parking->during.scheme == SHALE_SMR_NEUTRALIZE && parking->during.unacknowledged_count == 0)
        return 12;
    end_parking(thread);
    return 0;
}

/* Stops one thread of the child, as a debugger does, until the others have churned. */
static void stop_thread_of(pid_t child)
{
    (void)child;
    assert_int_equal(wait_until(&parking->parked), 0);
    pid_t thread = (pid_t)shale_atomic_load_relaxed(&parking->os_id);
    assert_int_equal(ptrace(PTRACE_SEIZE, thread, NULL, NULL), 0);
    assert_int_equal(ptrace(PTRACE_INTERRUPT, thread, NULL, NULL), 0);
    assert_int_equal(waitpid(thread, NULL, __WALL), thread);
    shale_atomic_store_release(&parking->stopped, true);
    assert_int_equal(wait_until(&parking->churned), 0);
    assert_int_equal(ptrace(PTRACE_DETACH, thread, NULL, NULL), 0);
}

static void run_stopped(enum shale_smr_scheme scheme)
{
    int status = 0;
    memset(parking, 0, sizeof *parking);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(live_with_stopped_thread(scheme));
    stop_thread_of(child);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void bound_thread_stopped_by_tracer_holds(void **state)
{
    (void)state;
    run_stopped(SHALE_SMR_IBR);
    run_stopped(SHALE_SMR_NEUTRALIZE); /* the signal is not taken: the bound of IBR */
}

static void stopped_process_goes_on_unharmed(void **state)
{
    int status = 0;
    (void)state;
    memset(parking, 0, sizeof *parking);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        shale_atomic_store_relaxed(&parking->stopped, true);
        _exit(live_with_stopped_thread(SHALE_SMR_IBR));
    }
    assert_int_equal(wait_until(&parking->parked), 0);
    for (int i = 0; i < 20; i++) {
        kill(child, SIGSTOP);
        usleep(5000);
        kill(child, SIGCONT);
        usleep(2000);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(bound_ebr_parked_in_guard_grows_and_says_so),
    cmocka_unit_test(bound_ibr_parked_in_guard_holds),
    cmocka_unit_test(bound_neutralize_parked_in_read_phase_holds),
    cmocka_unit_test(bound_neutralize_parked_in_write_phase_holds),
    cmocka_unit_test(bound_neutralize_parked_in_plain_guard_is_that_of_ibr),
    cmocka_unit_test(bound_thread_stopped_by_tracer_holds),
    cmocka_unit_test(stopped_process_goes_on_unharmed),
};

/* Shared with the processes that are traced. */
static int share_parking(void **state)
{
    (void)state;
    void *memory =
        mmap(NULL, sizeof *parking, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    parking = memory == MAP_FAILED ? NULL : memory;
    return parking ? 0 : -1;
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("smr_bounds", tests, share_parking, NULL);
}
