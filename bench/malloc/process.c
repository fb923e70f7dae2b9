/* SPDX-License-Identifier: MIT */
/* Processes: fork with a large heap, the start of an empty program, memory of an idle one. */
#include <errno.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

extern char **environ;

static void wait_for(pid_t child)
{
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            bench_die("wait for a child");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        errno = ECHILD;
        bench_die("run a child");
    }
}

/* What a server's child does first: a few allocations of its own, some of which it frees. */
static _Noreturn void child_main(const struct bench_parameters *parameters)
{
    void *blocks[64];
    uint64_t state = 1;
    for (size_t i = 0; i < 64; i++) {
        size_t size = bench_size(parameters, &state);
        blocks[i] = malloc(size);
        bench_touch(blocks[i], size, parameters->touch);
    }
    for (size_t i = 0; i < 64; i += 2)
        bench_free(blocks[i], parameters->touch);
    _exit(0);
}

/* An operation is fork, a short life of the child, and the wait for its end. */
void process_fork_run(struct bench *bench, uint64_t operations)
{
    for (uint64_t i = 0; i < operations; i++) {
        pid_t child = fork();
        if (child < 0)
            bench_die("fork");
        if (child == 0)
            child_main(&bench->parameters);
        wait_for(child);
    }
}

/* An operation is the whole life of `true`, which inherits this process's environment. */
void process_start_run(struct bench *bench, uint64_t operations)
{
    char *argv[] = {(char *)"true", NULL};
    for (uint64_t i = 0; i < operations; i++) {
        pid_t child;
        errno = posix_spawnp(&child, argv[0], NULL, NULL, argv, environ);
        if (errno)
            bench_die("start 'true'");
        wait_for(child);
    }
}

/* The memory of a process that has allocated once, and no more. */
void process_idle_measure(struct bench *bench)
{
    struct bench_memory memory;
    void *block = malloc(bench->parameters.size_min);
    bench_touch(block, bench->parameters.size_min, bench->parameters.touch);
    bench_memory_read(&memory);
    bench_figure(bench, "rss_kib", memory.rss_kib);
    bench_figure(bench, "anonymous_kib", memory.anonymous_kib);
    bench_free(block, bench->parameters.touch);
}
