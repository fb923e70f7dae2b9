/* SPDX-License-Identifier: MIT */
/*
 * The engine in processes that lock their memory, have no huge pages, or are charged for what they
 * could write to; and a range that is full. Each case runs in a process of its own.
 */
#include "test.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/os.h"
#include "base/system.h"
#include "blocks.h"
#include "in_child.h"
#include "slab/huge.h"
#include "slab/malloc.h"
#include "slab/range.h"
#include "slab/settings.h"
#include "slab/validate.h"

enum { MIB = 1 << 20 };

static void use_a_lot(void)
{
    enum { COUNT = 3000 };
    static struct tagged blocks[COUNT];
    uint64_t random = 4711;
    for (int i = 0; i < 20000; i++) {
        struct tagged *t = &blocks[random_below(&random, COUNT)];
        CHECK(t->block == NULL || tagged_intact(t));
        slab_free(t->block);
        *t = (struct tagged){NULL, random_size(&random), (uint64_t)i};
        t->block = slab_malloc(t->size);
        CHECK(t->block != NULL);
        tagged_fill(t);
    }
    for (int i = 0; i < COUNT; i++) {
        slab_free(blocks[i].block);
        blocks[i].block = NULL;
    }
    (void)slab_give_back(SIZE_MAX);
    CHECK(slab_validate() == 0);
}

/* ---- mappings of the range --------------------------------------------------------------------
 */

struct mapping {
    uintptr_t start;
    uintptr_t end;
    bool writable;
    bool small_pages; /* advised never to be huge */
    uint64_t huge_kib;
};

static bool in_reservation(const struct mapping *m)
{
    uintptr_t start = (uintptr_t)slab_range.reservation;
    return m->start >= start && m->end <= start + slab_range.reserved;
}

/* Calls look for every mapping of the reservation. */
static void each_mapping(void (*look)(const struct mapping *m, void *argument), void *argument)
{
    char line[512];
    struct mapping m = {0};
    FILE *file = fopen("/proc/self/smaps", "r");
    CHECK(file != NULL);
    while (fgets(line, sizeof(line), file) != NULL) {
        char access[5];
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &m.start, &m.end, access) == 3)
            m.writable = access[1] == 'w';
        (void)sscanf(line, "AnonHugePages: %" SCNu64, &m.huge_kib);
        if (strncmp(line, "VmFlags:", 8) == 0) { /* the last line of a mapping */
            m.small_pages = strstr(line, " nh") != NULL;
            if (in_reservation(&m))
                look(&m, argument);
        }
    }
    (void)fclose(file);
}

static void add_writable(const struct mapping *m, void *bytes)
{
    *(uint64_t *)bytes += m->writable ? m->end - m->start : 0;
}

static uint64_t writable_bytes(void)
{
    uint64_t bytes = 0;
    each_mapping(add_writable, &bytes);
    return bytes;
}

/* What a system without overcommit charges: used, one step in each half, and little metadata. */
static void charged(void)
{
    CHECK(slab_malloc(1) != NULL);
    CHECK(writable_bytes() < 8 * MIB);
    for (int i = 0; i < 300; i++) {
        void *block = slab_malloc(MIB);
        CHECK(block != NULL);
        memset(block, 1, MIB);
    }
    CHECK(writable_bytes() < (300 + 64 + 16) * (uint64_t)MIB);
}

static void process_writable_memory_no_more_than_a_step_ahead(void **state)
{
    (void)state;
    in_child(charged);
}

/* ---- locked memory ----------------------------------------------------------------------------
 */

/* Locks what this process will have, and with `all` what it has: in another process it may be
 * refused. */
static void lock_memory(bool all)
{
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    (void)setrlimit(RLIMIT_MEMLOCK, &limit); /* not needed with CAP_IPC_LOCK */
    CHECK(mlockall(all ? MCL_CURRENT | MCL_FUTURE : MCL_FUTURE) == 0);
}

static void in_child_that_locks(void (*body)(void))
{
    int status = 0;
#if SHALE_ADDRESS_SANITIZER || SHALE_THREAD_SANITIZER
    SKIP("the sanitizer lets nobody lock memory");
#endif
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        lock_memory(true);
        _exit(mmap(NULL, 1ul << 36, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
                   0) == MAP_FAILED);
    }
    waitpid(pid, &status, 0);
    if (status != 0)
        SKIP("needs CAP_IPC_LOCK: this process may not lock memory");
    in_child(body);
}

static void locked_before_the_start(void)
{
    lock_memory(false);
    use_a_lot();
    lock_memory(true);
    use_a_lot();
}

static void process_locked_from_the_start_works(void **state)
{
    (void)state;
    in_child_that_locks(locked_before_the_start);
}

/* With 64 MiB steps each of these would cost as much again. */
static void locked_later(void)
{
    for (int i = 0; i < 200; i++)
        CHECK(slab_malloc(MIB) != NULL);
    lock_memory(true);
    while (shale_atomic_load_relaxed(&slab_range_frontier[0]) * 2u * MIB < 300u * MIB)
        CHECK(slab_malloc(MIB) != NULL); /* what was open before */
    for (int i = 0; i < 40; i++) {
        uint32_t before = shale_atomic_load_relaxed(&slab_range_frontier[0]);
        CHECK(slab_malloc(MIB) != NULL);
        CHECK(shale_atomic_load_relaxed(&slab_range_frontier[0]) <= before + 1);
    }
    CHECK(munlockall() == 0);
    uint32_t before = shale_atomic_load_relaxed(&slab_range_frontier[0]);
    for (int i = 0; i < 4; i++)
        CHECK(slab_malloc(MIB) != NULL);
    CHECK(shale_atomic_load_relaxed(&slab_range_frontier[0]) > before + 2);
}

static void process_locked_later_frontier_moves_by_segments(void **state)
{
    (void)state;
    in_child_that_locks(locked_later);
}

/* Purging locked pages fails or works by the kernel; moving them as well. Contents are kept. */
static void locked_realloc(void)
{
    unsigned char *block = slab_malloc(6 * MIB);
    void *wall = slab_malloc(3 * MIB);
    memset(block, 5, 6 * MIB);
    lock_memory(true);
    block = slab_realloc(block, 20 * MIB);
    CHECK(block != NULL);
    for (int i = 0; i < 6 * MIB; i += 100)
        CHECK(block[i] == 5);
    slab_free(block);
    slab_free(wall);
    (void)slab_give_back(SIZE_MAX);
    unsigned char *zero = slab_calloc(1, 20 * MIB);
    for (int i = 0; i < 20 * MIB; i += 61)
        CHECK(zero[i] == 0);
    CHECK(slab_validate() == 0);
}

static void process_locked_realloc_and_calloc_right(void **state)
{
    (void)state;
    in_child_that_locks(locked_realloc);
}

/* ---- huge pages -------------------------------------------------------------------------------
 */

static void check_lower_half(const struct mapping *m, void *unused)
{
    uintptr_t base = (uintptr_t)slab_range.base;
    uintptr_t middle = base + ((uintptr_t)slab_range_end(0) << SLAB_SEGMENT_SHIFT);
    (void)unused;
    if (m->start >= base && m->end <= middle)
        CHECK(m->small_pages && m->huge_kib == 0);
}

/* Whatever the system's mode, `always` too. */
static void small_pages(void)
{
    for (int i = 0; i < 64; i++)
        memset(slab_malloc(MIB), 1, MIB);
    each_mapping(check_lower_half, NULL);
}

static void process_lower_half_small_pages_in_any_mode(void **state)
{
    (void)state;
    if (shale_system_thp_mode() == SHALE_SYSTEM_THP_MISSING)
        SKIP("this kernel has no huge pages");
    in_child(small_pages);
}

static void check_no_huge(const struct mapping *m, void *unused)
{
    (void)unused;
    CHECK(m->huge_kib == 0);
}

static void without_huge_pages(void)
{
    CHECK(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0);
    shale_atomic_store_relaxed(&slab_settings.huge_pages, true);
    use_a_lot();
    for (int i = 0; i < 100000; i++)
        CHECK(slab_malloc(500) != NULL);
    each_mapping(check_no_huge, NULL);
    CHECK(slab_validate() == 0);
}

static void process_huge_pages_disabled_works_without(void **state)
{
    (void)state;
    in_child(without_huge_pages);
}

/* ---- a range that is full ---------------------------------------------------------------------
 */

/* Fills the range and what is left beside it with blocks of a size. */
static void fill(size_t size)
{
    void **chain = NULL;
    size_t inside = 0;
    size_t beside = 0;
    for (;;) {
        void **block = slab_malloc(size);
        if (block == NULL)
            break;
        CHECK(slab_usable_size(block) >= size && (uintptr_t)block % 16 == 0 && slab_owns(block));
        *block = chain;
        chain = block;
        inside += slab_in_range(block);
        beside += !slab_in_range(block);
    }
    CHECK(errno == ENOMEM);
    CHECK(inside * size > slab_range.size / 2 && beside > 0);
    while (chain != NULL) {
        void **next = *chain;
        slab_free(chain);
        chain = next;
    }
    CHECK(slab_huge_total() == 0 && slab_validate() == 0);
    void *again = slab_malloc(size);
    CHECK(again != NULL && slab_in_range(again));
    slab_free(again);
}

/* A system that does not reserve much. */
static intptr_t map_little(void *address, size_t size, int protection, int flags)
{
    if (size > 160u * MIB)
        return -ENOMEM;
    return shale_os_kernel_calls.map(address, size, protection, flags);
}

static void full_range(void)
{
    struct shale_os_calls calls = shale_os_kernel_calls;
    calls.map = map_little;
    shale_os_set_calls(&calls);
    slab_free(slab_malloc(1));
    CHECK(slab_range.size >= 64u * MIB && slab_range.size < 160u * MIB);
    struct rlimit limit = {(rlim_t)300 * MIB, (rlim_t)300 * MIB};
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
    fill(3 * MIB);
    fill(100000);
    fill(2000);
}

static void process_range_full_mapped_directly(void **state)
{
    (void)state;
#if SHALE_ADDRESS_SANITIZER || SHALE_THREAD_SANITIZER
    SKIP("the sanitizer's own address space is beyond any limit");
#endif
    in_child(full_range);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(process_writable_memory_no_more_than_a_step_ahead),
    cmocka_unit_test(process_locked_from_the_start_works),
    cmocka_unit_test(process_locked_later_frontier_moves_by_segments),
    cmocka_unit_test(process_locked_realloc_and_calloc_right),
    cmocka_unit_test(process_lower_half_small_pages_in_any_mode),
    cmocka_unit_test(process_huge_pages_disabled_works_without),
    cmocka_unit_test(process_range_full_mapped_directly),
};

RUN_TESTS("slab_process")
