/* SPDX-License-Identifier: MIT */
#include "measure/procfs.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

#define MIB ((size_t)1 << 20)

/* In a child: touches `mib` MiB, says so, and waits to be ended. */
static void hold_memory(size_t mib, int report)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    char *memory =
        mmap(NULL, mib * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(memory, 1, mib * MIB);
    if (write(report, "x", 1) != 1)
        _exit(1);
    for (;;)
        pause();
}

/* A child with 20 MiB of its own that has a child with 30 MiB more. */
static pid_t start_tree(void)
{
    int pipes[2];
    assert_return_code(pipe(pipes), 0);
    pid_t child = fork();
    if (child == 0) {
        if (fork() == 0)
            hold_memory(30, pipes[1]);
        hold_memory(20, pipes[1]);
    }
    char told[1];
    for (int i = 0; i < 2; i++)
        assert_int_equal(read(pipes[0], told, 1), 1);
    close(pipes[0]);
    close(pipes[1]);
    return child;
}

static void tree_children_are_summed(void **state)
{
    pid_t child = start_tree();
    struct procfs_figures figures;
    assert_int_equal(procfs_read_tree(child, PROCFS_ROLLUP, &figures), 0);
    assert_int_equal(figures.processes, 2);
    assert_in_range(figures.rss_bytes, 50 * MIB, 70 * MIB);
    assert_true(figures.peak_bytes >= 50 * MIB);
    assert_true(figures.has_rollup);
    /* What fork shares counts by share in PSS and twice in RSS. */
    assert_in_range(figures.pss_bytes, 50 * MIB, figures.rss_bytes);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

static void tree_ended_process_is_gone(void **state)
{
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    struct procfs_figures figures = {.processes = 77};
    siginfo_t info;
    waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
    assert_int_equal(procfs_read_tree(child, PROCFS_RSS, &figures), SHALE_EGONE);
    waitpid(child, NULL, 0);
    assert_int_equal(procfs_read_tree(child, PROCFS_RSS, &figures), SHALE_EGONE);
    assert_int_equal(figures.processes, 77);
}

static void own_rss_is_plausible(void **state)
{
    assert_in_range(procfs_own_rss(), MIB / 2, 512 * MIB);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(tree_children_are_summed),
    cmocka_unit_test(tree_ended_process_is_gone),
    cmocka_unit_test(own_rss_is_plausible),
};

RUN_TESTS("measure_procfs")
