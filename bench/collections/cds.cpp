// SPDX-License-Identifier: MIT
// libcds: its skip list and Michael-Scott queue with hazard pointers, and Vyukov's ring.
#include <cds/container/msqueue.h>
#include <cds/container/skip_list_map_hp.h>
#include <cds/container/vyukov_mpmc_cycle_queue.h>
#include <cds/gc/hp.h>
#include <cds/init.h>
#include <cds/version.h>

#include "peer.h"

namespace {

using gc = cds::gc::HP;
using map_type = cds::container::SkipListMap<gc, int64_t, uint64_t>;
using queue_type = cds::container::MSQueue<gc, uint64_t>;
using ring_type = cds::container::VyukovMPMCCycleQueue<uint64_t>;

inline bool map_get(void *map, int64_t key)
{
    return static_cast<map_type *>(map)->contains(key);
}

inline bool map_put(void *map, int64_t key)
{
    static_cast<map_type *>(map)->update(
        key, [key](bool, map_type::value_type &entry) { entry.second = uint64_t(key); });
    return true;
}

inline bool map_remove(void *map, int64_t key)
{
    return static_cast<map_type *>(map)->erase(key);
}

inline bool cds_try_put(void *queue, uint64_t item)
{
    return static_cast<queue_type *>(queue)->enqueue(item);
}

inline bool cds_try_get(void *queue, uint64_t *item)
{
    return static_cast<queue_type *>(queue)->dequeue(*item);
}

inline bool ring_try_put(void *queue, uint64_t item)
{
    return static_cast<ring_type *>(queue)->enqueue(item);
}

inline bool ring_try_get(void *queue, uint64_t *item)
{
    return static_cast<ring_type *>(queue)->dequeue(*item);
}

#include "map_loop.h"
#include "queue_loop.h"
QUEUE_LOOPS(cds)
QUEUE_LOOPS(ring)

void start()
{
    cds::Initialize();
    static gc collector(map_type::c_nHazardPtrCount + 2, 256);
    cds::threading::Manager::attachThread();
}

void *make_map()
{
    start();
    return new map_type;
}

void *make_queue()
{
    start();
    return new queue_type;
}

void *make_ring()
{
    return new ring_type(RING_CAPACITY);
}

/* The main thread is attached from the start on. */
void attach(void *)
{
    if (!cds::threading::Manager::isThreadAttached())
        cds::threading::Manager::attachThread();
}

void detach(void *)
{
    cds::threading::Manager::detachThread();
}

void nothing(void *)
{
}

const map_peer map_functions = {make_map, attach, detach, map_run};
const queue_peer queue_functions = {make_queue, attach,  detach, cds_put_run, cds_get_run,
                                    cds_pairs,  nullptr, nullptr};
const queue_peer ring_functions = {make_ring,  nothing, nothing, ring_put_run, ring_get_run,
                                   ring_pairs, nullptr, nullptr};

} // namespace

extern "C" const peer peer_cds_map = {"cds_skiplist",   CDS_VERSION_STRING, "map-*",
                                      "libcds' skip list, hazard pointers", &map_functions, nullptr,
                                      nullptr};
extern "C" const peer peer_cds_msqueue = {"cds_msqueue", CDS_VERSION_STRING, "queue-*",
                                          "libcds' Michael-Scott queue, hazard pointers", nullptr,
                                          &queue_functions, nullptr};
extern "C" const peer peer_cds_ring = {"cds_vyukov", CDS_VERSION_STRING, "queue-[!f]*",
                                       "libcds' Vyukov ring", nullptr, &ring_functions, nullptr};
