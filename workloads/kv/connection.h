/* SPDX-License-Identifier: MIT */
/* A connection of the key-value server: what came in, what is to go out, and its memory. */
#ifndef WORKLOADS_KV_CONNECTION_H
#define WORKLOADS_KV_CONNECTION_H

#include "command.h"

struct connection {
    struct connection *before, *after; /* of one worker */
    struct pool pool;
    struct buffer in, out;
    int fd;
    bool ended; /* nothing more comes in: what is to go out still goes */
    bool wants_write;
};

/* What a connection waits for. */
enum connection_state { CONNECTION_READS, CONNECTION_WRITES, CONNECTION_OVER };

/* Takes over a socket; NULL: no memory, and the socket is closed. */
struct connection *connection_open(struct service *service, int fd);
void connection_close(struct service *service, struct connection *connection);

/*
 * Does what can be done now. While much is to go out nothing more is read, so that a client that
 * asks and does not listen costs a bounded amount of memory.
 */
enum connection_state connection_serve(struct service *service, struct connection *connection);

#endif
