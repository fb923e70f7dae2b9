/* SPDX-License-Identifier: MIT */
/* A configuration that readers follow without a lock while it is replaced under them. */
#include <pthread.h>
#include <shale/alloc.h>
#include <shale/smr.h>
#include <stdatomic.h>
#include <stdio.h>

struct config {
    uint64_t birth; /* of the node, for shale_smr_retire() */
    int first;
    int second; /* always the same as first */
};

static struct shale_smr *domain;
static struct config *_Atomic current;

static struct config *make(struct shale_smr_thread *guard, int value)
{
    struct config *config = shale_alloc(sizeof *config);
    if (config)
        *config = (struct config){shale_smr_birth(guard), value, value};
    return config;
}

static void *read_config(void *torn)
{
    for (int i = 0; i < 10000; i++) {
        struct shale_smr_thread *guard = shale_smr_enter(domain);
        const struct config *config = shale_smr_load(guard, &current);
        if (config->first != config->second)
            ++*(int *)torn;
        shale_smr_exit(guard);
    }
    return NULL;
}

static int replace_config(int value)
{
    struct shale_smr_thread *guard = shale_smr_enter(domain);
    struct config *fresh = guard ? make(guard, value) : NULL;
    if (!fresh)
        return -1;
    struct config *old = atomic_exchange(&current, fresh); /* unlink, then retire */
    int result = shale_smr_retire(guard, old, sizeof *old, old->birth, NULL, NULL);
    shale_smr_exit(guard);
    return result;
}

int main(void)
{
    struct shale_smr_options options = SHALE_SMR_OPTIONS_INIT;
    struct shale_smr_stats stats = SHALE_SMR_STATS_INIT;
    struct shale_smr_thread *thread;
    pthread_t reader;
    int torn = 0;
    options.scheme = SHALE_SMR_IBR;
    if (shale_smr_create(&options, &domain) != 0 || shale_smr_attach(domain, &thread) != 0)
        return 1;
    atomic_store(&current, make(thread, 0));
    if (pthread_create(&reader, NULL, read_config, &torn) != 0)
        return 1;
    for (int i = 1; i <= 1000; i++)
        if (replace_config(i) != 0)
            return 1;
    pthread_join(reader, NULL);
    if (shale_smr_barrier(domain, UINT64_MAX) != 0 || shale_smr_stats_snapshot(domain, &stats) != 0)
        return 1;
    printf("%d torn; %llu replaced, %llu in limbo\n", torn, (unsigned long long)stats.retired_count,
           (unsigned long long)stats.limbo_count);
    shale_free(atomic_load(&current));
    return shale_smr_destroy(domain) == 0 ? 0 : 1;
}
