/* SPDX-License-Identifier: MIT */
/*
 * Little memory, failing system calls, no membarrier, and none at all needed in steady state. Each
 * case runs in a process of its own, with a fresh engine.
 */
#include "test.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <shale/error.h>

#include "base/membarrier.h"
#include "base/os.h"
#include "base/system.h"
#include "blocks.h"
#include "in_child.h"
#include "slab/bias.h"
#include "slab/huge.h"
#include "slab/malloc.h"
#include "slab/range.h"
#include "slab/stats.h"
#include "slab/validate.h"
#include "slab/watch.h"

/* A sanitizer's or valgrind's own memory would be limited too, and its system calls forbidden. */
static void skip_where_a_tool_is_in_the_process(void)
{
    if (SHALE_ADDRESS_SANITIZER || SHALE_THREAD_SANITIZER || slab_watch_on_valgrind())
        SKIP("limits would bind the sanitizer or valgrind as well");
}

static void limit_address_space(rlim_t bytes)
{
    struct rlimit limit = {bytes, bytes};
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
}

/* Takes blocks until there are no more; gives all of them back; does that twice. */
static void exhaust(size_t size)
{
    size_t first = 0;
    for (int round = 0; round < 2; round++) {
        void **chain = NULL;
        size_t count = 0;
        for (;;) {
            errno = 0;
            void **block = slab_malloc(size);
            if (block == NULL)
                break;
            *block = chain;
            chain = block;
            count++;
        }
        CHECK(errno == ENOMEM);
        CHECK(count > 0);
        CHECK(round == 0 || count >= first - first / 8);
        first = count;
        while (chain != NULL) {
            void **next = *chain;
            slab_free(chain);
            chain = next;
        }
        CHECK(slab_validate() == 0);
    }
}

static void small_address_space(void)
{
    limit_address_space((rlim_t)600 << 20);
    exhaust(1000);
    exhaust(100000);
    exhaust(3u << 20);
    exhaust(40000);
}

static void limits_rlimit_as_enomem_and_recovery(void **state)
{
    (void)state;
    skip_where_a_tool_is_in_the_process();
    in_child(small_address_space);
}

/* Of what the limit leaves, blocks get nearly all; what they do not take others can map. */
static void most_of_address_space(void)
{
    enum { MIB = 1 << 20, SIZE = 128 << 10 };
    limit_address_space((rlim_t)600 * MIB);
    size_t left = shale_system_address_space_left() & ~(size_t)(4 * MIB - 1);
    void *other = NULL;
    CHECK(slab_malloc(1) != NULL && slab_range.on_demand);
    CHECK(shale_os_map(left / 4 * 3, 0, &other) == 0);
    CHECK(shale_os_release(other, left / 4 * 3) == 0);
    size_t got = 0;
    while (slab_malloc(SIZE) != NULL)
        got += SIZE;
    CHECK(got >= left / 10 * 9);
    CHECK(slab_validate() == 0);
}

static void limits_rlimit_as_blocks_get_most_of_it(void **state)
{
    (void)state;
    skip_where_a_tool_is_in_the_process();
    in_child(most_of_address_space);
}

/* Somebody else maps where the frontier would go: that half ends there, and the other goes on. */
static void stranger_in_the_way(void)
{
    enum { AHEAD = 10 };
    limit_address_space((rlim_t)600 << 20);
    CHECK(slab_malloc(1) != NULL && slab_range.on_demand);
    uint32_t frontier = shale_atomic_load_relaxed(&slab_range_frontier[0]);
    char *strange = slab_segment_address(frontier + AHEAD);
    CHECK(shale_os_map_at(strange, SLAB_SEGMENT_SIZE) == 0);
    CHECK(shale_os_map_at(strange, SLAB_SEGMENT_SIZE) == SHALE_EBUSY);
    memset(strange, 0x77, SLAB_SEGMENT_SIZE);
    exhaust(100000);
    CHECK(shale_atomic_load_relaxed(&slab_range_frontier[0]) <= frontier + AHEAD);
    CHECK(shale_atomic_load_relaxed(&slab_range_frontier[1]) > slab_range.first[1] + 50);
    slab_free(strange + 4096); /* no block: nothing happens */
    for (size_t i = 0; i < SLAB_SEGMENT_SIZE; i++)
        CHECK(strange[i] == 0x77);
}

static void limits_mapping_in_the_way_left_alone(void **state)
{
    (void)state;
    skip_where_a_tool_is_in_the_process();
    in_child(stranger_in_the_way);
}

static void direct_mappings(void)
{
    limit_address_space((rlim_t)3 << 30);
    CHECK(slab_malloc(1) != NULL);
    size_t size = (size_t)(slab_range.size / 4) + 1;
    unsigned char *block = slab_malloc(size);
    CHECK(block != NULL && !slab_in_range(block));
    CHECK(slab_owns(block) && slab_usable_size(block) >= size);
    CHECK(block[0] == 0 && block[size - 1] == 0);
    block[0] = block[size - 1] = 7;
    block = slab_realloc(block, size + (10u << 20));
    CHECK(block != NULL && block[0] == 7 && block[size - 1] == 7);
    block = slab_realloc(block, 1000);
    CHECK(block != NULL && block[0] == 7 && slab_in_range(block));
    slab_free(block);
    CHECK(slab_huge_total() == 0);
    CHECK(slab_validate() == 0);
}

static void limits_beyond_a_quarter_mapped_directly(void **state)
{
    (void)state;
    skip_where_a_tool_is_in_the_process();
    in_child(direct_mappings);
}

static void many_direct(void)
{
    enum { COUNT = 2000 };
    static void *blocks[COUNT];
    CHECK(slab_malloc(1) != NULL);
    for (int i = 0; i < COUNT; i++) {
        blocks[i] = slab_huge_alloc((size_t)i * 10, i % 2 == 0 ? 0 : 1 << 16);
        CHECK(blocks[i] != NULL && (i % 2 == 0 || (uintptr_t)blocks[i] % 65536 == 0));
    }
    for (int i = 0; i < COUNT; i++)
        CHECK(slab_huge_size(blocks[i]) >= (size_t)i * 10);
    for (int i = 0; i < COUNT; i += 2)
        CHECK(slab_huge_free(blocks[i]));
    for (int i = 0; i < COUNT; i++)
        CHECK((slab_huge_size(blocks[i]) != 0) == (i % 2 == 1));
    for (int i = 1; i < COUNT; i += 2)
        slab_free(blocks[i]);
    CHECK(slab_huge_total() == 0);
    CHECK(!slab_huge_free(blocks[0]));
}

static void limits_many_direct_mappings_found(void **state)
{
    (void)state;
    in_child(many_direct);
}

/* ---- failing system calls ---------------------------------------------------------------------
 */

static long calls_made;
static long call_to_fail; /* 0: none; negative: all from there on */

static bool fails_now(void)
{
    calls_made++;
    return call_to_fail > 0 ? calls_made == call_to_fail
                            : call_to_fail < 0 && calls_made >= -call_to_fail;
}

static intptr_t map_or_fail(void *address, size_t size, int protection, int flags)
{
    return fails_now() ? -ENOMEM : shale_os_kernel_calls.map(address, size, protection, flags);
}

static int protect_or_fail(void *address, size_t size, int protection)
{
    return fails_now() ? -ENOMEM : shale_os_kernel_calls.protect(address, size, protection);
}

static int advise_or_fail(void *address, size_t size, int advice)
{
    return fails_now() ? -EINVAL : shale_os_kernel_calls.advise(address, size, advice);
}

static intptr_t remap_or_fail(void *address, size_t size, size_t new_size, int flags)
{
    return fails_now() ? -ENOMEM : shale_os_kernel_calls.remap(address, size, new_size, flags);
}

static int move_or_fail(void *from, size_t size, void *to)
{
    return fails_now() ? -ENOMEM : shale_os_kernel_calls.move(from, size, to);
}

static void hook_calls(void)
{
    static struct shale_os_calls calls;
    calls = shale_os_kernel_calls;
    calls.map = map_or_fail;
    calls.protect = protect_or_fail;
    calls.advise = advise_or_fail;
    calls.remap = remap_or_fail;
    calls.move = move_or_fail;
    shale_os_set_calls(&calls);
}

/* A bit of everything; NULL is a fair answer to all of it. */
static void use_everything(void)
{
    enum { COUNT = 200 };
    struct tagged blocks[COUNT] = {0};
    uint64_t random = 12345;
    for (int i = 0; i < 3000; i++) {
        struct tagged *t = &blocks[random_below(&random, COUNT)];
        if (t->block != NULL)
            CHECK(tagged_intact(t));
        size_t size = random_size(&random);
        if (random_below(&random, 4) == 0 && t->block != NULL) {
            void *moved = slab_realloc(t->block, size);
            if (moved == NULL)
                continue; /* the old block is as it was */
            t->block = moved;
        } else {
            slab_free(t->block);
            t->block = random_below(&random, 2) != 0 ? slab_malloc(size) : slab_calloc(1, size);
        }
        t->size = size;
        if (t->block != NULL)
            tagged_fill(t);
        if (i % 500 == 499)
            (void)slab_give_back(SIZE_MAX);
    }
    for (int i = 0; i < COUNT; i++)
        slab_free(blocks[i].block);
}

static void fail_nth(void)
{
    hook_calls();
    use_everything();
    int rule = slab_range.base != NULL ? slab_validate() : 0;
    if (rule > 0)
        fprintf(stderr, "# call %ld: rule %d\n", call_to_fail, rule);
    CHECK(rule <= 0);
    call_to_fail = 0;
    void *block = slab_malloc(100);
    CHECK(block != NULL || slab_range.base == NULL); /* a start that failed is final */
    slab_free(block);
}

static void limits_nth_system_call_fails_no_crash(void **state)
{
    (void)state;
    for (long n = 1; n <= 60; n += SHALE_THREAD_SANITIZER || slab_watch_on_valgrind() ? 7 : 1) {
        call_to_fail = n;
        in_child(fail_nth);
        call_to_fail = -n;
        in_child(fail_nth);
    }
    call_to_fail = 0;
}

/* Grows a block by moving its pages while each call of all that takes fails once. */
static void fail_move(void)
{
    enum { SIZE = 9 << 20 };
    unsigned char *block = slab_malloc(SIZE);
    void *wall = slab_malloc(3u << 20);
    memset(block, 0xab, SIZE);
    (void)slab_give_back(SIZE_MAX);
    calls_made = 0;
    hook_calls();
    unsigned char *grown = slab_realloc(block, 3 * SIZE);
    block = grown != NULL ? grown : block;
    for (int i = 0; i < SIZE; i += 100)
        CHECK(block[i] == 0xab);
    if (grown != NULL)
        memset(grown, 1, 3 * SIZE);
    slab_free(block);
    slab_free(wall);
    call_to_fail = 0;
    (void)slab_give_back(SIZE_MAX);
    CHECK(slab_validate() == 0);
    block = slab_malloc(3 * SIZE);
    CHECK(block != NULL);
    memset(block, 1, 3 * SIZE);
}

static void limits_move_fails_contents_kept(void **state)
{
    (void)state;
    for (long n = 1; n <= 16; n++) {
        call_to_fail = n;
        in_child(fail_move);
        call_to_fail = -n;
        in_child(fail_move);
    }
    call_to_fail = 0;
}

static void steady(void)
{
    enum { COUNT = 10000 };
    static void *blocks[COUNT];
    uint64_t random = 99;
    long before = 0;
    hook_calls();
    for (int i = 0; i < 1000000; i++) {
        if (i == 300000)
            before = calls_made;
        size_t slot = random_below(&random, COUNT);
        slab_free(blocks[slot]);
        blocks[slot] = slab_malloc(16 + random_below(&random, 1009));
    }
    CHECK(calls_made == before);
}

static void limits_steady_state_no_system_call(void **state)
{
    (void)state;
    in_child(steady);
}

/*
 * In strict mode the kernel ends a thread at its first system call but read, write and exit: what
 * goes through no port of ours is found too.
 */
static void forbid_system_calls(void)
{
    CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0);
}

static void churn(void **blocks, size_t count, uint64_t *random, int operations)
{
    for (int i = 0; i < operations; i++) {
        size_t slot = random_below(random, count);
        slab_free(blocks[slot]);
        blocks[slot] = slab_malloc(16 + random_below(random, 1009));
    }
}

static void steady_alone(void)
{
    enum { COUNT = 10000 };
    static void *blocks[COUNT];
    uint64_t random = 99;
    churn(blocks, COUNT, &random, 300000);
    forbid_system_calls();
    churn(blocks, COUNT, &random, 700000);
    (void)syscall(SYS_exit, 0);
}

static void limits_steady_state_in_strict_mode(void **state)
{
    (void)state;
    skip_where_a_tool_is_in_the_process();
    in_child(steady_alone);
}

enum { RING = 256, PASSED = 400000, PASSED_WARM = 100000 };

static _Atomic uintptr_t ring[RING];
static _Atomic bool strict_ended;

/* Frees what the other thread allocates. */
static void *consume(void *unused)
{
    for (int i = 0; i < PASSED; i++) {
        uintptr_t block;
        if (i == PASSED_WARM)
            forbid_system_calls();
        while ((block = shale_atomic_exchange_acq_rel(&ring[i % RING], 0)) == 0)
            shale_cpu_relax();
        slab_free((void *)block);
    }
    shale_atomic_store_release(&strict_ended, true);
    (void)syscall(SYS_exit, 0);
    return unused;
}

static void steady_in_two_threads(void)
{
    pthread_t thread;
    slab_free(slab_malloc(1));
    CHECK(pthread_create(&thread, NULL, consume, NULL) == 0);
    for (int i = 0; i < PASSED; i++) {
        void *block = slab_malloc(64 + (size_t)(i % 700));
        if (i == PASSED_WARM)
            forbid_system_calls();
        while (shale_atomic_load_relaxed(&ring[i % RING]) != 0)
            shale_cpu_relax();
        shale_atomic_store_release(&ring[i % RING], (uintptr_t)block);
    }
    while (!shale_atomic_load_acquire(&strict_ended))
        shale_cpu_relax();
    (void)syscall(SYS_exit, 0);
}

static void limits_steady_state_passing_blocks_in_strict_mode(void **state)
{
    (void)state;
    skip_where_a_tool_is_in_the_process();
    in_child(steady_in_two_threads);
}

/* ---- membarrier denied ------------------------------------------------------------------------
 */

static void deny_membarrier(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {SHALE_ARRAY_LENGTH(filter), filter};
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

static _Atomic int phase;

static void *free_others(void *argument)
{
    void **blocks = argument;
    while (shale_atomic_load_acquire(&phase) < 1)
        usleep(1000);
    for (int i = 0; i < 1000; i++)
        slab_free(blocks[i]);
    shale_atomic_store_release(&phase, 2);
    while (shale_atomic_load_acquire(&phase) < 3)
        usleep(1000);
    slab_free(slab_malloc(100)); /* the entry that learns of the fences */
    shale_atomic_store_release(&phase, 4);
    while (shale_atomic_load_acquire(&phase) < 5)
        usleep(1000);
    return NULL;
}

/* With two threads: everything is handed back, once the other has been seen to fence. */
static void work_with_other_thread(bool denied_late)
{
    static void *blocks[1000];
    static struct slab_stats stats;
    pthread_t thread;
    for (int i = 0; i < 1000; i++)
        blocks[i] = slab_malloc(256);
    CHECK(pthread_create(&thread, NULL, free_others, blocks) == 0);
    shale_atomic_store_release(&phase, 1);
    while (shale_atomic_load_acquire(&phase) < 2)
        usleep(1000);
    if (denied_late) {
        deny_membarrier();
        (void)slab_give_back(SIZE_MAX); /* finds out, and may have to leave the other thread out */
    }
    shale_atomic_store_release(&phase, 3);
    while (shale_atomic_load_acquire(&phase) < 4)
        usleep(1000);
    (void)slab_give_back(SIZE_MAX);
    CHECK(slab_validate() == 0);
    CHECK(slab_stats_exact(&stats) == 0);
    for (unsigned class = 0; class < SLAB_CLASSES; class ++)
        CHECK(stats.classes[class].live == 0);
    shale_atomic_store_release(&phase, 5);
    pthread_join(thread, NULL);
}

static void denied_from_the_start(void)
{
    deny_membarrier();
    work_with_other_thread(false);
    CHECK(!shale_membarrier_available());
}

static void denied_later(void)
{
    work_with_other_thread(true);
}

static void limits_membarrier_denied_fences(void **state)
{
    (void)state;
    in_child(denied_from_the_start);
}

static void limits_membarrier_denied_later_fences(void **state)
{
    (void)state;
    in_child(denied_later);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(limits_rlimit_as_enomem_and_recovery),
    cmocka_unit_test(limits_rlimit_as_blocks_get_most_of_it),
    cmocka_unit_test(limits_mapping_in_the_way_left_alone),
    cmocka_unit_test(limits_beyond_a_quarter_mapped_directly),
    cmocka_unit_test(limits_many_direct_mappings_found),
    cmocka_unit_test(limits_nth_system_call_fails_no_crash),
    cmocka_unit_test(limits_move_fails_contents_kept),
    cmocka_unit_test(limits_steady_state_no_system_call),
    cmocka_unit_test(limits_steady_state_in_strict_mode),
    cmocka_unit_test(limits_steady_state_passing_blocks_in_strict_mode),
    cmocka_unit_test(limits_membarrier_denied_fences),
    cmocka_unit_test(limits_membarrier_denied_later_fences),
};

RUN_TESTS("slab_limits")
