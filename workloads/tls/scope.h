/* SPDX-License-Identifier: MIT */
/*
 * Where the memory of a TLS connection comes from.
 *
 * With malloc nothing of this is used: wolfSSL calls malloc, and whatever allocator the process
 * runs under serves it. With domains each connection has a domain, alone or with the few that were
 * accepted next to it, and everything that wolfSSL allocates between scope_enter() and
 * scope_leave() belongs to it. Its epoch is drained when the last connection is gone: what wolfSSL
 * frees empties its slabs, which go back whole, and the few blocks that wolfSSL keeps in tables of
 * its own stay good.
 */
#ifndef WORKLOADS_TLS_SCOPE_H
#define WORKLOADS_TLS_SCOPE_H

#include <stdbool.h>
#include <stddef.h>

struct scope;

/* To be called first. `group`: connections in a domain; 0: malloc. False: no memory. */
bool scope_start(unsigned group);

/* The scope of a new connection; false: no memory. With malloc it is NULL. */
bool scope_take(struct scope **scope);

/* A connection is gone and has freed what it had. */
void scope_give(struct scope *scope);

/* What is allocated between these belongs to the scope. Not nested. */
void scope_enter(struct scope *scope);
void scope_leave(struct scope *scope);

/* Gives what closed connections had back to the system; for idle moments. */
void scope_tidy(void);

/* A block of the scope that was entered; outside of all, of the process. */
void *scope_alloc(size_t size);
void scope_free(void *block);

#endif
