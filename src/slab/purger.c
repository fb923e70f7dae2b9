/* SPDX-License-Identifier: MIT */
/* The thread that gives memory back. Layer 1. */
#include "slab/purger.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <time.h>

#include <shale/error.h>

#include "base/thread.h"
#include "slab/late.h"
#include "slab/reclaim.h"
#include "slab/watch.h"

enum {
    PASS_NS = 100000000,
    QUIET_PASSES = 10,
    STACK_BYTES = 128 << 10,
};

enum state { NONE, AWAKE, ASLEEP };

static _Atomic int state; /* enum state */
static sem_t wake;

static void pause_a_pass(void)
{
    struct timespec time = {.tv_nsec = PASS_NS};
    while (nanosleep(&time, &time) != 0)
        continue;
}

static uint64_t give_back(uint64_t (*some)(struct slab_thr *))
{
    struct slab_thr *thr = slab_begin();
    bool late = thr == NULL || thr->id == SLAB_LATE;
    if (thr != NULL)
        slab_finish(thr);
    return late ? 0 : some(thr);
}

/* Until nothing has been worth giving back for a second. */
static void work(void)
{
    for (int quiet = 0; quiet < QUIET_PASSES; quiet++) {
        pause_a_pass();
        if (give_back(slab_purge_to_keep) != 0)
            quiet = 0;
    }
    (void)give_back(slab_purge_to_regret);
}

static void *run(void *unused)
{
    slab_watch_silence();
    for (;;) {
        while (sem_wait(&wake) != 0)
            continue;
        work();
        shale_atomic_store_relaxed(&state, ASLEEP);
    }
    return unused;
}

bool slab_purger_wake(void)
{
    int seen = shale_atomic_load_relaxed(&state);
    if (seen == NONE)
        return false;
    if (seen == ASLEEP && shale_atomic_cas_relaxed(&state, &seen, AWAKE))
        (void)sem_post(&wake);
    return true;
}

void slab_purger_forget(void)
{
    shale_atomic_store_relaxed(&state, NONE);
}

/* A thread that no signal of the program's reaches. */
static int create(void)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all;
    sigset_t saved;
    if (pthread_attr_init(&attributes) != 0)
        return SHALE_ENOMEM;
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &saved);
    int error = pthread_create(&thread, &attributes, run, NULL);
    pthread_sigmask(SIG_SETMASK, &saved, NULL);
    (void)pthread_attr_destroy(&attributes);
    return error == 0 ? 0 : SHALE_ENOMEM;
}

int slab_purger_start(void)
{
    static const struct shale_fork_hooks hooks = {.child = slab_purger_forget};
    int saved_errno = errno;
    int error = sem_init(&wake, 0, 0) == 0 ? shale_fork_hooks_register(&hooks) : SHALE_ENOMEM;
    if (error == 0)
        error = create();
    if (error == 0)
        shale_atomic_store_relaxed(&state, ASLEEP);
    errno = saved_errno;
    return error;
}
