/* SPDX-License-Identifier: MIT */
/*
 * What collections-bench measures: maps and queues behind tables of functions. Each function does
 * its work many times in a loop of its own (map_loop.h, queue_loop.h), so that nothing is called
 * through a pointer inside. Read by C and C++.
 *
 * A peer's collection is made once in a process; each thread attaches before it uses it and
 * detaches at its end.
 */
#ifndef BENCH_COLLECTIONS_PEER_H
#define BENCH_COLLECTIONS_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An operation on a map: the key and, in the lowest two bits, what to do with it. */
enum op_kind { OP_GET, OP_PUT, OP_REMOVE };

static inline uint64_t op_make(int64_t key, enum op_kind kind)
{
    return (uint64_t)key << 2 | (uint64_t)kind;
}

static inline int64_t op_key(uint64_t op)
{
    return (int64_t)(op >> 2);
}

static inline enum op_kind op_kind(uint64_t op)
{
    return (enum op_kind)(op & 3);
}

struct map_peer {
    void *(*make)(void); /* NULL: cannot be made */
    void (*attach)(void *map);
    void (*detach)(void *map);
    /* A put sets the value to the key; returns how many keys were found, added or removed. */
    uint64_t (*run)(void *map, const uint64_t *ops, size_t count);
};

enum { RING_CAPACITY = 1 << 16 };

/* Items are 1, 2, 3, ... by producer; a bounded queue has RING_CAPACITY places. */
struct queue_peer {
    void *(*make)(void);
    void (*attach)(void *queue);
    void (*detach)(void *queue);
    size_t (*put)(void *queue, uint64_t first, size_t count); /* how many went in, until full */
    size_t (*get)(void *queue, size_t count, uint64_t *sum);  /* how many, until empty */
    uint64_t (*pairs)(void *queue, size_t count);             /* a put and a get, each time */
    /* As put and get, in batches of `count`; NULL: it has none. */
    size_t (*put_batch)(void *queue, const uint64_t *items, size_t count);
    size_t (*get_batch)(void *queue, uint64_t *items, size_t count);
};

struct peer {
    const char *name;
    const char *version; /* "-": not known */
    const char *fits;    /* pattern of the workloads that it can run */
    const char *summary;
    const struct map_peer *map;
    const struct queue_peer *queue;
    const char *java; /* class path of the program that runs it instead; NULL: this one does */
};

#define PEER(name) extern const struct peer name
PEER(peer_shale_skiplist);
PEER(peer_shale_treemap);
PEER(peer_shale_queue);
PEER(peer_shale_ring);
PEER(peer_stl_map);
PEER(peer_stl_deque);
PEER(peer_tbb_map);
PEER(peer_tbb_queue);
PEER(peer_boost_queue);
PEER(peer_boost_spsc);
PEER(peer_moodycamel);
PEER(peer_cds_map);
PEER(peer_cds_msqueue);
PEER(peer_cds_ring);
PEER(peer_urcu_queue);
PEER(peer_ck_ring);
PEER(peer_crossbeam_map);
PEER(peer_crossbeam_queue);
PEER(peer_crossbeam_ring);
#undef PEER

/* What a child of `this program's folder`/name is called, in place; false: it does not fit. */
bool beside_program(const char *name, char *path, size_t size);

/* Loads what cargo built beside this program; false: it is not there. */
bool crossbeam_open(void);

#ifdef __cplusplus
}
#endif
#endif
