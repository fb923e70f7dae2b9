/* SPDX-License-Identifier: MIT */
/* What the commands do: GET SET DEL RANGE INFO, and the few that Redis' own clients ask first. */
#ifndef WORKLOADS_KV_COMMAND_H
#define WORKLOADS_KV_COMMAND_H

#include <stdatomic.h>

#include "store.h"

struct service {
    struct store *store;
    bool domains; /* connections have their memory in domains */
    atomic_ulong connections, accepted, commands;
};

enum command_result { COMMAND_DONE, COMMAND_QUIT, COMMAND_NO_MEMORY };

/* Executes one command and writes its answer. */
enum command_result command_execute(struct service *service, const struct resp_command *words,
                                    const struct pool *pool, struct buffer *out);

#endif
