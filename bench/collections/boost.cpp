// SPDX-License-Identifier: MIT
// Boost.Lockfree's queue, whose nodes are kept in a free list, and its ring for two threads.
#include <boost/lockfree/queue.hpp>
#include <boost/lockfree/spsc_queue.hpp>
#include <boost/version.hpp>

#include "peer.h"

namespace {

using queue_type = boost::lockfree::queue<uint64_t>;
using spsc_type = boost::lockfree::spsc_queue<uint64_t, boost::lockfree::capacity<RING_CAPACITY>>;

inline bool boost_try_put(void *queue, uint64_t item)
{
    return static_cast<queue_type *>(queue)->push(item);
}

inline bool boost_try_get(void *queue, uint64_t *item)
{
    return static_cast<queue_type *>(queue)->pop(*item);
}

inline bool spsc_try_put(void *queue, uint64_t item)
{
    return static_cast<spsc_type *>(queue)->push(item);
}

inline bool spsc_try_get(void *queue, uint64_t *item)
{
    return static_cast<spsc_type *>(queue)->pop(*item);
}

#include "queue_loop.h"
QUEUE_LOOPS(boost)
QUEUE_LOOPS(spsc)

size_t put_batch(void *queue, const uint64_t *items, size_t count)
{
    return static_cast<spsc_type *>(queue)->push(items, count);
}

size_t get_batch(void *queue, uint64_t *items, size_t count)
{
    return static_cast<spsc_type *>(queue)->pop(items, count);
}

void *make_queue()
{
    return new queue_type(RING_CAPACITY);
}

void *make_spsc()
{
    return new spsc_type;
}

void nothing(void *)
{
}

const queue_peer queue_functions = {make_queue,  nothing, nothing, boost_put_run, boost_get_run,
                                    boost_pairs, nullptr, nullptr};
const queue_peer spsc_functions = {make_spsc,  nothing,   nothing,  spsc_put_run, spsc_get_run,
                                   spsc_pairs, put_batch, get_batch};

} // namespace

extern "C" const peer peer_boost_queue = {"boost_queue",    BOOST_LIB_VERSION, "queue-*",
                                          "Boost.Lockfree's queue", nullptr, &queue_functions,
                                          nullptr};
extern "C" const peer peer_boost_spsc = {"boost_spsc", BOOST_LIB_VERSION, "queue-*1p1c",
                                         "Boost.Lockfree's ring for one producer, one consumer",
                                         nullptr, &spsc_functions, nullptr};
