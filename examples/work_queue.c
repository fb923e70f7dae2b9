/* SPDX-License-Identifier: MIT */
/* A work queue: two workers wait for numbers and add them up, until the queue is shut down. */
#include <inttypes.h>
#include <pthread.h>
#include <shale/queue.h>
#include <stdio.h>

struct work {
    struct shale_queue *queue;
    uint64_t sum;
};

static void *add_up(void *argument)
{
    struct work *work = argument;
    uint64_t number;
    while (shale_queue_get(work->queue, SHALE_FOREVER, &number) == 0)
        work->sum += number;
    return NULL;
}

int main(void)
{
    struct shale_queue *queue;
    pthread_t threads[2];
    if (shale_queue_create(NULL, &queue) != 0)
        return 1;
    struct work works[2] = {{queue, 0}, {queue, 0}};
    for (int i = 0; i < 2; i++)
        if (pthread_create(&threads[i], NULL, add_up, &works[i]) != 0)
            return 1;
    for (uint64_t number = 1; number <= 10000; number++)
        if (shale_queue_put(queue, number) != 0)
            return 1;
    shale_queue_shutdown(queue);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    printf("the sum is %" PRIu64 "\n", works[0].sum + works[1].sum);
    shale_queue_destroy(queue);
    return 0;
}
