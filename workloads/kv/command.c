/* SPDX-License-Identifier: MIT */
/* The commands, a table of functions. */
#include "command.h"

#include <inttypes.h>
#include <shale/stats.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "../common/net.h"
#include "../common/resident.h"

enum { RANGE_DEFAULT = 1000, RANGE_MAX = 100000, KEY_MAX = 64 * 1024 };

struct call {
    struct service *service;
    const struct resp_word *words; /* of the command, its name first */
    size_t count;
    const struct pool *pool;
    struct buffer *out;
};

/* False: no memory. */
typedef bool execute(const struct call *call);

static bool is(const struct resp_word *word, const char *text)
{
    return word->size == strlen(text) && strncasecmp(word->bytes, text, word->size) == 0;
}

static bool answer(const struct call *call, const char *text)
{
    return resp_simple(call->pool, call->out, text);
}

static bool refuse(const struct call *call, const char *text)
{
    return resp_error(call->pool, call->out, text);
}

static bool ping(const struct call *call)
{
    return call->count == 1
               ? answer(call, "PONG")
               : resp_bulk(call->pool, call->out, call->words[1].bytes, call->words[1].size);
}

static bool set(const struct call *call)
{
    if (call->count != 3)
        return refuse(call, "ERR syntax error: SET takes no options here");
    if (call->words[1].size > KEY_MAX)
        return refuse(call, "ERR the key is too long");
    if (!store_set(call->service->store, call->words[1], call->words[2]))
        return refuse(call, "OOM out of memory");
    return answer(call, "OK");
}

struct found {
    const struct call *call;
    bool written;
};

static bool write_value(struct resp_word key, struct resp_word value, void *context)
{
    struct found *found = context;
    (void)key;
    found->written = resp_bulk(found->call->pool, found->call->out, value.bytes, value.size);
    return true;
}

static bool get(const struct call *call)
{
    struct found found = {.call = call};
    if (!store_get(call->service->store, call->words[1], write_value, &found))
        return resp_null(call->pool, call->out);
    return found.written;
}

static bool del(const struct call *call)
{
    int64_t removed = 0;
    for (size_t i = 1; i < call->count; i++)
        removed += store_remove(call->service->store, call->words[i]);
    return resp_integer(call->pool, call->out, removed);
}

/* The entries of a range; how many they are is known at the end, and said before them. */
struct listing {
    const struct call *call;
    struct buffer entries;
    size_t count;
    bool failed;
};

static bool list_entry(struct resp_word key, struct resp_word value, void *context)
{
    struct listing *listing = context;
    const struct pool *pool = listing->call->pool;
    listing->failed = !resp_bulk(pool, &listing->entries, key.bytes, key.size) ||
                      !resp_bulk(pool, &listing->entries, value.bytes, value.size) ||
                      buffer_size(&listing->entries) > RESP_COMMAND_MAX;
    listing->count++;
    return !listing->failed;
}

static bool write_listing(const struct call *call, const struct listing *listing)
{
    size_t size = buffer_size(&listing->entries);
    if (!resp_array(call->pool, call->out, 2 * listing->count))
        return false;
    char *room = buffer_room(call->pool, call->out, size);
    if (!room)
        return false;
    if (size > 0)
        memcpy(room, listing->entries.bytes, size);
    call->out->end += size;
    return true;
}

static long take_limit(const struct call *call)
{
    char text[16];
    const struct resp_word *word = &call->words[4];
    if (call->count == 3)
        return RANGE_DEFAULT;
    if (call->count != 5 || !is(&call->words[3], "LIMIT") || word->size >= sizeof text)
        return -1;
    memcpy(text, word->bytes, word->size);
    text[word->size] = '\0';
    return net_number(text, 0, RANGE_MAX);
}

/* RANGE from to [LIMIT n]: both included; "-" and "+" are the ends. */
static bool range(const struct call *call)
{
    struct listing listing = {.call = call};
    const struct resp_word *from = &call->words[1], *to = &call->words[2];
    long limit = take_limit(call);
    if (limit < 0)
        return refuse(call, "ERR syntax error: RANGE from to [LIMIT n], n at most 100000");
    store_range(call->service->store, is(from, "-") ? NULL : from, is(to, "+") ? NULL : to,
                (size_t)limit, list_entry, &listing);
    bool written = listing.failed ? refuse(call, "ERR the range is too large; give a LIMIT")
                                  : write_listing(call, &listing);
    buffer_free(call->pool, &listing.entries);
    return written;
}

static bool info(const struct call *call)
{
    char text[1024];
    struct service *service = call->service;
    struct store_info store;
    struct shale_stats engine = SHALE_STATS_INIT;
    store_read_info(service->store, &store);
    if (shale_stats_global(&engine, SHALE_STATS_APPROXIMATE) != 0)
        engine.live_bytes = 0;
    int length = snprintf(text, sizeof text,
                          "# Server\r\nallocator:%s\r\nconnection_memory:%s\r\n"
                          "# Clients\r\nconnected_clients:%lu\r\ntotal_connections_received:%lu\r\n"
                          "total_commands_processed:%lu\r\n"
                          "# Memory\r\nused_memory_rss:%" PRIu64 "\r\nengine_live_bytes:%" PRIu64
                          "\r\nvalue_bytes:%" PRIu64 "\r\nlimbo_bytes:%" PRIu64
                          "\r\nreclaimed:%" PRIu64 "\r\n# Keyspace\r\nkeys:%zu\r\n",
                          shale_backend_name(), service->domains ? "domains" : "blocks",
                          atomic_load_explicit(&service->connections, memory_order_relaxed),
                          atomic_load_explicit(&service->accepted, memory_order_relaxed),
                          atomic_load_explicit(&service->commands, memory_order_relaxed),
                          resident_bytes(0), (uint64_t)engine.live_bytes, store.value_bytes,
                          store.limbo_bytes, store.reclaimed, store.keys);
    return resp_bulk(call->pool, call->out, text, (size_t)length);
}

static bool dbsize(const struct call *call)
{
    struct store_info store;
    store_read_info(call->service->store, &store);
    return resp_integer(call->pool, call->out, (int64_t)store.keys);
}

static bool flushall(const struct call *call)
{
    store_clear(call->service->store);
    return answer(call, "OK");
}

/* redis-benchmark asks for two settings before it begins; there are none. */
static bool config(const struct call *call)
{
    if (call->count != 3 || !is(&call->words[1], "GET"))
        return refuse(call, "ERR there is nothing to configure");
    return resp_array(call->pool, call->out, 2) &&
           resp_bulk(call->pool, call->out, call->words[2].bytes, call->words[2].size) &&
           resp_bulk(call->pool, call->out, "", 0);
}

/* redis-cli asks for the documentation of commands. */
static bool command(const struct call *call)
{
    return resp_array(call->pool, call->out, 0);
}

static bool quit(const struct call *call)
{
    return answer(call, "OK");
}

static const struct entry {
    const char *name;
    execute *function;
    size_t min, max; /* words */
} entries[] = {
    {"GET", get, 2, 2},
    {"SET", set, 3, RESP_WORDS_MAX},
    {"DEL", del, 2, RESP_WORDS_MAX},
    {"RANGE", range, 3, 5},
    {"INFO", info, 1, 2},
    {"PING", ping, 1, 2},
    {"DBSIZE", dbsize, 1, 1},
    {"FLUSHALL", flushall, 1, 2},
    {"CONFIG", config, 2, RESP_WORDS_MAX},
    {"COMMAND", command, 1, RESP_WORDS_MAX},
    {"QUIT", quit, 1, 1},
};

static const struct entry *find(const struct resp_word *name)
{
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
        if (is(name, entries[i].name))
            return &entries[i];
    return NULL;
}

enum command_result command_execute(struct service *service, const struct resp_command *words,
                                    const struct pool *pool, struct buffer *out)
{
    const struct call call = {service, words->words, words->count, pool, out};
    if (words->count == 0) /* an empty line */
        return COMMAND_DONE;
    atomic_fetch_add_explicit(&service->commands, 1, memory_order_relaxed);
    const struct entry *entry = find(&words->words[0]);
    bool written;
    if (!entry)
        written = refuse(&call, "ERR unknown command");
    else if (words->count < entry->min || words->count > entry->max)
        written = refuse(&call, "ERR wrong number of arguments");
    else
        written = entry->function(&call);
    if (!written)
        return COMMAND_NO_MEMORY;
    return entry && entry->function == quit ? COMMAND_QUIT : COMMAND_DONE;
}
