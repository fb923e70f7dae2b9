/* SPDX-License-Identifier: MIT */
/* The memory port: what each state of a range allows, and what failing system calls lead to. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shale/error.h>

#include "base/os.h"
#include "base/system.h"

#include "os_fail.h"
#include "test.h"

#define MIB        ((size_t)1 << 20)
#define GUARD_MARK 102 /* MADV_GUARD_INSTALL */
#define PURGE_NOW  MADV_DONTNEED

static size_t page;

static int begin(void **state)
{
    page = shale_os_page_size();
    errno = 0;
    return 0;
}

static int end(void **state)
{
    os_fail_off();
    return errno; /* every function keeps it */
}

/* ---- may an address be read or written? Asked of the kernel: no fault, and valgrind is quiet. */

static bool can_read(void *address)
{
    int saved = errno;
    char byte = 0;
    const struct iovec here = {&byte, 1};
    const struct iovec there = {address, 1};
    bool good = process_vm_readv(getpid(), &here, 1, &there, 1, 0) == 1;
    errno = saved;
    return good;
}

static bool can_write(void *address)
{
    int saved = errno;
    char byte = 1;
    const struct iovec here = {&byte, 1};
    const struct iovec there = {address, 1};
    bool good = process_vm_writev(getpid(), &here, 1, &there, 1, 0) == 1;
    errno = saved;
    return good;
}

static size_t resident(const void *address, size_t size)
{
    size_t bytes = 0;
    assert_int_equal(shale_os_resident(address, size, &bytes), 0);
    return bytes;
}

static char *map_filled(size_t size)
{
    void *address = NULL;
    assert_int_equal(shale_os_map(size, 0, &address), 0);
    memset(address, 0x5a, size);
    return address;
}

/* ---- reserve, protect, release ---- */

static void reserve_range_is_inaccessible_until_protected(void **state)
{
    void *address = NULL;
    assert_int_equal(shale_os_reserve(MIB, 0, &address), 0);
    assert_false(can_read(address));
    assert_int_equal(shale_os_protect(address, page, SHALE_OS_READ), 0);
    assert_true(can_read(address));
    assert_false(can_write(address));
    assert_int_equal(shale_os_protect(address, page, SHALE_OS_READ_WRITE), 0);
    assert_true(can_write(address));
    assert_false(can_read((char *)address + page));
    assert_int_equal(shale_os_protect(address, page, SHALE_OS_NONE), 0);
    assert_false(can_read(address));
    assert_int_equal(shale_os_release(address, MIB), 0);
}

static void reserve_every_alignment_is_aligned(void **state)
{
    for (size_t alignment = 1; alignment <= 64 * MIB; alignment *= 2) {
        void *address = NULL;
        assert_int_equal(shale_os_reserve(2 * MIB, alignment, &address), 0);
        assert_int_equal((uintptr_t)address % alignment, 0);
        assert_int_equal((uintptr_t)address % page, 0);
        assert_int_equal(shale_os_release(address, 2 * MIB), 0);
    }
}

static void reserve_aligned_leaves_nothing_else_mapped(void **state)
{
    void *address = NULL;
    size_t before = 0;
    size_t after = 0;
    char text[256];
    assert_true(shale_system_read_file("/proc/self/statm", text, sizeof text) > 0);
    before = strtoull(text, NULL, 10);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(shale_os_reserve(3 * page, 16 * MIB, &address), 0);
        assert_int_equal(shale_os_release(address, 3 * page), 0);
    }
    assert_true(shale_system_read_file("/proc/self/statm", text, sizeof text) > 0);
    after = strtoull(text, NULL, 10);
    assert_true(after <= before + 16); /* pages; one spare range alone would be 4096 */
}

static void reserve_bad_arguments_are_invalid(void **state)
{
    void *address = &page;
    assert_int_equal(shale_os_reserve(0, 0, &address), SHALE_EINVAL);
    assert_int_equal(shale_os_reserve(page + 1, 0, &address), SHALE_EINVAL);
    assert_int_equal(shale_os_reserve(page, 3 * page, &address), SHALE_EINVAL);
    assert_int_equal(shale_os_map(SIZE_MAX - page + 1, MIB, &address), SHALE_EINVAL);
    assert_ptr_equal(address, &page);
}

static void range_not_whole_pages_is_invalid_everywhere(void **state)
{
    char *block = map_filled(2 * page);
    void *moved = NULL;
    size_t bytes;
    assert_int_equal(shale_os_protect(block + 1, page, SHALE_OS_READ), SHALE_EINVAL);
    assert_int_equal(shale_os_protect(block, page, (enum shale_os_access)9), SHALE_EINVAL);
    assert_int_equal(shale_os_purge(block, page - 1), SHALE_EINVAL);
    assert_int_equal(shale_os_purge_lazily(block, 0), SHALE_EINVAL);
    assert_int_equal(shale_os_decommit(block + 8, page), SHALE_EINVAL);
    assert_int_equal(shale_os_advise_huge(block, 1, SHALE_OS_HUGE_NEVER), SHALE_EINVAL);
    assert_int_equal(shale_os_advise_huge(block, page, (enum shale_os_huge)7), SHALE_EINVAL);
    assert_int_equal(shale_os_wipe_on_fork(block, 1), SHALE_EINVAL);
    assert_int_equal(shale_os_exclude_from_dumps(block, 1), SHALE_EINVAL);
    assert_int_equal(shale_os_guard(block, 1), SHALE_EINVAL);
    assert_int_equal(shale_os_unguard(block, 1), SHALE_EINVAL);
    assert_int_equal(shale_os_remap(block, page, page + 1, &moved), SHALE_EINVAL);
    assert_int_equal(shale_os_resident(block, 1, &bytes), SHALE_EINVAL);
    assert_int_equal(shale_os_release(block, 1), SHALE_EINVAL);
    assert_int_equal(shale_os_release(block, 2 * page), 0);
}

static void map_nth_call_fails_is_out_of_memory_and_leaks_nothing(void **state)
{
    for (unsigned long n = 1; n <= 2; n++) {
        void *address = NULL;
        os_fail_nth(OS_MAP, n);
        int code = shale_os_map(page, 1024 * MIB, &address);
        unsigned long maps = os_fail_calls(OS_MAP) - (n <= os_fail_calls(OS_MAP));
        unsigned long unmaps = os_fail_calls(OS_UNMAP);
        unsigned long failed = os_fail_off();
        if (failed == 0) { /* the first map was aligned by luck */
            assert_int_equal(code, 0);
            assert_int_equal(shale_os_release(address, page), 0);
            continue;
        }
        assert_int_equal(code, SHALE_ENOMEM);
        assert_null(address);
        assert_int_equal(maps, unmaps);
    }
}

/* 256 MiB beyond what is mapped now, which under a sanitizer is terabytes. */
static int reserve_with_limit(void)
{
    char text[256] = "";
    void *address = NULL;
    if (shale_system_read_file("/proc/self/statm", text, sizeof text) <= 0)
        return 1;
    rlim_t most = strtoull(text, NULL, 10) * page + 256 * MIB;
    const struct rlimit limit = {most, most};
    if (setrlimit(RLIMIT_AS, &limit) != 0)
        return 2;
    if (shale_os_reserve(1024 * MIB, 0, &address) != SHALE_ENOMEM || address)
        return 3;
    size_t left = shale_system_address_space_left();
    return left > 0 && left <= 256 * MIB ? 0 : 4;
}

static void reserve_beyond_address_space_limit_is_out_of_memory(void **state)
{
    int status;
    pid_t child = fork();
    if (child == 0)
        _exit(reserve_with_limit());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- purge ---- */

static void purge_filled_range_is_zero_and_not_resident(void **state)
{
    char *block = map_filled(MIB);
    assert_int_equal(resident(block, MIB), MIB);
    assert_int_equal(shale_os_purge(block + page, MIB - 2 * page), 0);
    assert_int_equal(resident(block, MIB), 2 * page);
    assert_int_equal(block[0], 0x5a);
    assert_int_equal(block[page], 0);
    assert_int_equal(block[MIB - page - 1], 0);
    assert_int_equal(block[MIB - 1], 0x5a);
    assert_int_equal(shale_os_release(block, MIB), 0);
}

static void purge_locked_range_is_zero_or_busy_with_contents_kept(void **state)
{
    char *block = map_filled(4 * page);
    if (mlock(block, 4 * page) != 0)
        SKIP("mlock is not allowed here");
    int code = shale_os_purge(block, 4 * page);
    assert_true(code == 0 || code == SHALE_EBUSY);
    assert_int_equal(block[0], code == 0 ? 0 : 0x5a);
    assert_int_equal(shale_os_release(block, 4 * page), 0);
}

static void purge_refused_twice_is_busy(void **state)
{
    char *block = map_filled(page);
    os_fail_advice(MADV_DONTNEED, EINVAL);
    int code = shale_os_purge(block, page);
    assert_int_equal(os_fail_calls(OS_ADVISE), 2); /* the locked form was tried */
    os_fail_off();
    /* Unlocked memory: the kernel's locked form does it; a kernel without it leaves all. */
    assert_true(code == 0 || code == SHALE_EBUSY);
    assert_int_equal(shale_os_release(block, page), 0);
}

static void purge_failing_is_reported_with_contents_kept(void **state)
{
    char *block = map_filled(page);
    os_fail_from(OS_ADVISE, 1);
    assert_int_equal(shale_os_purge(block, page), SHALE_ENOMEM);
    assert_int_equal(shale_os_purge_lazily(block, page), SHALE_ENOMEM);
    assert_int_equal(shale_os_decommit(block, page), SHALE_ENOMEM);
    os_fail_off();
    assert_int_equal(block[0], 0x5a);
    assert_int_equal(shale_os_release(block, page), 0);
}

static void purge_lazily_range_stays_usable(void **state)
{
    char *block = map_filled(16 * page);
    assert_int_equal(shale_os_purge_lazily(block, 16 * page), 0);
    assert_true(block[0] == 0x5a || block[0] == 0);
    block[0] = 1;
    assert_int_equal(block[0], 1);
    assert_int_equal(shale_os_release(block, 16 * page), 0);
}

static void decommit_range_is_inaccessible_then_zero(void **state)
{
    char *block = map_filled(2 * page);
    assert_int_equal(shale_os_decommit(block, 2 * page), 0);
    assert_false(can_read(block));
    assert_int_equal(shale_os_protect(block, 2 * page, SHALE_OS_READ_WRITE), 0);
    assert_int_equal(block[page], 0);
    assert_int_equal(shale_os_release(block, 2 * page), 0);
}

/* ---- guards ---- */

static void check_guard(void)
{
    char *block = map_filled(3 * page);
    assert_int_equal(shale_os_guard(block + page, page), 0);
    assert_true(can_read(block + page - 1));
    assert_false(can_read(block + page));
    assert_false(can_write(block + 2 * page - 1));
    assert_true(can_read(block + 2 * page));
    assert_int_equal(shale_os_unguard(block + page, page), 0);
    assert_true(can_write(block + page));
    assert_int_equal(block[page + 1], 0);
    assert_int_equal(shale_os_release(block, 3 * page), 0);
}

static void guard_page_faults_until_taken_off(void **state)
{
    check_guard();
}

static void guard_kernel_without_marks_takes_access_away(void **state)
{
    os_fail_advice(GUARD_MARK, EINVAL);
    check_guard();
    assert_int_equal(os_fail_off(), 1);
}

/* ---- advice, remap ---- */

static void advise_huge_never_and_always_are_accepted_or_unsupported(void **state)
{
    void *block = NULL;
    bool has_thp = shale_system_thp_mode() != SHALE_SYSTEM_THP_MISSING;
    assert_int_equal(shale_os_map(4 * MIB, 2 * MIB, &block), 0);
    for (int i = SHALE_OS_HUGE_NEVER; i <= SHALE_OS_HUGE_ALWAYS; i++) {
        int code = shale_os_advise_huge(block, 4 * MIB, (enum shale_os_huge)i);
        assert_int_equal(code, has_thp ? 0 : SHALE_ENOTSUP);
    }
    assert_int_equal(shale_os_release(block, 4 * MIB), 0);
}

static void advise_huge_kernel_without_is_not_supported(void **state)
{
    void *block = NULL;
    assert_int_equal(shale_os_map(2 * MIB, 2 * MIB, &block), 0);
    os_fail_advice(MADV_HUGEPAGE, EINVAL);
    assert_int_equal(shale_os_advise_huge(block, 2 * MIB, SHALE_OS_HUGE_ALWAYS), SHALE_ENOTSUP);
    os_fail_advice(MADV_WIPEONFORK, EINVAL);
    assert_int_equal(shale_os_wipe_on_fork(block, 2 * MIB), SHALE_ENOTSUP);
    os_fail_off();
    assert_int_equal(shale_os_exclude_from_dumps(block, 2 * MIB), 0);
    assert_int_equal(shale_os_release(block, 2 * MIB), 0);
}

static void wipe_on_fork_child_reads_zero(void **state)
{
    int status;
    char *block = map_filled(page);
    assert_int_equal(shale_os_wipe_on_fork(block, page), 0);
    pid_t child = fork();
    if (child == 0)
        _exit(block[7]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(block[7], 0x5a);
    assert_int_equal(shale_os_release(block, page), 0);
}

static void remap_grow_and_shrink_keeps_contents(void **state)
{
    void *moved = NULL;
    char *block = map_filled(4 * page);
    assert_int_equal(shale_os_remap(block, 4 * page, 64 * page, &moved), 0);
    block = moved;
    assert_int_equal(block[4 * page - 1], 0x5a);
    assert_int_equal(block[4 * page], 0);
    assert_int_equal(shale_os_remap(block, 64 * page, page, &moved), 0);
    block = moved;
    assert_int_equal(block[0], 0x5a);
    assert_int_equal(shale_os_release(block, page), 0);
}

static void remap_failing_leaves_the_old_mapping(void **state)
{
    void *moved = NULL;
    char *block = map_filled(page);
    os_fail_from(OS_REMAP, 1);
    assert_int_equal(shale_os_remap(block, page, 2 * page, &moved), SHALE_ENOMEM);
    assert_null(moved);
    os_fail_off();
    assert_int_equal(block[0], 0x5a);
    assert_int_equal(shale_os_release(block, page), 0);
}

static void protect_and_release_failing_are_reported(void **state)
{
    char *block = map_filled(page);
    os_fail_from(OS_PROTECT, 1);
    assert_int_equal(shale_os_protect(block, page, SHALE_OS_NONE), SHALE_ENOMEM);
    os_fail_from(OS_UNMAP, 1);
    assert_int_equal(shale_os_release(block, page), SHALE_ENOMEM);
    os_fail_off();
    assert_int_equal(shale_os_release(block, page), 0);
}

static void resident_large_sparse_range_counts_touched_pages(void **state)
{
    void *address = NULL;
    size_t bytes = 77;
    assert_int_equal(shale_os_map(64 * MIB, 0, &address), 0);
    assert_int_equal(shale_os_advise_huge(address, 64 * MIB, SHALE_OS_HUGE_NEVER), 0);
    char *block = address;
    block[0] = block[5 * MIB] = block[64 * MIB - 1] = 1;
    assert_int_equal(resident(block, 64 * MIB), 3 * page);
    assert_int_equal(shale_os_release(block, 64 * MIB), 0);
    assert_int_equal(shale_os_resident(block, page, &bytes), SHALE_ENOMEM);
    assert_int_equal(bytes, 77);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, begin, end)
static const struct CMUnitTest tests[] = {
    CASE(reserve_range_is_inaccessible_until_protected),
    CASE(reserve_every_alignment_is_aligned),
    CASE(reserve_aligned_leaves_nothing_else_mapped),
    CASE(reserve_bad_arguments_are_invalid),
    CASE(range_not_whole_pages_is_invalid_everywhere),
    CASE(map_nth_call_fails_is_out_of_memory_and_leaks_nothing),
    CASE(reserve_beyond_address_space_limit_is_out_of_memory),
    CASE(purge_filled_range_is_zero_and_not_resident),
    CASE(purge_locked_range_is_zero_or_busy_with_contents_kept),
    CASE(purge_refused_twice_is_busy),
    CASE(purge_failing_is_reported_with_contents_kept),
    CASE(purge_lazily_range_stays_usable),
    CASE(decommit_range_is_inaccessible_then_zero),
    CASE(guard_page_faults_until_taken_off),
    CASE(guard_kernel_without_marks_takes_access_away),
    CASE(advise_huge_never_and_always_are_accepted_or_unsupported),
    CASE(advise_huge_kernel_without_is_not_supported),
    CASE(wipe_on_fork_child_reads_zero),
    CASE(remap_grow_and_shrink_keeps_contents),
    CASE(remap_failing_leaves_the_old_mapping),
    CASE(protect_and_release_failing_are_reported),
    CASE(resident_large_sparse_range_counts_touched_pages),
};

RUN_TESTS("base_os")
