/* SPDX-License-Identifier: MIT */
/*
 * What <shale/domain.h> promises. Layer 1.
 *
 * A domain is a block of the eternal epoch with an account (epoch_units.h). Which domains a thread
 * is in stands in its structure; the epoch that plain allocations go to in a variable of its own,
 * which the front door reads.
 */
#include <shale/domain.h>

#include <string.h>

#include <shale/config.h>

#include "slab/close.h"
#include "slab/domain.h"
#include "slab/epoch_units.h"
#include "slab/late.h"
#include "slab/malloc.h"
#include "slab/registry.h"

struct shale_domain {
    struct slab_account account;
    uint64_t epoch;
    shale_domain *parent;
    shale_domain_refused *refused;
    void *context;
    _Atomic uint64_t entered;
    _Atomic uint64_t refusals;
    _Atomic uint32_t inside;
    _Atomic uint32_t children;
    uint8_t close; /* enum shale_epoch_close */
    bool auto_close;
    bool implicit;
    bool wrapped;
};

SHALE_THREAD_LOCAL uint64_t slab_domain_implicit;

static bool is_open(const shale_domain *domain)
{
    return domain->epoch == 0 || slab_registry_is_active(domain->epoch);
}

/* ---- making and ending -------------------------------------------------------------------------
 */

static uint64_t units_of(size_t bytes)
{
    return bytes == 0 ? 0 : bytes / SLAB_UNIT_SIZE == 0 ? 1 : bytes / SLAB_UNIT_SIZE;
}

static void fill(shale_domain *domain, const struct shale_domain_options *options)
{
    memset(domain, 0, sizeof(*domain));
    domain->account.limit = units_of(options->quota_bytes);
    domain->account.parent = options->parent == NULL ? NULL : &options->parent->account;
    domain->parent = options->parent;
    domain->refused = options->refused;
    domain->context = options->context;
    domain->close = options->kind == SHALE_EPOCH_REGION ? SHALE_EPOCH_DISCARD : options->close;
    domain->auto_close = options->auto_close;
    domain->implicit = options->implicit;
}

static int check(const struct shale_domain_options *options)
{
    if ((unsigned)options->close > SHALE_EPOCH_DISCARD)
        return SHALE_EINVAL;
    if (options->implicit && strcmp(SHALE_BACKEND_NAME, "slab") != 0)
        return SHALE_ENOTSUP;
    return options->parent != NULL && !is_open(options->parent) ? SHALE_ESTALE : 0;
}

SHALE_EXPORT int shale_domain_create(const struct shale_domain_options *options,
                                     shale_domain **domain)
{
    static const struct shale_domain_options plain;
    if (options == NULL)
        options = &plain;
    struct shale_epoch_options epoch = {.kind = options->kind,
                                        .flags = options->flags,
                                        .policy = options->policy,
                                        .label = options->label};
    int error = check(options);
    if (error != 0)
        return error;
    shale_domain *made = slab_malloc(sizeof(*made));
    if (made == NULL)
        return SHALE_ENOMEM;
    fill(made, options);
    error = slab_epoch_open(&epoch, &made->account, &made->epoch);
    if (error != 0) {
        slab_free(made);
        return error;
    }
    if (made->parent != NULL)
        shale_atomic_fetch_add_relaxed(&made->parent->children, 1);
    *domain = made;
    return 0;
}

SHALE_EXPORT int shale_domain_wrap(shale_epoch epoch, shale_domain **domain)
{
    if (epoch != 0 && !slab_registry_is_active(epoch))
        return SHALE_ESTALE;
    shale_domain *made = slab_malloc(sizeof(*made));
    if (made == NULL)
        return SHALE_ENOMEM;
    memset(made, 0, sizeof(*made));
    made->epoch = epoch;
    made->wrapped = true;
    *domain = made;
    return 0;
}

SHALE_EXPORT int shale_domain_force_close(shale_domain *domain, uint64_t budget_ns)
{
    if (domain->wrapped)
        return SHALE_EPERM;
    return shale_epoch_close(domain->epoch, (enum shale_epoch_close)domain->close, budget_ns);
}

/* The epoch may outlive the domain, while it drains; it is charged to nobody then. */
static enum slab_step leave_account(struct slab_thr *thr, void *argument)
{
    shale_domain *domain = argument;
    (void)thr;
    return slab_epoch_drop_account(domain->epoch, &domain->account);
}

SHALE_EXPORT int shale_domain_destroy(shale_domain *domain)
{
    int error = 0;
    /* ORDER DOMAIN1 acquire <- release in leave() [domain.c]. Who left is done with it. */
    if (shale_atomic_load_acquire(&domain->inside) != 0 ||
        shale_atomic_load_acquire(&domain->children) != 0)
        return SHALE_EBUSY;
    if (!domain->wrapped) {
        error = shale_domain_force_close(domain, 0);
        while (slab_patiently(leave_account, domain) == SLAB_BUSY)
            slab_wait();
    }
    if (domain->parent != NULL) {
        /* ORDER DOMAIN1 release -> acquire in shale_domain_destroy() [domain.c]. The child's use of
         * its parent is over. Test domain_parents_outlive_children. */
        shale_atomic_fetch_sub_release(&domain->parent->children, 1);
    }
    slab_free(domain);
    return error == SHALE_ESTALE ? 0 : error; /* it was closed before */
}

/* ---- inside ------------------------------------------------------------------------------------
 */

static void set_implicit(const struct slab_thr *thr)
{
    const shale_domain *top = thr->depth == 0 ? NULL : thr->domains[thr->depth - 1];
    slab_domain_implicit = top != NULL && top->implicit ? top->epoch : 0;
}

SHALE_EXPORT int shale_domain_enter(shale_domain *domain)
{
    struct slab_thr *thr = slab_begin();
    bool late = thr == NULL || thr->id == SLAB_LATE;
    if (thr != NULL)
        slab_finish(thr);
    if (late)
        return SHALE_ENOMEM;
    if (thr->depth == SHALE_DOMAIN_DEPTH_MAX)
        return SHALE_ERANGE;
    /* Counted before the look: who leaves last closes, and finds this thread inside or gone. */
    shale_atomic_fetch_add_relaxed(&domain->inside, 1);
    if (!is_open(domain)) {
        shale_atomic_fetch_sub_release(&domain->inside, 1); /* ORDER DOMAIN1 release -> acquire in
                                                             * shale_domain_destroy() [domain.c]. */
        return SHALE_ESTALE;
    }
    shale_atomic_fetch_add_relaxed(&domain->entered, 1);
    thr->domains[thr->depth++] = domain;
    set_implicit(thr);
    return 0;
}

/* One thread less; the last one closes. */
static int leave(shale_domain *domain)
{
    bool closes = domain->auto_close && !domain->wrapped;
    uint64_t epoch = domain->epoch;
    unsigned how = domain->close;
    /* ORDER DOMAIN1 release -> acquire in shale_domain_destroy() [domain.c]. From here on another
     * thread may destroy it. Test domain_many_threads_inside. */
    bool last = shale_atomic_fetch_sub_release(&domain->inside, 1) == 1;
    if (!closes || !last)
        return 0;
    int error = slab_close(epoch, how, 0);
    return error == SHALE_EDEFERRED ? error : 0; /* somebody else may have closed it */
}

SHALE_EXPORT int shale_domain_exit(shale_domain *domain)
{
    struct slab_thr *thr = slab_self;
    if (thr->depth == 0 || thr->domains[thr->depth - 1] != domain)
        return SHALE_EINVAL;
    thr->depth--;
    set_implicit(thr);
    return leave(domain);
}

void slab_domain_leave_all(struct slab_thr *thr)
{
    slab_domain_implicit = 0;
    while (thr->depth != 0)
        (void)leave(thr->domains[--thr->depth]);
}

SHALE_EXPORT shale_domain *shale_domain_current(void)
{
    const struct slab_thr *thr = slab_self;
    return thr->depth == 0 ? NULL : thr->domains[thr->depth - 1];
}

SHALE_EXPORT shale_domain *shale_domain_scope_enter(shale_domain *domain)
{
    return shale_domain_enter(domain) == 0 ? domain : NULL;
}

SHALE_EXPORT void shale_domain_scope_exit(shale_domain *const *domain)
{
    if (*domain != NULL)
        (void)shale_domain_exit(*domain);
}

/* ---- blocks and quotas -------------------------------------------------------------------------
 */

SHALE_EXPORT shale_epoch shale_domain_epoch(const shale_domain *domain)
{
    return domain->epoch;
}

SHALE_EXPORT void *shale_domain_alloc(const shale_domain *domain, size_t size)
{
    return shale_epoch_alloc(domain == NULL ? 0 : domain->epoch, size);
}

SHALE_EXPORT void *shale_domain_calloc(const shale_domain *domain, size_t count, size_t size)
{
    return shale_epoch_calloc(domain == NULL ? 0 : domain->epoch, count, size);
}

/* The first of the chain whose quota has no room for what a request takes at least. */
static shale_domain *who_refused(struct slab_account *account, size_t size)
{
    uint64_t units = size / SLAB_UNIT_SIZE + 1;
    for (struct slab_account *a = account; a != NULL; a = a->parent)
        if (a->limit != 0 &&
            (shale_atomic_load_relaxed(&a->used) + units > a->limit || a->parent == NULL))
            return SHALE_CONTAINER_OF(a, shale_domain, account);
    return account == NULL ? NULL : SHALE_CONTAINER_OF(account, shale_domain, account);
}

void slab_domain_tell(struct slab_account *account, size_t size)
{
    shale_domain *domain = who_refused(account, size);
    if (domain == NULL)
        return;
    shale_atomic_fetch_add_relaxed(&domain->refusals, 1);
    if (domain->refused != NULL)
        domain->refused(domain, size, domain->context);
}

SHALE_EXPORT void shale_domain_query(const shale_domain *domain, struct shale_domain_info *info)
{
    *info = (struct shale_domain_info){
        .epoch = domain->epoch,
        .parent = domain->parent,
        .used_bytes = shale_atomic_load_relaxed(&domain->account.used) << SLAB_UNIT_SHIFT,
        .quota_bytes = domain->account.limit << SLAB_UNIT_SHIFT,
        .inside = shale_atomic_load_relaxed(&domain->inside),
        .children = shale_atomic_load_relaxed(&domain->children),
        .entered = shale_atomic_load_relaxed(&domain->entered),
        .refused = shale_atomic_load_relaxed(&domain->refusals),
        .open = is_open(domain),
    };
}
