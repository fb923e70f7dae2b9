/* SPDX-License-Identifier: MIT */
/* liburcu's wfcqueue: puts wait for nobody, gets take a lock. The nodes are malloc's. */
#include <stdlib.h>
#include <urcu/wfcqueue.h>

#include "peer.h"

/* Puts and gets have lines of their own. */
/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding) */
struct queue {
    struct cds_wfcq_head head;
    _Alignas(128) struct cds_wfcq_tail tail;
};

struct item {
    struct cds_wfcq_node node;
    uint64_t value;
};

static void *make(void)
{
    struct queue *queue = aligned_alloc(128, sizeof *queue);
    if (queue)
        cds_wfcq_init(&queue->head, &queue->tail);
    return queue;
}

static void nothing(void *queue)
{
}

static inline bool wfcq_try_put(struct queue *queue, uint64_t value)
{
    struct item *item = malloc(sizeof *item);
    if (!item)
        return false;
    cds_wfcq_node_init(&item->node);
    item->value = value;
    (void)cds_wfcq_enqueue(&queue->head, &queue->tail, &item->node);
    return true;
}

static inline bool wfcq_try_get(struct queue *queue, uint64_t *value)
{
    struct cds_wfcq_node *node = cds_wfcq_dequeue_blocking(&queue->head, &queue->tail);
    if (!node)
        return false;
    struct item *item = caa_container_of(node, struct item, node);
    *value = item->value;
    free(item);
    return true;
}

#include "queue_loop.h"
QUEUE_LOOPS(wfcq)

static const struct queue_peer queue = {make,         nothing,    nothing, wfcq_put_run,
                                        wfcq_get_run, wfcq_pairs, NULL,    NULL};
const struct peer peer_urcu_queue = {
    "urcu_wfcqueue", URCU_VERSION, "queue-*", "liburcu's wfcqueue, gets lock", NULL, &queue, NULL};
