/* SPDX-License-Identifier: MIT */
/*
 * The engine in a control group with a memory limit: a program whose live memory fits is not
 * killed, although each of its phases uses other sizes than the one before.
 */
#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include "blocks.h"
#include "in_child.h"
#include "slab/malloc.h"

enum {
    PAYLOAD = 32 << 20,
    LIMIT = 64 << 20, /* not twice what a phase needs, engine and program in all */
    PHASES = 8,
    SIZE_MIN = 64,
    BLOCKS_MAX = PAYLOAD / SIZE_MIN,
};

static char group[128];
static void *blocks[BLOCKS_MAX];

static bool write_file(const char *folder, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    bool written = write(file, text, strlen(text)) == (ssize_t)strlen(text);
    close(file);
    return written;
}

/* With either version of control groups; the group is empty, and its limit set. */
static bool make_group(void)
{
    static const struct {
        const char *root;
        const char *limit;
    } versions[] = {{"/sys/fs/cgroup", "memory.max"},
                    {"/sys/fs/cgroup/memory", "memory.limit_in_bytes"}};
    char limit[32];
    snprintf(limit, sizeof(limit), "%d", LIMIT);
    for (size_t i = 0; i < sizeof(versions) / sizeof(*versions); i++) {
        snprintf(group, sizeof(group), "%s/shale-test-%d", versions[i].root, (int)getpid());
        if (mkdir(group, 0755) != 0)
            continue;
        if (write_file(group, versions[i].limit, limit))
            return true;
        rmdir(group);
    }
    return false;
}

/* Sizes of a phase are from SIZE_MIN << 0, 2, 4, 6 to twice as much. */
static void run_phase(int phase, uint64_t *state)
{
    size_t low = (size_t)SIZE_MIN << phase % 4 * 2;
    size_t count = 0;
    for (size_t bytes = 0; bytes < PAYLOAD;) {
        size_t size = low + random_below(state, low);
        blocks[count] = slab_malloc(size);
        CHECK(blocks[count] != NULL);
        memset(blocks[count], phase, size);
        bytes += size;
        count++;
    }
    for (size_t i = 0; i < count; i++)
        slab_free(blocks[i]);
}

static void run_phases(void)
{
    uint64_t state = 17;
    for (int phase = 0; phase < PHASES; phase++)
        run_phase(phase, &state);
}

static void run_in_group(void)
{
    CHECK(write_file(group, "cgroup.procs", "0"));
    run_phases();
}

/* What it would be without reuse: killed, so the limit is one. */
static void overrun_in_group(void)
{
    CHECK(write_file(group, "cgroup.procs", "0"));
    for (size_t bytes = 0; bytes < 2 * (size_t)LIMIT; bytes += 4096) {
        void *block = slab_malloc(4096);
        if (block == NULL)
            return;
        memset(block, 1, 4096);
    }
}

static void cgroup_limit_phases_fit(void **state)
{
    int status = 0;
    (void)state;
    if (!make_group())
        SKIP("no control group with a memory limit can be made here");
    pid_t pid = fork();
    if (pid == 0) {
        overrun_in_group();
        _exit(0);
    }
    waitpid(pid, &status, 0);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        in_child(run_in_group);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
        SKIP("the memory limit of a control group is not enforced here");
}

static int remove_group(void **state)
{
    (void)state;
    rmdir(group);
    return 0;
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_teardown(cgroup_limit_phases_fit, remove_group),
};

RUN_TESTS("slab_cgroup")
