// SPDX-License-Identifier: MIT
// oneTBB's concurrent_map and concurrent_queue. The map cannot erase while others use it: a removal
// writes a tombstone, and a put over it is the key's return.
#include <atomic>

#include <tbb/concurrent_map.h>
#include <tbb/concurrent_queue.h>
#include <tbb/version.h>

#include "peer.h"

namespace {

struct value {
    std::atomic<uint64_t> word;
    explicit value(uint64_t given) : word(given) {}
    value(const value &other) : word(other.word.load(std::memory_order_relaxed)) {}
};

using map_type = tbb::concurrent_map<int64_t, value>;
constexpr uint64_t tombstone = UINT64_MAX;

inline bool map_get(void *map, int64_t key)
{
    auto *of = static_cast<map_type *>(map);
    auto found = of->find(key);
    return found != of->end() && found->second.word.load(std::memory_order_acquire) != tombstone;
}

inline bool map_put(void *map, int64_t key)
{
    auto placed = static_cast<map_type *>(map)->emplace(key, uint64_t(key));
    if (!placed.second)
        placed.first->second.word.store(uint64_t(key), std::memory_order_release);
    return true;
}

inline bool map_remove(void *map, int64_t key)
{
    auto *of = static_cast<map_type *>(map);
    auto found = of->find(key);
    return found != of->end() &&
           found->second.word.exchange(tombstone, std::memory_order_acq_rel) != tombstone;
}

using queue_type = tbb::concurrent_queue<uint64_t>;

inline bool tbb_try_put(void *queue, uint64_t item)
{
    static_cast<queue_type *>(queue)->push(item);
    return true;
}

inline bool tbb_try_get(void *queue, uint64_t *item)
{
    return static_cast<queue_type *>(queue)->try_pop(*item);
}

#include "map_loop.h"
#include "queue_loop.h"
QUEUE_LOOPS(tbb)

void *make_map()
{
    return new map_type;
}

void *make_queue()
{
    return new queue_type;
}

void nothing(void *)
{
}

const map_peer map_functions = {make_map, nothing, nothing, map_run};
const queue_peer queue_functions = {make_queue, nothing, nothing, tbb_put_run, tbb_get_run,
                                    tbb_pairs,  nullptr, nullptr};

} // namespace

extern "C" const peer peer_tbb_map = {"tbb_map",      TBB_VERSION_STRING, "map-*",
                                      "oneTBB's concurrent_map; removals are tombstones",
                                      &map_functions, nullptr,            nullptr};
extern "C" const peer peer_tbb_queue = {"tbb_queue", TBB_VERSION_STRING, "queue-*",
                                        "oneTBB's concurrent_queue", nullptr, &queue_functions,
                                        nullptr};
