/* SPDX-License-Identifier: MIT */
/* The doctor on machines made of files, and on programs made by the compiler. */
#define _GNU_SOURCE
#include "measure/doctor.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/system.h"
#include "measure/doctor_internal.h"

#include "file_root.h"
#include "test.h"

static struct doctor_report report;

static int make_root(void **state)
{
    report.count = 0;
    snprintf(root, sizeof root, "/tmp/shale-doctor-XXXXXX");
    if (!mkdtemp(root))
        return -1;
    shale_system_set_root(root);
    return 0;
}

static const struct doctor_check *find(const char *name)
{
    for (size_t i = 0; i < report.count; i++)
        if (strcmp(report.checks[i].name, name) == 0)
            return &report.checks[i];
    fail_msg("there is no check '%s'", name);
    return &report.checks[0];
}

static const struct doctor_trials healthy = {
    .proof = LAUNCH_HELD, .membarrier = true, .allocators = 3, .loadable = 3};

/* Examines the machine in root; the state of one check, which must be there. */
static enum doctor_state examine(const struct doctor_trials *trials, const char *name)
{
    report.count = 0;
    doctor_check_machine(&report, trials);
    const struct doctor_check *check = find(name);
    assert_string_equal(check->subject, "machine");
    if (check->state != DOCTOR_OK)
        assert_true(*check->meaning && *check->advice);
    return check->state;
}

static void examine_file(const char *name, const char *path, const char *text,
                         enum doctor_state expected)
{
    put(path, text);
    enum doctor_state state = examine(&healthy, name);
    if (state != expected)
        print_message("%s with '%s'\n", name, text);
    assert_int_equal(state, expected);
}

static void machine_healthy_has_no_complaint(void **state)
{
    put("/proc/meminfo", "MemTotal: 8000000 kB\nMemAvailable: 7000000 kB\nSwapFree: 0 kB\n");
    put("/proc/sys/kernel/perf_event_paranoid", "2\n");
    put("/proc/sys/vm/overcommit_memory", "0\n");
    put("/proc/sys/vm/max_map_count", "65530\n");
    put("/proc/self/limits", "Max open files            4096                 4096    files\n");
    put("/proc/loadavg", "0.01 0.02 0.03 1/100 1\n");
    doctor_check_machine(&report, &healthy);
    assert_int_equal(doctor_count(&report, DOCTOR_FAIL), 0);
    for (size_t i = 0; i < report.count; i++)
        if (strcmp(report.checks[i].name, "cpu") != 0) /* the tests' own affinity */
            assert_int_equal(report.checks[i].state, DOCTOR_OK);
    assert_true(report.count >= 14);
}

static void allocators_none_is_a_warning(void **state)
{
    struct doctor_trials trials = healthy;
    trials.loadable = 0;
    assert_int_equal(examine(&trials, "allocators"), DOCTOR_WARN);
    trials.loadable = 2;
    assert_int_equal(examine(&trials, "allocators"), DOCTOR_OK);
    assert_non_null(strstr(find("allocators")->found, "says why others cannot"));
}

static void proof_tells_what_the_trial_gave(void **state)
{
    struct doctor_trials trials = healthy;
    assert_int_equal(examine(&trials, "proof"), DOCTOR_OK);
    trials.proof = LAUNCH_POLLED;
    assert_int_equal(examine(&trials, "proof"), DOCTOR_WARN);
    trials.proof = LAUNCH_NOT_PROVEN;
    snprintf(trials.proof_reason, sizeof trials.proof_reason, "permission denied");
    assert_int_equal(examine(&trials, "proof"), DOCTOR_FAIL);
    assert_non_null(strstr(find("proof")->found, "permission denied"));
}

static void ptrace_scope_counts_with_capability(void **state)
{
    const char *scope = "/proc/sys/kernel/yama/ptrace_scope";
    assert_int_equal(examine(&healthy, "ptrace"), DOCTOR_OK);
    put("/proc/self/status", "Name:\tx\nCapEff:\t0000000000000000\nSeccomp:\t2\n");
    examine_file("ptrace", scope, "0\n", DOCTOR_OK);
    assert_non_null(strstr(find("ptrace")->found, "seccomp"));
    examine_file("ptrace", scope, "1\n", DOCTOR_WARN);
    examine_file("ptrace", scope, "2\n", DOCTOR_FAIL);
    put("/proc/self/status", "Name:\tx\nCapEff:\t000001ffffffffff\nSeccomp:\t0\n");
    examine_file("ptrace", scope, "1\n", DOCTOR_OK);
    examine_file("ptrace", scope, "2\n", DOCTOR_OK);
    examine_file("ptrace", scope, "3\n", DOCTOR_FAIL);
}

static void perf_paranoid_counts_with_capability(void **state)
{
    const char *paranoid = "/proc/sys/kernel/perf_event_paranoid";
    assert_int_equal(examine(&healthy, "perf"), DOCTOR_WARN); /* no such file */
    put("/proc/self/status", "Name:\tx\nCapEff:\t0000000000000000\n");
    examine_file("perf", paranoid, "2\n", DOCTOR_OK);
    examine_file("perf", paranoid, "3\n", DOCTOR_WARN);
    put("/proc/self/status", "Name:\tx\nCapEff:\t0000004000000000\n");
    examine_file("perf", paranoid, "4\n", DOCTOR_OK);
}

static void preload_file_with_a_name_is_a_warning(void **state)
{
    examine_file("ld.so.preload", "/etc/ld.so.preload", "\n", DOCTOR_OK);
    examine_file("ld.so.preload", "/etc/ld.so.preload", "/lib/x.so\n", DOCTOR_WARN);
    assert_string_equal(find("ld.so.preload")->found, "/etc/ld.so.preload names /lib/x.so");
}

static void environment_names_what_changes_allocators(void **state)
{
    struct doctor_trials trials = healthy;
    const char *const harmless[] = {"HOME=/", "GLIBC_TUNABLES=glibc.pthread.x=1", "MALLOCX=1",
                                    NULL};
    const char *const tuned[] = {"MALLOC_ARENA_MAX=1", "HOME=/", "LD_PRELOAD=x",
                                 "GLIBC_TUNABLES=glibc.malloc.tcache_count=0", NULL};
    trials.environment = harmless;
    assert_int_equal(examine(&trials, "environment"), DOCTOR_OK);
    trials.environment = tuned;
    assert_int_equal(examine(&trials, "environment"), DOCTOR_WARN);
    assert_string_equal(find("environment")->found,
                        "set: MALLOC_ARENA_MAX, LD_PRELOAD, GLIBC_TUNABLES");
}

static void thp_always_is_a_warning(void **state)
{
    const char *path = "/sys/kernel/mm/transparent_hugepage/enabled";
    examine_file("thp", path, "always [madvise] never\n", DOCTOR_OK);
    examine_file("thp", path, "always madvise [never]\n", DOCTOR_OK);
    examine_file("thp", path, "[always] madvise never\n", DOCTOR_WARN);
}

static void overcommit_never_is_a_warning(void **state)
{
    examine_file("overcommit", "/proc/sys/vm/overcommit_memory", "1\n", DOCTOR_OK);
    examine_file("overcommit", "/proc/sys/vm/overcommit_memory", "2\n", DOCTOR_WARN);
}

static void mappings_few_is_a_warning(void **state)
{
    examine_file("mappings", "/proc/sys/vm/max_map_count", "1048576\n", DOCTOR_OK);
    examine_file("mappings", "/proc/sys/vm/max_map_count", "1000\n", DOCTOR_WARN);
}

static void memory_small_cgroup_is_a_warning(void **state)
{
    put("/proc/meminfo", "MemTotal: 8000000 kB\nMemAvailable: 7000000 kB\nSwapFree: 0 kB\n");
    assert_int_equal(examine(&healthy, "memory"), DOCTOR_OK);
    put("/proc/self/cgroup", "0::/box\n");
    put("/sys/fs/cgroup/box/memory.current", "0\n");
    examine_file("memory", "/sys/fs/cgroup/box/memory.max", "268435456\n", DOCTOR_WARN);
    assert_non_null(strstr(find("memory")->found, "256 MiB are available of 256 MiB"));
}

static void cpu_quota_is_a_warning(void **state)
{
    put("/proc/self/cgroup", "0::/box\n");
    examine_file("cpu", "/sys/fs/cgroup/box/cpu.max", "50000 100000\n", DOCTOR_WARN);
}

static void limits_of_space_and_files_are_warnings(void **state)
{
    const char *path = "/proc/self/limits";
    examine_file("limits", path,
                 "Max data size             unlimited            unlimited            bytes\n"
                 "Max open files            1024                 4096                 files\n"
                 "Max address space         unlimited            unlimited            bytes\n",
                 DOCTOR_OK);
    examine_file("limits", path,
                 "Max open files            256                  4096                 files\n",
                 DOCTOR_WARN);
    examine_file("limits", path,
                 "Max address space         1000000              unlimited            bytes\n",
                 DOCTOR_WARN);
    assert_string_equal(find("limits")->found, "the address space is limited to 1000000 bytes");
}

static void governor_that_saves_power_is_a_warning(void **state)
{
    const char *path = "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor";
    examine_file("governor", path, "performance\n", DOCTOR_OK);
    examine_file("governor", path, "powersave\n", DOCTOR_WARN);
    assert_string_equal(find("governor")->found, "powersave");
}

static void noise_of_load_and_host_is_a_warning(void **state)
{
    examine_file("noise", "/proc/loadavg", "0.00 0.00 0.00 1/1 1\n", DOCTOR_OK);
    put("/proc/stat", "cpu  100 0 100 700 0 0 0 100 0 0\n");
    assert_int_equal(examine(&healthy, "noise"), DOCTOR_WARN);
    assert_non_null(strstr(find("noise")->found, "10.0 %"));
    put("/proc/stat", "cpu  100 0 100 800 0 0 0 0 0 0\n");
    examine_file("noise", "/proc/loadavg", "900.00 0.00 0.00 1/1 1\n", DOCTOR_WARN);
}

static void membarrier_missing_is_a_warning(void **state)
{
    struct doctor_trials trials = healthy;
    trials.membarrier = false;
    assert_int_equal(examine(&trials, "membarrier"), DOCTOR_WARN);
}

/* Compiles a program of many functions into root/program. */
static const char *compile(const char *flags)
{
    static char path[128];
    char command[512];
    put("/program.c", "#define F(n) __attribute__((noinline, noclone)) int f##n(int *p)"
                      "{ *p += n; __asm__ volatile(\"\" ::: \"rbx\"); return *p; }\n"
                      "F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11) F(12)\n"
                      "int main(void) { int x = 0; return f1(&x) + f2(&x) + f3(&x) + f4(&x) + "
                      "f5(&x) + f6(&x) + f7(&x) + f8(&x) + f9(&x) + f10(&x) + f11(&x) + f12(&x); "
                      "}\n");
    snprintf(path, sizeof path, "%s/program", root);
    snprintf(command, sizeof command, "cc -o %s %s %s.c", path, flags, path);
    assert_int_equal(system(command), 0); /* NOLINT: the words are this test's own */
    return path;
}

static enum doctor_state examine_program(const char *path, const char *name)
{
    report.count = 0;
    shale_system_set_root(NULL);
    doctor_check_program(&report, path);
    const struct doctor_check *check = find(name);
    assert_string_equal(check->subject, "program");
    return check->state;
}

static void program_missing_or_not_executable_fails(void **state)
{
    assert_int_equal(examine_program("no-such-program", "executable"), DOCTOR_FAIL);
    assert_int_equal(examine_program("/etc/passwd", "executable"), DOCTOR_FAIL);
    assert_int_equal(report.count, 1);
}

static void program_frame_pointers_are_seen(void **state)
{
#if !defined(__x86_64__)
    SKIP("frame pointers are looked for on x86-64 only");
#endif
    const char *path = compile("-O2 -fno-omit-frame-pointer -fcf-protection=none");
    assert_int_equal(examine_program(path, "frame pointers"), DOCTOR_OK);
    assert_int_equal(examine_program(path, "symbols"), DOCTOR_OK);
    path = compile("-O2 -fomit-frame-pointer -s");
    assert_int_equal(examine_program(path, "frame pointers"), DOCTOR_WARN);
    assert_int_equal(examine_program(path, "symbols"), DOCTOR_WARN);
}

static void program_static_cannot_be_preloaded(void **state)
{
    const char *path = compile("-static");
    assert_int_equal(examine_program(path, "preloading"), DOCTOR_FAIL);
    path = compile("");
    assert_int_equal(examine_program(path, "preloading"), DOCTOR_OK);
}

static void program_script_is_followed(void **state)
{
    char path[128];
    put("/script", "#!/bin/sh\n");
    snprintf(path, sizeof path, "%s/script", root);
    assert_int_equal(chmod(path, 0755), 0);
    assert_int_equal(examine_program(path, "executable"), DOCTOR_OK);
    assert_non_null(strstr(find("executable")->found, "a script that "));
    assert_int_equal(examine_program(path, "preloading"), DOCTOR_OK);
}

static void trials_on_this_machine_prove_a_program(void **state)
{
    struct doctor_trials trials;
    shale_system_set_root(NULL);
    doctor_try(&trials);
    assert_int_equal(trials.proof, LAUNCH_HELD);
    assert_true(trials.loadable <= trials.allocators);
}

#define WITH_ROOT(test) cmocka_unit_test_setup_teardown(test, make_root, remove_root)

static const struct CMUnitTest tests[] = {
    WITH_ROOT(machine_healthy_has_no_complaint),
    WITH_ROOT(allocators_none_is_a_warning),
    WITH_ROOT(proof_tells_what_the_trial_gave),
    WITH_ROOT(ptrace_scope_counts_with_capability),
    WITH_ROOT(perf_paranoid_counts_with_capability),
    WITH_ROOT(preload_file_with_a_name_is_a_warning),
    WITH_ROOT(environment_names_what_changes_allocators),
    WITH_ROOT(thp_always_is_a_warning),
    WITH_ROOT(overcommit_never_is_a_warning),
    WITH_ROOT(mappings_few_is_a_warning),
    WITH_ROOT(memory_small_cgroup_is_a_warning),
    WITH_ROOT(cpu_quota_is_a_warning),
    WITH_ROOT(limits_of_space_and_files_are_warnings),
    WITH_ROOT(governor_that_saves_power_is_a_warning),
    WITH_ROOT(noise_of_load_and_host_is_a_warning),
    WITH_ROOT(membarrier_missing_is_a_warning),
    WITH_ROOT(program_missing_or_not_executable_fails),
    WITH_ROOT(program_frame_pointers_are_seen),
    WITH_ROOT(program_static_cannot_be_preloaded),
    WITH_ROOT(program_script_is_followed),
    WITH_ROOT(trials_on_this_machine_prove_a_program),
};

RUN_TESTS("measure_doctor")
