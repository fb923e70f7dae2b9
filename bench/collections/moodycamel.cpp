// SPDX-License-Identifier: MIT
// moodycamel::ConcurrentQueue with tokens: in order of each producer, not among producers.
#include <memory>

#include <concurrentqueue/concurrentqueue.h>

#include "peer.h"

namespace {

using queue_type = moodycamel::ConcurrentQueue<uint64_t>;

thread_local std::unique_ptr<moodycamel::ProducerToken> producer;
thread_local std::unique_ptr<moodycamel::ConsumerToken> consumer;

inline bool moody_try_put(void *queue, uint64_t item)
{
    return static_cast<queue_type *>(queue)->enqueue(*producer, item);
}

inline bool moody_try_get(void *queue, uint64_t *item)
{
    return static_cast<queue_type *>(queue)->try_dequeue(*consumer, *item);
}

#include "queue_loop.h"
QUEUE_LOOPS(moody)

size_t put_batch(void *queue, const uint64_t *items, size_t count)
{
    return static_cast<queue_type *>(queue)->enqueue_bulk(*producer, items, count) ? count : 0;
}

size_t get_batch(void *queue, uint64_t *items, size_t count)
{
    return static_cast<queue_type *>(queue)->try_dequeue_bulk(*consumer, items, count);
}

void *make()
{
    return new queue_type;
}

void attach(void *queue)
{
    auto *of = static_cast<queue_type *>(queue);
    producer = std::make_unique<moodycamel::ProducerToken>(*of);
    consumer = std::make_unique<moodycamel::ConsumerToken>(*of);
}

void detach(void *)
{
    producer.reset();
    consumer.reset();
}

const queue_peer functions = {make,        attach,    detach,   moody_put_run, moody_get_run,
                              moody_pairs, put_batch, get_batch};

} // namespace

extern "C" const peer peer_moodycamel = {"moodycamel", "-", "queue-*",
                                         "moodycamel::ConcurrentQueue with tokens; order of each "
                                         "producer only",
                                         nullptr, &functions, nullptr};
