/* SPDX-License-Identifier: MIT */
/*
 * Domains: named scopes over epochs.
 *
 * A domain has one epoch, a rule for how it ends, a quota, and perhaps a parent whose quota holds
 * for it as well. Threads enter and leave it; what a thread has entered last is its current domain.
 * Domains nest 32 deep in a thread, and several threads may be inside one.
 *
 *     shale_domain *request;
 *     shale_domain_create(&options, &request);
 *     {
 *         SHALE_DOMAIN_SCOPE(request);          // entered; left at the end of the block
 *         void *p = shale_domain_alloc(shale_domain_current(), 100);
 *     }                                         // auto_close: the last one out closes it
 *     shale_domain_destroy(request);
 *
 * Misuse (exit of another domain than the current one, destroying a domain with threads or children
 * in it) is an error return. Threads, signals, fork: as <shale/epoch.h>; create, wrap, force_close
 * and destroy of one domain are for one thread at a time.
 */
#ifndef SHALE_DOMAIN_H
#define SHALE_DOMAIN_H

#include <stdbool.h>

#include <shale/epoch.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SHALE_DOMAIN_DEPTH_MAX 32

typedef struct shale_domain shale_domain;

/*
 * Called when an allocation was refused because of a quota, by the thread that asked and after all
 * locks were released: it may allocate, free, and use domains.
 *
 * @param domain   whose quota it was: the one that was asked, or one above it.
 * @param size     of the request, in bytes.
 * @param context  as given in the options.
 */
typedef void shale_domain_refused(shale_domain *domain, size_t size, void *context);

/* What a domain is to be. All zero is the default; zero it before setting what you mean. */
struct shale_domain_options {
    enum shale_epoch_kind kind;
    unsigned flags; /* of enum shale_epoch_flag */
    enum shale_epoch_policy policy;
    enum shale_epoch_close close;  /* how its epoch ends; a region is discarded whatever is said */
    const char *label;             /* of the epoch */
    shale_domain *parent;          /* NULL: none. It must outlive the child */
    size_t quota_bytes;            /* 0: none. In steps of 64 KiB, at least one */
    shale_domain_refused *refused; /* NULL: nobody is told */
    void *context;
    bool auto_close; /* when the last thread leaves */
    bool implicit;   /* plain shale_alloc() in it allocates from it; backend `slab` only */
};

/*
 * Makes a domain and opens its epoch.
 *
 * @param options  NULL: a slab epoch that is drained, without a quota.
 * @param domain   gets it.
 * @return 0; SHALE_ENOTSUP: implicit, and the library's backend is not `slab`; SHALE_ESTALE: the
 *         parent is closed; otherwise as shale_epoch_open().
 * Ownership: the caller's, until shale_domain_destroy(). Cost: an epoch and a small block.
 * Since: 0.1.0
 * Example: examples/domain_request.c
 */
SHALE_EPOCH_API int shale_domain_create(const struct shale_domain_options *options,
                                        shale_domain **domain) SHALE_EPOCH_NODISCARD;

/*
 * Makes a domain over an epoch that is open already and belongs to somebody else: the domain never
 * closes it. @return 0; SHALE_ESTALE; SHALE_ENOMEM.
 */
SHALE_EPOCH_API int shale_domain_wrap(shale_epoch epoch,
                                      shale_domain **domain) SHALE_EPOCH_NODISCARD;

/*
 * Makes it the thread's current domain.
 * @return 0; SHALE_ESTALE: its epoch is closed; SHALE_ERANGE: 32 are entered; SHALE_ENOMEM.
 */
SHALE_EPOCH_API int shale_domain_enter(shale_domain *domain) SHALE_EPOCH_NODISCARD;

/*
 * Leaves the current domain, which must be this one.
 * @return 0; SHALE_EINVAL: it is not; SHALE_EDEFERRED: left, and its close is finished later.
 */
SHALE_EPOCH_API int shale_domain_exit(shale_domain *domain);

/* The domain that the calling thread entered last; NULL outside of all. Cost: two loads. */
SHALE_EPOCH_API shale_domain *shale_domain_current(void);

/* The epoch of a domain: for handles, references and queries. */
SHALE_EPOCH_API shale_epoch shale_domain_epoch(const shale_domain *domain);

/* As shale_epoch_alloc() and its kin, in the domain's epoch. ENOMEM also over a quota. Blocks are
 * given back with shale_epoch_free(). NULL for the domain: the eternal epoch. */
SHALE_EPOCH_API void *shale_domain_alloc(const shale_domain *domain, size_t size) SHALE_EPOCH_BLOCK;
SHALE_EPOCH_API void *shale_domain_calloc(const shale_domain *domain, size_t count,
                                          size_t size) SHALE_EPOCH_BLOCK;

/*
 * Closes its epoch now, whoever is inside: they get ESTALE from then on, and still have to leave.
 * @return as shale_epoch_close(); SHALE_EPERM for a wrapped epoch.
 */
SHALE_EPOCH_API int shale_domain_force_close(shale_domain *domain, uint64_t budget_ns);

/*
 * Ends a domain; its epoch is closed first, if it is its own and still open.
 * @return 0 or SHALE_EDEFERRED: it is gone; SHALE_EBUSY: threads are inside or it has children, and
 *         nothing was done.
 */
SHALE_EPOCH_API int shale_domain_destroy(shale_domain *domain);

/* What a domain is at this moment. */
struct shale_domain_info {
    shale_epoch epoch;
    shale_domain *parent;
    size_t used_bytes; /* of the epoch and of all children, in units of 64 KiB */
    size_t quota_bytes;
    uint32_t inside; /* entries that were not left */
    uint32_t children;
    uint64_t entered; /* ever */
    uint64_t refused; /* allocations, for its quota */
    bool open;        /* its epoch is ACTIVE */
};

SHALE_EPOCH_API void shale_domain_query(const shale_domain *domain, struct shale_domain_info *info);

/* For SHALE_DOMAIN_SCOPE. */
SHALE_EPOCH_API shale_domain *shale_domain_scope_enter(shale_domain *domain);
SHALE_EPOCH_API void shale_domain_scope_exit(shale_domain *const *domain);

/*
 * Enters a domain until the end of the enclosing block, however that is left (not by longjmp). If
 * it cannot be entered, the block runs in the domain that was current before.
 */
#if defined(__GNUC__)
#define SHALE_DOMAIN_PASTE_(a, b) a##b
#define SHALE_DOMAIN_PASTE(a, b)  SHALE_DOMAIN_PASTE_(a, b)
#define SHALE_DOMAIN_SCOPE(domain)                                                                 \
    __attribute__((cleanup(shale_domain_scope_exit), unused)) shale_domain *const                  \
    SHALE_DOMAIN_PASTE(shale_domain_scope_, __LINE__) = shale_domain_scope_enter(domain)
#endif

#ifdef __cplusplus
}
#endif
#endif
