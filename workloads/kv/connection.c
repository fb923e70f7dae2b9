/* SPDX-License-Identifier: MIT */
/* Reads, executes and answers, as far as it goes without waiting. */
#include "connection.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    READ_BYTES = 16 * 1024,
    OUT_MAX = 1024 * 1024, /* to go out, above which nothing is executed */
    TURNS = 64,            /* reads before other connections have their turn */
};

struct connection *connection_open(struct service *service, int fd)
{
    struct pool pool;
    struct connection *connection =
        pool_open(&pool, service->domains) ? pool_resize(&pool, NULL, sizeof *connection) : NULL;
    if (!connection) {
        pool_close(&pool);
        close(fd);
        return NULL;
    }
    *connection = (struct connection){.pool = pool, .fd = fd};
    atomic_fetch_add_explicit(&service->connections, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&service->accepted, 1, memory_order_relaxed);
    return connection;
}

void connection_close(struct service *service, struct connection *connection)
{
    struct pool pool = connection->pool;
    close(connection->fd);
    if (!pool.domain) { /* a domain takes everything with it */
        buffer_free(&pool, &connection->in);
        buffer_free(&pool, &connection->out);
        pool_free(&pool, connection);
    }
    pool_close(&pool);
    atomic_fetch_sub_explicit(&service->connections, 1, memory_order_relaxed);
}

/* False: the connection is broken. */
static bool send_out(struct connection *connection)
{
    while (buffer_size(&connection->out) > 0) {
        ssize_t sent = send(connection->fd, connection->out.bytes + connection->out.start,
                            buffer_size(&connection->out), MSG_NOSIGNAL);
        if (sent < 0)
            return errno == EAGAIN || errno == EINTR;
        buffer_take(&connection->pool, &connection->out, (size_t)sent);
    }
    return true;
}

/* 1: something came in; 0: nothing for now, or nothing ever; -1: the connection is broken. */
static int read_in(struct connection *connection)
{
    char *room = buffer_room(&connection->pool, &connection->in, READ_BYTES);
    if (!room)
        return -1;
    ssize_t got = recv(connection->fd, room, READ_BYTES, 0);
    if (got > 0) {
        connection->in.end += (size_t)got;
        return 1;
    }
    connection->ended = got == 0;
    return got == 0 || errno == EAGAIN || errno == EINTR ? 0 : -1;
}

/* The last answer of a connection: what comes after it is not looked at. */
static bool end_with(struct connection *connection, const char *reason)
{
    char text[128];
    connection->ended = true;
    connection->in.start = connection->in.end;
    if (!reason)
        return true;
    snprintf(text, sizeof text, "ERR Protocol error: %s", reason);
    return resp_error(&connection->pool, &connection->out, text);
}

/* Executes what is complete; false: no memory. */
static bool execute_in(struct service *service, struct connection *connection)
{
    static _Thread_local struct resp_command command;
    const char *reason = NULL;
    while (buffer_size(&connection->in) > 0 && buffer_size(&connection->out) < OUT_MAX) {
        ssize_t used = resp_parse(connection->in.bytes + connection->in.start,
                                  buffer_size(&connection->in), &command, &reason);
        if (used < 0)
            return end_with(connection, reason);
        if (used == 0)
            return true;
        enum command_result result =
            command_execute(service, &command, &connection->pool, &connection->out);
        if (result == COMMAND_NO_MEMORY)
            return false;
        if (result == COMMAND_QUIT)
            return end_with(connection, NULL);
        buffer_take(&connection->pool, &connection->in, (size_t)used);
    }
    return true;
}

static bool is_over(const struct connection *connection)
{
    return connection->ended && buffer_size(&connection->out) == 0;
}

enum connection_state connection_serve(struct service *service, struct connection *connection)
{
    int came = 1;
    for (int turn = 0; came == 1; turn++) {
        size_t before = buffer_size(&connection->in);
        if (!execute_in(service, connection) || !send_out(connection))
            return CONNECTION_OVER;
        if (buffer_size(&connection->out) > 0)
            return CONNECTION_WRITES;
        if (buffer_size(&connection->in) < before)
            continue; /* it was held up by what had to go out, and is not any more */
        if (connection->ended || turn >= TURNS)
            break; /* what was read is looked at: nobody tells of it again */
        came = read_in(connection);
    }
    if (came < 0 || is_over(connection))
        return CONNECTION_OVER;
    return CONNECTION_READS;
}
