/* SPDX-License-Identifier: MIT */
/* A counter per thread, each on cache lines of its own: no false sharing. */
#include <pthread.h>
#include <shale/alloc.h>
#include <stdio.h>

static void *count(void *counter)
{
    for (int i = 0; i < 1000; i++)
        ++*(long *)counter;
    return NULL;
}

int main(void)
{
    pthread_t threads[2];
    long *counters[2];
    for (int i = 0; i < 2; i++) {
        counters[i] = shale_alloc_node(sizeof(long));
        if (!counters[i])
            return 1;
        *counters[i] = 0;
        if (pthread_create(&threads[i], NULL, count, counters[i]) != 0)
            return 1;
    }
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    printf("counted %ld, lines of %s bytes\n", *counters[0] + *counters[1],
           shale_cache_line() >= 16 ? "16 or more" : "few");
    shale_free(counters[0]);
    shale_free(counters[1]);
    return 0;
}
