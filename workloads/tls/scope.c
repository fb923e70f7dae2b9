/* SPDX-License-Identifier: MIT */
/* The memory of TLS connections: domains under wolfSSL's allocation functions, or malloc. */
#include "scope.h"

#include <shale/domain.h>
#include <stdlib.h>
#include <wolfssl/options.h>

#include <wolfssl/ssl.h>

struct scope {
    shale_domain *domain;
    unsigned users;
    unsigned taken; /* ever: a full scope takes nobody any more */
};

static unsigned group_size;
static struct scope *filling; /* takes the next connection; NULL: there is none */

static void *allocate(size_t size)
{
    return shale_domain_alloc(shale_domain_current(), size);
}

static void *resize(void *block, size_t size)
{
    return block ? shale_epoch_realloc(block, size) : allocate(size);
}

bool scope_start(unsigned group)
{
    group_size = group;
    return group == 0 || wolfSSL_SetAllocators(allocate, shale_epoch_free, resize) == 0;
}

static struct scope *open_scope(void)
{
    struct scope *scope = calloc(1, sizeof *scope);
    struct shale_domain_options options = {.label = "connections", .policy = SHALE_EPOCH_RELEASE};
    if (scope && shale_domain_create(&options, &scope->domain) == 0)
        return scope;
    free(scope);
    return NULL;
}

static void end(struct scope *scope)
{
    if (scope == filling)
        filling = NULL;
    shale_domain_destroy(scope->domain);
    free(scope);
}

bool scope_take(struct scope **scope)
{
    *scope = NULL;
    if (group_size == 0)
        return true;
    if (!filling)
        filling = open_scope();
    if (!filling)
        return false;
    *scope = filling;
    filling->users++;
    if (++filling->taken == group_size)
        filling = NULL;
    return true;
}

void scope_give(struct scope *scope)
{
    if (scope && --scope->users == 0)
        end(scope);
}

void scope_enter(struct scope *scope)
{
    if (scope && shale_domain_enter(scope->domain) != 0)
        abort(); /* the connection's own domain is open, and no thread is in 32 of them */
}

void scope_leave(struct scope *scope)
{
    if (scope)
        shale_domain_exit(scope->domain);
}

void scope_tidy(void)
{
    if (group_size)
        shale_reclaim(UINT64_MAX, 0);
}

void *scope_alloc(size_t size)
{
    return group_size ? allocate(size) : malloc(size);
}

void scope_free(void *block)
{
    if (group_size)
        shale_epoch_free(block);
    else
        free(block);
}
