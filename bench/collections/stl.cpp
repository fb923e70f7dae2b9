// SPDX-License-Identifier: MIT
// What everyone has: std::map and std::deque, each behind one mutex.
#include <deque>
#include <map>
#include <mutex>

#include "peer.h"

namespace {

struct locked_map {
    std::mutex mutex;
    std::map<int64_t, uint64_t> map;
};

inline bool map_get(void *map, int64_t key)
{
    auto *of = static_cast<locked_map *>(map);
    std::lock_guard<std::mutex> lock(of->mutex);
    return of->map.find(key) != of->map.end();
}

inline bool map_put(void *map, int64_t key)
{
    auto *of = static_cast<locked_map *>(map);
    std::lock_guard<std::mutex> lock(of->mutex);
    of->map[key] = uint64_t(key);
    return true;
}

inline bool map_remove(void *map, int64_t key)
{
    auto *of = static_cast<locked_map *>(map);
    std::lock_guard<std::mutex> lock(of->mutex);
    return of->map.erase(key) != 0;
}

struct locked_deque {
    std::mutex mutex;
    std::deque<uint64_t> deque;
};

inline bool deque_try_put(void *queue, uint64_t item)
{
    auto *of = static_cast<locked_deque *>(queue);
    std::lock_guard<std::mutex> lock(of->mutex);
    of->deque.push_back(item);
    return true;
}

inline bool deque_try_get(void *queue, uint64_t *item)
{
    auto *of = static_cast<locked_deque *>(queue);
    std::lock_guard<std::mutex> lock(of->mutex);
    if (of->deque.empty())
        return false;
    *item = of->deque.front();
    of->deque.pop_front();
    return true;
}

#include "map_loop.h"
#include "queue_loop.h"
QUEUE_LOOPS(deque)

size_t put_batch(void *queue, const uint64_t *items, size_t count)
{
    auto *of = static_cast<locked_deque *>(queue);
    std::lock_guard<std::mutex> lock(of->mutex);
    of->deque.insert(of->deque.end(), items, items + count);
    return count;
}

size_t get_batch(void *queue, uint64_t *items, size_t count)
{
    auto *of = static_cast<locked_deque *>(queue);
    std::lock_guard<std::mutex> lock(of->mutex);
    size_t done = 0;
    for (; done < count && !of->deque.empty(); of->deque.pop_front())
        items[done++] = of->deque.front();
    return done;
}

void *make_map()
{
    return new locked_map;
}

void *make_deque()
{
    return new locked_deque;
}

void nothing(void *)
{
}

const map_peer map_functions = {make_map, nothing, nothing, map_run};
const queue_peer queue_functions = {make_deque,  nothing,   nothing,  deque_put_run, deque_get_run,
                                    deque_pairs, put_batch, get_batch};

} // namespace

extern "C" const peer peer_stl_map = {
    "std_map_mutex", "-", "map-*", "std::map behind a mutex", &map_functions, nullptr, nullptr};
extern "C" const peer peer_stl_deque = {
    "std_deque_mutex", "-", "queue-*", "std::deque behind a mutex", nullptr, &queue_functions,
    nullptr};
