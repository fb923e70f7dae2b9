/* SPDX-License-Identifier: MIT */
/* Slots, ids, labels and references. Layer 1. */
#include "slab/registry.h"

#include <string.h>

#include "base/clock.h"
#include "base/probe.h"
#include "slab/close.h"
#include "slab/late.h"

/* The top bit stays clear: SLAB_REGION_ID. */
#define SEQUENCE_END ((1ull << 47) - 1)

static struct {
    struct shale_lock lock;
    uint32_t free;  /* first free slot of those that were used before */
    uint32_t fresh; /* slots from here on were never used; 0: none was */
    uint64_t sequence;
    _Atomic uint32_t open;
} registry = {.lock = SHALE_LOCK_INIT(SHALE_RANK_SLAB_INTERNAL)};

struct shale_lock *slab_registry_lock(void)
{
    return &registry.lock;
}

void slab_registry_set_sequence(uint64_t sequence)
{
    registry.sequence = sequence;
}

uint32_t slab_registry_open(void)
{
    return shale_atomic_load_relaxed(&registry.open);
}

bool slab_registry_is_active(uint64_t id)
{
    if (!slab_epoch_exists(id))
        return false;
    const struct slab_epoch_head *head = slab_head_at(slab_slot_of(id));
    return shale_atomic_load_relaxed(&head->id) == id && slab_state_of(head) == SLAB_EPOCH_ACTIVE;
}

uint32_t slab_registry_slot(const struct slab_epoch_head *head)
{
    return (uint32_t)(((const char *)head - (const char *)slab_range.heads) / SLAB_HEAD_SIZE);
}

bool slab_registry_hold(struct slab_epoch_head *head)
{
    uint32_t nobody = 0;
    /* ORDER EPOCH1 acquire <- release in slab_registry_let_go() [registry.c]. What the last one did
     * to the close is seen. */
    return shale_atomic_cas_acquire(&head->busy, &nobody, 1);
}

void slab_registry_let_go(struct slab_epoch_head *head)
{
    /* ORDER EPOCH1 release -> acquire in slab_registry_hold() [registry.c]. Publishes how far the
     * close has come. Without it a phase could be done twice. Test epoch_four_workers_and_a_closer.
     */
    shale_atomic_store_release(&head->busy, 0);
}

/* ---- opening -----------------------------------------------------------------------------------
 */

struct opening {
    const struct shale_epoch_options *options;
    struct slab_account *account;
    uint64_t now;
    uint64_t id;
    uint32_t slot;
};

static void set_label(struct slab_epoch_head *head, const char *label)
{
    uint64_t words[SLAB_LABEL_WORDS] = {0};
    size_t length = label == NULL ? 0 : strnlen(label, sizeof(words) - 1);
    memcpy(words, label == NULL ? "" : label, length);
    for (unsigned i = 0; i < SLAB_LABEL_WORDS; i++)
        shale_atomic_store_relaxed(&head->label[i], words[i]);
}

static void fill_head(const struct opening *opening)
{
    struct slab_epoch_head *head = slab_head_at(opening->slot);
    const struct shale_epoch_options *options = opening->options;
    head->kind = (uint8_t)options->kind;
    head->flags = (uint8_t)options->flags;
    head->policy = (uint8_t)options->policy;
    head->account = opening->account;
    head->opened_ns = opening->now;
    shale_atomic_store_relaxed(&head->remote, 0);
    set_label(head, options->label);
    shale_atomic_store_relaxed(&head->word, SLAB_EPOCH_ACTIVE);
    /* ORDER EPOCH2 release -> acquire in find_head() [epoch.c]. Publishes the head. Without it a
     * look-up could describe the slot's epoch before. Test epoch_query_tells_what_was_asked_for. */
    shale_atomic_store_release(&head->id, opening->id);
}

static enum slab_step open_step(struct slab_thr *thr, void *argument)
{
    struct opening *opening = argument;
    enum slab_step step = SLAB_DONE;
    (void)thr;
    if (!slab_internal_try(&registry.lock))
        return SLAB_BUSY;
    if (registry.fresh == 0)
        registry.fresh = 1; /* slot 0 is the eternal epoch */
    opening->slot = registry.free != 0 ? registry.free : registry.fresh;
    if (registry.sequence >= SEQUENCE_END || opening->slot >= slab_range.slots) {
        step = SLAB_NO_MEMORY;
    } else if (opening->slot >= shale_atomic_load_relaxed(&slab_range_slots)) {
        step = SLAB_GROW;
    } else {
        if (registry.free != 0)
            registry.free = slab_head_at(registry.free)->next;
        else
            registry.fresh++;
        opening->id = ++registry.sequence << SLAB_SLOT_BITS | opening->slot;
        fill_head(opening);
        shale_atomic_add_single_writer(&registry.open, 1);
    }
    shale_lock_release(&registry.lock);
    return step;
}

static bool are_sane(const struct shale_epoch_options *options)
{
    if ((unsigned)options->kind > SHALE_EPOCH_REGION ||
        (unsigned)options->policy > SHALE_EPOCH_RETAIN || (options->flags & ~1u) != 0)
        return false;
    return options->kind == SHALE_EPOCH_SLAB || (options->flags & SHALE_EPOCH_HANDLES) == 0;
}

int slab_epoch_open(const struct shale_epoch_options *options, struct slab_account *account,
                    uint64_t *id)
{
    static const struct shale_epoch_options plain;
    struct opening opening = {.options = options == NULL ? &plain : options, .account = account};
    enum slab_step step;
    if (!are_sane(opening.options))
        return SHALE_EINVAL;
    slab_close_pending(0);
    opening.now = shale_clock_monotonic_ns();
    while ((step = slab_patiently(open_step, &opening)) == SLAB_GROW)
        if (slab_range_grow_slots(opening.slot) != 0)
            return SHALE_ENOMEM;
    if (step != SLAB_DONE)
        return slab_range.base == NULL ? SHALE_ENOMEM : SHALE_ERANGE;
    SHALE_PROBE1(slab_epoch_open, opening.id);
    *id = opening.id;
    return 0;
}

/* ---- the end -----------------------------------------------------------------------------------
 */

void slab_registry_forget(struct slab_epoch *epoch)
{
    size_t from = offsetof(struct slab_epoch, id);
    if (epoch->id != 0)
        memset((char *)epoch + from, 0, sizeof(*epoch) - from);
}

static enum slab_step recycle_step(struct slab_thr *thr, void *argument)
{
    struct slab_epoch_head *head = argument;
    (void)thr;
    if (!slab_internal_try(&registry.lock))
        return SLAB_BUSY;
    shale_atomic_store_relaxed(&head->id, 0);
    shale_atomic_store_relaxed(&head->word, SLAB_EPOCH_FREE);
    head->account = NULL;
    head->next = registry.free;
    registry.free = slab_registry_slot(head);
    shale_atomic_add_single_writer(&registry.open, -1u);
    slab_registry_let_go(head);
    shale_lock_release(&registry.lock);
    return SLAB_DONE;
}

void slab_registry_recycle(uint32_t slot)
{
    while (slab_patiently(recycle_step, slab_head_at(slot)) != SLAB_DONE)
        slab_wait();
}
