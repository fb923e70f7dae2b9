/* SPDX-License-Identifier: MIT */
/* Machine facts: against this machine, and against trees of files as other machines have them. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shale/error.h>

#include "base/system.h"

#include "file_root.h"
#include "test.h"

static int make_root(void **state)
{
    snprintf(root, sizeof root, "/tmp/shale-system-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

#define MEMINFO                                                                                    \
    "MemTotal:       4000 kB\nMemFree:  10 kB\nMemAvailable:   3000 kB\nSwapFree:  500 kB\n"

static struct shale_system_memory memory_of_root(void)
{
    struct shale_system_memory memory;
    shale_system_set_root(root);
    assert_int_equal(shale_system_memory(&memory), 0);
    return memory;
}

/* ---- this machine ---- */

static void machine_facts_are_plausible(void **state)
{
    struct shale_system_memory memory;
    enum shale_system_overcommit overcommit;
    size_t huge = shale_system_huge_page_size();
    size_t line = shale_system_cache_line_size();
    assert_int_equal(shale_system_memory(&memory), 0);
    assert_true(memory.total_bytes > 1 << 20);
    assert_true(memory.available_bytes <= memory.total_bytes);
    assert_true(memory.usable_total_bytes <= memory.total_bytes);
    assert_true(memory.usable_available_bytes <= memory.available_bytes);
    assert_true(huge == 0 || (huge & (huge - 1)) == 0);
    assert_true(line >= 16 && (line & (line - 1)) == 0);
    assert_int_equal(shale_system_overcommit(&overcommit), 0);
    assert_true(shale_system_address_space_left() > 0);
}

static void cpu_count_affinity_of_one_is_one(void **state)
{
    cpu_set_t before;
    cpu_set_t one;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    assert_in_range(shale_system_cpu_count(), 1, (unsigned)CPU_COUNT(&before));
    int first = 0;
    while (!CPU_ISSET(first, &before))
        first++;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(shale_system_cpu_count(), 1);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
}

/* ---- files ---- */

static void read_file_missing_and_unreadable_tell_why(void **state)
{
    char text[16];
    errno = 0;
    assert_int_equal(shale_system_read_file("/no/such/file", text, sizeof text), SHALE_ENOENT);
    assert_int_equal(shale_system_read_file("/dev/null/x", text, sizeof text), SHALE_ENOENT);
    assert_int_equal(shale_system_read_file("/tmp", text, sizeof text), SHALE_EIO);
    assert_int_equal(shale_system_read_file("/dev/null", text, 0), SHALE_EINVAL);
    assert_int_equal(errno, 0);
}

static void read_file_longer_than_buffer_is_cut(void **state)
{
    char text[5];
    put("/long", "0123456789");
    shale_system_set_root(root);
    assert_int_equal(shale_system_read_file("/long", text, sizeof text), 4);
    assert_string_equal(text, "0123");
}

/* ---- cgroups ---- */

static void memory_without_cgroup_is_the_machine(void **state)
{
    put("/proc/meminfo", MEMINFO);
    struct shale_system_memory memory = memory_of_root();
    assert_int_equal(memory.total_bytes, 4000 << 10);
    assert_int_equal(memory.available_bytes, 3000 << 10);
    assert_int_equal(memory.swap_free_bytes, 500 << 10);
    assert_true(memory.limit_bytes == UINT64_MAX);
    assert_int_equal(memory.usable_total_bytes, 4000 << 10);
}

static void memory_unreadable_meminfo_is_an_error(void **state)
{
    struct shale_system_memory memory = {.total_bytes = 77};
    shale_system_set_root(root);
    assert_int_equal(shale_system_memory(&memory), SHALE_EIO);
    assert_int_equal(memory.total_bytes, 77);
    put("/proc/meminfo", "MemTotal: 1 kB\n");
    assert_int_equal(shale_system_memory(&memory), SHALE_EIO);
}

static void memory_version2_smallest_limit_of_ancestors_counts(void **state)
{
    put("/proc/meminfo", MEMINFO);
    put("/proc/self/cgroup", "0::/outer/inner\n");
    put("/sys/fs/cgroup/outer/inner/memory.max", "max\n");
    put("/sys/fs/cgroup/outer/memory.max", "2048000\n");
    put("/sys/fs/cgroup/outer/memory.current", "1048000\n");
    put("/sys/fs/cgroup/outer/memory.stat", "anon 5\ninactive_file 48000\nactive_file 7\n");
    struct shale_system_memory memory = memory_of_root();
    assert_int_equal(memory.limit_bytes, 2048000);
    assert_int_equal(memory.limit_used_bytes, 1000000);
    assert_int_equal(memory.usable_total_bytes, 2048000);
    assert_int_equal(memory.usable_available_bytes, 1048000);
}

static void memory_version1_in_container_finds_the_mount(void **state)
{
    put("/proc/meminfo", MEMINFO);
    /* The outer path does not exist in here; the limit is at the mount itself. */
    put("/proc/self/cgroup", "5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n0::/docker/abc\n");
    put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "1000000\n");
    put("/sys/fs/cgroup/memory/memory.usage_in_bytes", "3000000\n");
    put("/sys/fs/cgroup/memory/memory.stat", "inactive_file 1\ntotal_inactive_file 500000\n");
    struct shale_system_memory memory = memory_of_root();
    assert_int_equal(memory.limit_bytes, 1000000);
    assert_int_equal(memory.limit_used_bytes, 2500000);
    assert_int_equal(memory.usable_available_bytes, 0);
}

static void memory_version1_no_limit_is_none(void **state)
{
    put("/proc/meminfo", MEMINFO);
    put("/proc/self/cgroup", "4:memory:/\n");
    put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    assert_true(memory_of_root().limit_bytes == UINT64_MAX);
}

static void memory_malformed_cgroup_file_is_ignored(void **state)
{
    put("/proc/meminfo", MEMINFO);
    put("/proc/self/cgroup", "no colons here\n\n:\n");
    assert_true(memory_of_root().limit_bytes == UINT64_MAX);
    put("/proc/self/cgroup", "");
    assert_true(memory_of_root().limit_bytes == UINT64_MAX);
}

static bool has_two_processors(void)
{
    shale_system_set_root("/nowhere");
    bool two = shale_system_cpu_count() >= 2;
    shale_system_set_root(root);
    return two;
}

static void cpu_count_version2_quota_is_rounded_up(void **state)
{
    if (!has_two_processors())
        SKIP("a quota cannot be seen on one processor");
    put("/proc/self/cgroup", "0::/a\n");
    put("/sys/fs/cgroup/a/cpu.max", "100001 100000\n");
    assert_int_equal(shale_system_cpu_count(), 2);
    put("/sys/fs/cgroup/a/cpu.max", "50000 100000\n");
    assert_int_equal(shale_system_cpu_count(), 1);
    put("/sys/fs/cgroup/a/cpu.max", "max 100000\n");
    assert_true(shale_system_cpu_count() >= 2);
}

static void cpu_count_version1_quota_of_joint_controllers(void **state)
{
    if (!has_two_processors())
        SKIP("a quota cannot be seen on one processor");
    put("/proc/self/cgroup", "7:cpuset:/\n3:cpu,cpuacct:/x\n");
    put("/sys/fs/cgroup/cpu/x/cpu.cfs_quota_us", "100000\n");
    put("/sys/fs/cgroup/cpu/x/cpu.cfs_period_us", "100000\n");
    assert_int_equal(shale_system_cpu_count(), 1);
    put("/sys/fs/cgroup/cpu/x/cpu.cfs_quota_us", "-1\n");
    assert_true(shale_system_cpu_count() >= 2);
}

/* ---- huge pages, overcommit ---- */

#define THP "/sys/kernel/mm/transparent_hugepage/"

static void thp_each_mode_is_told(void **state)
{
    shale_system_set_root(root);
    assert_int_equal(shale_system_thp_mode(), SHALE_SYSTEM_THP_MISSING);
    assert_int_equal(shale_system_huge_page_size(), 0);
    put(THP "hpage_pmd_size", "2097152\n");
    assert_int_equal(shale_system_huge_page_size(), 2 << 20);
    put(THP "enabled", "[always] madvise never\n");
    assert_int_equal(shale_system_thp_mode(), SHALE_SYSTEM_THP_ALWAYS);
    put(THP "enabled", "always [madvise] never\n");
    assert_int_equal(shale_system_thp_mode(), SHALE_SYSTEM_THP_MADVISE);
    put(THP "enabled", "always madvise [never]\n");
    assert_int_equal(shale_system_thp_mode(), SHALE_SYSTEM_THP_NEVER);
    assert_string_equal(shale_system_thp_name(SHALE_SYSTEM_THP_MADVISE), "madvise");
    assert_string_equal(shale_system_thp_name((enum shale_system_thp)99), "unknown");
}

static void thp_disabled_for_the_process_is_told(void **state)
{
    put(THP "enabled", "[always] madvise never\n");
    shale_system_set_root(root);
    assert_int_equal(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0), 0);
    assert_int_equal(shale_system_thp_mode(), SHALE_SYSTEM_THP_DISABLED);
    assert_int_equal(prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0), 0);
    assert_int_equal(shale_system_thp_mode(), SHALE_SYSTEM_THP_ALWAYS);
}

static void overcommit_each_value_and_none(void **state)
{
    enum shale_system_overcommit overcommit = SHALE_SYSTEM_OVERCOMMIT_ALWAYS;
    shale_system_set_root(root);
    assert_int_equal(shale_system_overcommit(&overcommit), SHALE_EIO);
    assert_int_equal(overcommit, SHALE_SYSTEM_OVERCOMMIT_ALWAYS);
    put("/proc/sys/vm/overcommit_memory", "2\n");
    assert_int_equal(shale_system_overcommit(&overcommit), 0);
    assert_int_equal(overcommit, SHALE_SYSTEM_OVERCOMMIT_NEVER);
    put("/proc/sys/vm/overcommit_memory", "x\n");
    assert_int_equal(shale_system_overcommit(&overcommit), SHALE_EIO);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, make_root, remove_root)
static const struct CMUnitTest tests[] = {
    cmocka_unit_test(machine_facts_are_plausible),
    cmocka_unit_test(cpu_count_affinity_of_one_is_one),
    cmocka_unit_test(read_file_missing_and_unreadable_tell_why),
    CASE(read_file_longer_than_buffer_is_cut),
    CASE(memory_without_cgroup_is_the_machine),
    CASE(memory_unreadable_meminfo_is_an_error),
    CASE(memory_version2_smallest_limit_of_ancestors_counts),
    CASE(memory_version1_in_container_finds_the_mount),
    CASE(memory_version1_no_limit_is_none),
    CASE(memory_malformed_cgroup_file_is_ignored),
    CASE(cpu_count_version2_quota_is_rounded_up),
    CASE(cpu_count_version1_quota_of_joint_controllers),
    CASE(thp_each_mode_is_told),
    CASE(thp_disabled_for_the_process_is_told),
    CASE(overcommit_each_value_and_none),
};

RUN_TESTS("base_system")
