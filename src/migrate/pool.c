/* SPDX-License-Identifier: MIT */
/* A counter that threads take their work from. Layer 1. */
#include "migrate/pool.h"

#include <pthread.h>
#include <stdbool.h>
#include <unistd.h>

enum { THREADS_MAX = 64 };

struct pool {
    pthread_mutex_t lock;
    size_t next;
    size_t finished;
    size_t count;
    void (*work)(void *context, size_t index);
    void (*done)(void *context, size_t finished);
    void *context;
};

static bool take(struct pool *pool, size_t *index)
{
    pthread_mutex_lock(&pool->lock);
    bool some = pool->next < pool->count;
    if (some)
        *index = pool->next++;
    pthread_mutex_unlock(&pool->lock);
    return some;
}

static void *run(void *argument)
{
    struct pool *pool = argument;
    for (size_t index; take(pool, &index);) {
        pool->work(pool->context, index);
        pthread_mutex_lock(&pool->lock);
        pool->finished++;
        if (pool->done)
            pool->done(pool->context, pool->finished);
        pthread_mutex_unlock(&pool->lock);
    }
    return NULL;
}

void pool_run(unsigned threads, size_t count, void (*work)(void *context, size_t index),
              void (*done)(void *context, size_t finished), void *context)
{
    struct pool pool = {.lock = PTHREAD_MUTEX_INITIALIZER,
                        .count = count,
                        .work = work,
                        .done = done,
                        .context = context};
    pthread_t ids[THREADS_MAX];
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (threads == 0)
        threads = processors > 0 ? (unsigned)processors : 1;
    if (threads > THREADS_MAX)
        threads = THREADS_MAX;
    unsigned started = 0;
    while (started + 1 < threads && started + 1 < count &&
           pthread_create(&ids[started], NULL, run, &pool) == 0)
        started++;
    run(&pool); /* with no thread at all, this one does it */
    while (started > 0)
        pthread_join(ids[--started], NULL);
}
