/* SPDX-License-Identifier: MIT */
/* What <shale/epoch.h> promises. Layer 1. */
#include <shale/epoch.h>

#include <errno.h>
#include <string.h>

#include "slab/cache.h"
#include "slab/close.h"
#include "slab/epoch_blocks.h"
#include "slab/epoch_units.h"
#include "slab/fast.h"
#include "slab/late.h"
#include "slab/malloc.h"
#include "slab/reclaim.h"
#include "slab/region.h"
#include "slab/registry.h"
#include "slab/slow.h"

enum { ALIGNMENT_MAX = 1 << 20, SHRINK_SHARE = 2 };

static _Atomic uint64_t current;

/* ---- blocks ------------------------------------------------------------------------------------
 */

static bool is_region(uint64_t epoch)
{
    return slab_epoch_exists(epoch) &&
           slab_head_at(slab_slot_of(epoch))->kind == SHALE_EPOCH_REGION;
}

/* Finishes what a fast path began; *zero as in slab_calloc_fast. */
static void *alloc_slow(uint64_t epoch, size_t size, uint32_t old, bool *zero)
{
    struct slab_request request = {.epoch = epoch, .large.size = size};
    *zero = false;
    if (is_region(epoch))
        return slab_region_alloc(epoch, size, 0, old);
    struct slab_thr *thr = slab_resume(old);
    if (thr == NULL)
        return slab_refuse(&request);
    request.class = slab_class_of(size);
    if (!slab_alloc_class(thr, &request))
        return slab_refuse(&request);
    *zero = request.large.zero;
    return request.large.block;
}

/* Above SLAB_DIRECT_MAX: the class, or units, or segments. */
static void *alloc_middle(uint64_t epoch, size_t size, bool *zero)
{
    size_t most = is_region(epoch) ? SLAB_REGION_MAX : SLAB_CLASS_MAX;
    if (size > most)
        return slab_alloc_large(epoch, size, 0, zero);
    uint32_t old = shale_atomic_load_relaxed(&slab_self->op);
    shale_atomic_store_relaxed(&slab_self->op, 1);
    shale_compiler_barrier();
    return alloc_slow(epoch, size, old, zero);
}

static SHALE_NOINLINE void *alloc_small_slow(uint64_t epoch, size_t size, uint32_t old)
{
    bool zero;
    return alloc_slow(epoch, size, old, &zero);
}

static SHALE_NOINLINE void *alloc_elsewhere(uint64_t epoch, size_t size)
{
    bool zero;
    return epoch == 0 ? slab_malloc(size) : alloc_middle(epoch, size, &zero);
}

SHALE_EXPORT void *shale_epoch_alloc(shale_epoch epoch, size_t size)
{
    struct slab_thr *thr = slab_self;
    struct slab_block *block;
    if (SHALE_UNLIKELY(size > SLAB_DIRECT_MAX))
        return alloc_elsewhere(epoch, size);
    uint32_t old = shale_atomic_load_relaxed(&thr->op);
    shale_atomic_store_relaxed(&thr->op, 1);
    shale_compiler_barrier();
    /* ORDER BIAS2 acquire <- release in slab_let_go() [bias.c]. As in slab_enter. */
    if (SHALE_UNLIKELY((old | shale_atomic_load_acquire(&thr->attn)) != 0))
        return alloc_small_slow(epoch, size, old);
    const struct slab_recent *recent = &thr->recent[epoch % SLAB_RECENT];
    if (recent->id == epoch) {
        struct slab_hot *hot = recent->cache->direct[(size + 15) >> 4];
        block = hot->free;
        if (block != NULL)
            hot->free = block->next;
        else if (SHALE_UNLIKELY((block = slab_take_fresh(hot)) == NULL))
            return alloc_small_slow(epoch, size, 0);
        hot->allocs++;
    } else {
        if (SHALE_UNLIKELY((recent->id ^ SLAB_REGION_ID) != epoch ||
                           (block = slab_region_bump(recent->cache, size)) == NULL))
            return alloc_small_slow(epoch, size, 0);
    }
    /* ORDER BIAS1 release -> acquire in is_outside() [bias.c]. As in slab_leave. */
    shale_atomic_store_release(&thr->op, 0);
    return block;
}

SHALE_EXPORT void *shale_epoch_calloc(shale_epoch epoch, size_t count, size_t size)
{
    size_t total;
    bool zero = false;
    if (epoch == 0)
        return slab_calloc(count, size);
    if (__builtin_mul_overflow(count, size, &total)) {
        errno = ENOMEM;
        return NULL;
    }
    void *block = alloc_middle(epoch, total, &zero);
    if (block == NULL)
        return NULL;
    if (zero && total > SLAB_CLASS_MAX)
        return block;
    if (!zero)
        return memset(block, 0, total);
    ((struct slab_block *)block)->next = NULL;
    return block;
}

SHALE_EXPORT void *shale_epoch_aligned(shale_epoch epoch, size_t alignment, size_t size)
{
    bool zero;
    if (!SHALE_IS_POWER_OF_TWO(alignment) || alignment > ALIGNMENT_MAX) {
        errno = EINVAL;
        return NULL;
    }
    if (epoch == 0)
        return slab_aligned(alignment, size);
    if (alignment <= 16)
        return shale_epoch_alloc(epoch, size);
    if (is_region(epoch) && size <= SLAB_REGION_MAX && alignment <= SLAB_REGION_MAX) {
        uint32_t old = shale_atomic_load_relaxed(&slab_self->op);
        shale_atomic_store_relaxed(&slab_self->op, 1);
        shale_compiler_barrier();
        return slab_region_alloc(epoch, size, alignment, old);
    }
    size_t bytes = alignment > SLAB_UNIT_SIZE ? 0 : slab_class_aligned_bytes(size, alignment);
    if (bytes == 0 || is_region(epoch))
        return slab_alloc_large(epoch, size, alignment, &zero);
    return shale_epoch_alloc(epoch, bytes);
}

SHALE_EXPORT void shale_epoch_free(void *block)
{
    slab_free_fast(block);
}

SHALE_EXPORT size_t shale_epoch_usable_size(const void *block)
{
    return slab_usable_size(block);
}

static uint64_t epoch_of(const void *block)
{
    uint32_t slot = slab_unit_at(slab_first_unit(slab_index_of(block)))->epoch;
    return slot == 0 ? 0 : shale_atomic_load_relaxed(&slab_head_at(slot)->id);
}

SHALE_EXPORT int shale_epoch_of(const void *block, shale_epoch *epoch)
{
    size_t size = slab_usable_size(block);
    if (size == 0)
        return SHALE_ENOENT;
    *epoch = slab_in_range(block) ? epoch_of(block) : 0;
    return 0;
}

SHALE_EXPORT void *shale_epoch_realloc(void *block, size_t size)
{
    if (slab_usable_size(block) != 0)
        return slab_realloc(block, size);
    errno = EINVAL;
    return NULL;
}

void *slab_epoch_realloc(void *block, size_t old_size, size_t size)
{
    bool region = slab_unit_state_of(slab_first_unit(slab_index_of(block))) == SLAB_UNIT_REGION;
    if (size <= old_size && (region || size >= old_size / SHRINK_SHARE))
        return block; /* a region's block frees nothing by moving */
    void *moved = shale_epoch_alloc(epoch_of(block), size);
    if (moved == NULL)
        return NULL;
    memcpy(moved, block, old_size < size ? old_size : size);
    slab_free_fast(block);
    return moved;
}

/* ---- epochs ------------------------------------------------------------------------------------
 */

SHALE_EXPORT int shale_epoch_open(const struct shale_epoch_options *options, shale_epoch *epoch)
{
    return slab_epoch_open(options, NULL, epoch);
}

SHALE_EXPORT int shale_epoch_close(shale_epoch epoch, enum shale_epoch_close how,
                                   uint64_t budget_ns)
{
    if (epoch == 0 || (unsigned)how > SHALE_EPOCH_DISCARD)
        return SHALE_EINVAL;
    slab_close_pending(budget_ns);
    return slab_close(epoch, how, budget_ns);
}

SHALE_EXPORT shale_epoch shale_epoch_current(void)
{
    /* ORDER EPOCH3 acquire <- release in shale_epoch_advance() [epoch.c]. See there. */
    return shale_atomic_load_acquire(&current);
}

SHALE_EXPORT int shale_epoch_advance(const struct shale_epoch_options *options,
                                     enum shale_epoch_close how, shale_epoch *epoch)
{
    uint64_t next;
    if ((unsigned)how > SHALE_EPOCH_DISCARD)
        return SHALE_EINVAL;
    int error = slab_epoch_open(options, NULL, &next);
    if (error != 0)
        return error;
    /* ORDER EPOCH3 release -> acquire in shale_epoch_current() [epoch.c]. Who gets the id finds
     * the epoch open. Test epoch_four_workers_and_a_closer. */
    uint64_t last = shale_atomic_exchange_release(&current, next);
    if (epoch != NULL)
        *epoch = next;
    if (last == 0)
        return 0;
    error = slab_close(last, how, 0);
    return error == SHALE_ESTALE ? 0 : error; /* its user closed it before */
}

/* The head of an epoch that has not ended. */
static struct slab_epoch_head *find_head(uint64_t epoch)
{
    if (!slab_epoch_exists(epoch))
        return NULL;
    struct slab_epoch_head *head = slab_head_at(slab_slot_of(epoch));
    /* ORDER EPOCH2 acquire <- release in fill_head() [registry.c]. The head is its epoch's. */
    return shale_atomic_load_acquire(&head->id) == epoch ? head : NULL;
}

SHALE_EXPORT int shale_epoch_ref(shale_epoch epoch)
{
    struct slab_epoch_head *head = find_head(epoch);
    if (epoch == 0)
        return 0;
    if (head == NULL)
        return SHALE_ESTALE;
    uint64_t word = shale_atomic_load_relaxed(&head->word);
    do {
        if ((word & 0xff) != SLAB_EPOCH_ACTIVE)
            return SHALE_ESTALE;
        /* ORDER EPOCH4 acquire <- release in shale_epoch_unref() [epoch.c]. */
    } while (!shale_atomic_cas_weak_acquire(&head->word, &word, word + 256));
    if (find_head(epoch) == head)
        return 0;
    /* The slot had another epoch by then: that one's reference goes back. */
    (void)shale_epoch_unref(shale_atomic_load_relaxed(&head->id));
    return SHALE_ESTALE;
}

SHALE_EXPORT int shale_epoch_unref(shale_epoch epoch)
{
    struct slab_epoch_head *head = find_head(epoch);
    if (epoch == 0)
        return 0;
    if (head == NULL)
        return SHALE_ESTALE;
    uint64_t word = shale_atomic_load_relaxed(&head->word);
    do {
        if (word >> 8 == 0)
            return SHALE_ESTALE;
        /* ORDER EPOCH4 release -> acquire in shale_epoch_ref() [epoch.c], slab_close_unreferenced()
         * [close.c]. The holder's use of the blocks comes before their end. Test
         * epoch_discard_waits_for_references. */
    } while (!shale_atomic_cas_weak_release(&head->word, &word, word - 256));
    slab_close_unreferenced(head);
    slab_close_pending(0);
    return 0;
}

static void copy_label(const struct slab_epoch_head *head, char *label)
{
    uint64_t words[SLAB_LABEL_WORDS];
    for (unsigned i = 0; i < SLAB_LABEL_WORDS; i++)
        words[i] = shale_atomic_load_relaxed(&head->label[i]);
    memcpy(label, words, sizeof(words));
}

_Static_assert(SLAB_LABEL_WORDS * sizeof(uint64_t) == SHALE_EPOCH_LABEL_MAX, "one size of labels");

struct counting {
    struct slab_epoch *epoch;
    uint64_t *units;
};

static enum slab_step count_used(struct slab_thr *thr, void *argument)
{
    const struct counting *counting = argument;
    (void)thr;
    if (!slab_internal_try(&counting->epoch->lock))
        return SLAB_BUSY;
    *counting->units = slab_epoch_live_units(counting->epoch);
    shale_lock_release(&counting->epoch->lock);
    return SLAB_DONE;
}

SHALE_EXPORT int shale_epoch_query(shale_epoch epoch, struct shale_epoch_info *info)
{
    struct slab_epoch_head *head = find_head(epoch);
    if (head == NULL)
        return SHALE_ESTALE;
    uint64_t word = shale_atomic_load_relaxed(&head->word);
    struct slab_epoch *lists = slab_epoch_at(slab_slot_of(epoch));
    uint64_t used = 0;
    while (slab_patiently(count_used, &(struct counting){lists, &used}) == SLAB_BUSY)
        slab_wait();
    struct shale_epoch_info told = {
        .epoch = epoch,
        .state = (enum shale_epoch_state)(word & 0xff),
        .kind = (enum shale_epoch_kind)head->kind,
        .flags = head->flags,
        .policy = (enum shale_epoch_policy)head->policy,
        .references = (uint32_t)(word >> 8),
        .opened_ns = head->opened_ns,
        .used_bytes = used << SLAB_UNIT_SHIFT,
    };
    copy_label(head, told.label);
    shale_fence_acquire(); /* ORDER EPOCH2 acquire <- release in fill_head() [registry.c]. What was
                            * copied is this epoch's if the id is so still. */
    if (shale_atomic_load_relaxed(&head->id) != epoch)
        return SHALE_ESTALE;
    *info = told;
    return 0;
}

SHALE_EXPORT int shale_epoch_next(shale_epoch after, shale_epoch *epoch)
{
    uint32_t slots = shale_atomic_load_relaxed(&slab_range_slots);
    for (uint64_t slot = (uint64_t)slab_slot_of(after) + 1; slot < slots; slot++) {
        uint64_t id = shale_atomic_load_relaxed(&slab_head_at((uint32_t)slot)->id);
        if (id != 0) {
            *epoch = id;
            return 0;
        }
    }
    return SHALE_ENOENT;
}

SHALE_EXPORT int shale_epoch_find(const char *label, shale_epoch *epoch)
{
    struct shale_epoch_info info;
    for (shale_epoch id = 0; shale_epoch_next(id, &id) == 0;) {
        if (shale_epoch_query(id, &info) == 0 &&
            strncmp(info.label, label, SHALE_EPOCH_LABEL_MAX - 1) == 0) {
            *epoch = id;
            return 0;
        }
    }
    return SHALE_ENOENT;
}

SHALE_EXPORT uint64_t shale_reclaim(uint64_t max_bytes, uint64_t max_ns)
{
    struct slab_thr *thr = slab_begin();
    if (thr == NULL)
        return 0;
    bool late = thr->id == SLAB_LATE;
    slab_finish(thr);
    return late ? 0 : slab_reclaim_within(thr, max_bytes, max_ns);
}

SHALE_EXPORT uint32_t shale_epoch_max(void)
{
    if (slab_range.base == NULL)
        slab_free(slab_malloc(1)); /* starts the engine */
    return slab_range.slots == 0 ? 0 : slab_range.slots - 1;
}

SHALE_EXPORT uint32_t shale_epoch_count(void)
{
    return slab_registry_open();
}
