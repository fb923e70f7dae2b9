/* SPDX-License-Identifier: MIT */
/* Batches, words and inboxes. Layer 1. */
#include "slab/remote.h"

#include "base/probe.h"
#include "slab/class.h"
#include "slab/epoch.h"
#include "slab/orphan.h"
#include "slab/secure.h"

enum {
    BATCH_BLOCKS = 32,
    BATCH_BYTES = 16384,
    DEPTH_TOLD = 8, /* messages after which the owner is told by its attn */
    DEPTH_MAX = 0xffff,
};

#define COUNT_OF(word) ((uint32_t)((word) >> SLAB_REM_COUNT_SHIFT))
#define COUNT(n)       ((uint64_t)(n) << SLAB_REM_COUNT_SHIFT)

/* Word 1 of a message's first block. */
struct message {
    struct slab_block *chain;
    uint64_t next; /* count << 48 | next message */
};

_Static_assert(sizeof(struct message) <= 16, "the smallest block holds a message");

static uint64_t encode(uint32_t unit, const struct slab_block *block)
{
    return (uint64_t)((const char *)block - slab_unit_address(unit)) / 16 + 1;
}

static struct slab_block *decode(uint32_t unit, uint64_t word)
{
    uint64_t head = word & SLAB_REM_HEAD_MASK;
    return head == 0 ? NULL
                     : (struct slab_block *)(void *)(slab_unit_address(unit) + (head - 1) * 16);
}

/* ---- sending ----------------------------------------------------------------------------------
 */

/* Where a chain of two or more blocks keeps its tail: word 1 of its second block. */
static uint64_t *tail_of(struct slab_block *head)
{
    return &((struct message *)(void *)slab_next(head))->next;
}

/* False: it is closed, or full. A full one is that of an owner who is asked to collect it all. */
static bool push_message(uint32_t owner, struct slab_block *head, struct slab_block *tail,
                         uint32_t count)
{
    struct slab_thr *thr = slab_thr_at(owner);
    struct message *message = (struct message *)(void *)head;
    if (count > 1)
        *tail_of(head) = (uint64_t)(uintptr_t)tail;
    uint64_t inbox = shale_atomic_load_relaxed(&thr->inbox);
    uint64_t depth;
    uint64_t next;
    do {
        depth = (inbox >> SLAB_INBOX_DEPTH_SHIFT) + 1;
        if (depth > DEPTH_MAX)
            shale_atomic_fetch_or_relaxed(&thr->attn, SLAB_ATTN_TIDY);
        if (inbox == SLAB_INBOX_CLOSED || depth > DEPTH_MAX)
            return false;
        message->next = COUNT(count) | (inbox & SLAB_INBOX_ADDRESS);
        next = depth << SLAB_INBOX_DEPTH_SHIFT | (uint64_t)(uintptr_t)head;
        /* ORDER REMOTE2 release -> acquire in take_inbox() [remote.c]. Publishes the chain. Without
         * it the owner would follow old links. Test remote_messages_reach_owner. */
    } while (!shale_atomic_cas_weak_release(&thr->inbox, &inbox, next));
    if (depth == DEPTH_TOLD)
        shale_atomic_fetch_or_relaxed(&thr->attn, SLAB_ATTN_INBOX);
    return true;
}

/* What became of one try to send. */
enum sent { SENT, AGAIN, LAST, WRONG, SENT_MESSAGE };

static enum sent send_to_orphan(uint32_t unit, uint64_t *word, struct slab_block *head,
                                struct slab_block *tail, uint32_t count)
{
    uint32_t live = COUNT_OF(*word);
    if (count > live)
        return WRONG;
    slab_set_next(tail, decode(unit, *word));
    uint64_t next = SLAB_REM_ORPHAN | COUNT(live - count) | encode(unit, head);
    if (count == live)
        next = SLAB_REM_DEAD;
    /* ORDER ORPHAN1 acq_rel <-> acq_rel in slab_adopt() [orphan.c], slab_make_orphan() [orphan.c].
     * Publishes the chain to an adopter; who counts to 0 sees the last owner's hot line. Test
     * orphan_counted_down_by_many_released_once. */
    if (!shale_atomic_cas_acq_rel(&slab_rem_at(unit)->word, word, next))
        return AGAIN;
    return count == live ? LAST : SENT;
}

static enum sent send_to_owner(uint32_t unit, uint64_t *word, struct slab_block *head,
                               struct slab_block *tail, uint32_t count)
{
    struct slab_rem *rem = slab_rem_at(unit);
    if ((*word & SLAB_REM_NOTIFY) != 0) {
        slab_set_next(tail, NULL); /* an earlier try may have chained it */
        if (count > 1 && slab_next(head) == NULL)
            return WRONG; /* the tail is among the others: freed twice */
        /* ORDER REMOTE3 acquire <- release in slab_arm() [remote.c]. The owner that armed is the
         * one read next. Test remote_messages_reach_owner. */
        if (!shale_atomic_cas_acquire(&rem->word, word, 0))
            return AGAIN;
        uint32_t owner = slab_owner_of(unit);
        if (owner != SLAB_NONE && push_message(owner, head, tail, count))
            return SENT_MESSAGE;
        /* It exits, or has enough to collect: see what the slab is now. */
        *word = shale_atomic_load_relaxed(&rem->word);
        return AGAIN;
    }
    if (COUNT_OF(*word) + count > DEPTH_MAX)
        return WRONG;
    slab_set_next(tail, decode(unit, *word));
    uint64_t next = COUNT(COUNT_OF(*word) + count) | encode(unit, head);
    /* ORDER REMOTE1 release -> acquire in slab_collect() [remote.c]. Publishes the chain, and all
     * that the freeing thread did with the blocks. Test remote_words_collected_whole. */
    return shale_atomic_cas_release(&rem->word, word, next) ? SENT : AGAIN;
}

static enum sent send(uint32_t unit, struct slab_block *head, struct slab_block *tail,
                      uint32_t count)
{
    uint64_t word = shale_atomic_load_relaxed(&slab_rem_at(unit)->word);
    enum sent sent;
    do {
        if ((word & SLAB_REM_DEAD) != 0)
            sent = WRONG;
        else if ((word & SLAB_REM_ORPHAN) != 0)
            sent = send_to_orphan(unit, &word, head, tail, count);
        else
            sent = send_to_owner(unit, &word, head, tail, count);
    } while (sent == AGAIN);
    return sent;
}

static void send_counted(struct slab_thr *thr, uint32_t unit, struct slab_block *head,
                         struct slab_block *tail, uint32_t count)
{
    enum sent sent = send(unit, head, tail, count);
    SLAB_COUNT(thr, flushes, 1);
    SHALE_PROBE2(slab_send, unit, count);
    if (sent == SENT_MESSAGE)
        SLAB_COUNT(thr, messages_sent, 1);
    else if (sent == WRONG)
        SLAB_COUNT(thr, misuse, 1);
    else if (sent == LAST)
        slab_bury(unit);
}

/* A batch of a slab that lives no more (its epoch was discarded) is dropped. */
static void flush(struct slab_thr *thr, struct slab_batch *batch)
{
    uint32_t unit = batch->unit;
    if (shale_atomic_load_relaxed(&slab_unit_at(unit)->generation) == batch->generation)
        send_counted(thr, unit, batch->head, batch->tail, batch->count);
    else
        SLAB_COUNT(thr, dropped, batch->count);
    batch->count = 0;
}

static void start_batch(struct slab_batch *batch, struct slab_block *block, uint32_t unit,
                        uint32_t generation)
{
    /* The size from the unit: the hot line is the owner's. */
    uint32_t limit = BATCH_BYTES / slab_class_sizes[slab_unit_at(unit)->class];
    batch->head = batch->tail = block;
    slab_set_next(block, NULL);
    batch->unit = unit;
    batch->generation = generation;
    batch->count = 1;
    batch->limit = limit < 1 ? 1 : limit > BATCH_BLOCKS ? BATCH_BLOCKS : limit;
}

/*
 * Tells whoever closes the epoch that others know of its slabs. What the unit said before that must
 * be looked at again after it.
 * @return false: the slab is gone.
 */
static bool tell_epoch(uint32_t unit, uint32_t generation)
{
    struct slab_unit *entry = slab_unit_at(unit);
    struct slab_epoch_head *head = slab_head_at(entry->epoch);
    if (entry->epoch == 0)
        return true;
    if (shale_atomic_load_relaxed(&head->remote) == 0) {
        /* ORDER CLOSE1 seq_cst <-> seq_cst in is_quiet() [close.c]. Either the closer sees this, or
         * what it did to the slab is seen below. Without it a block could reach the next life of
         * its slab. Test epoch_discard_races_with_frees. */
        shale_atomic_store_seq_cst(&head->remote, 1);
    }
    return shale_atomic_load_relaxed(&entry->generation) == generation &&
           slab_unit_state_of(unit) == SLAB_UNIT_SLAB;
}

void slab_free_remote(struct slab_thr *thr, void *address, uint32_t unit)
{
    struct slab_block *block = address;
    struct slab_unit *entry = slab_unit_at(unit);
    struct slab_batch *batch = &thr->batches[unit % SLAB_BATCHES];
    uint32_t generation = shale_atomic_load_relaxed(&entry->generation);
    SLAB_COUNT(thr, remote_frees, 1);
    if (!tell_epoch(unit, generation)) {
        SLAB_COUNT(thr, misuse, 1);
        return;
    }
    if (slab_owner_of(unit) == SLAB_NONE) {
        send_counted(thr, unit, block, block, 1);
        return;
    }
    if (batch->count != 0 && batch->unit == unit && batch->generation == generation) {
        if (block == batch->head) { /* twice in a row */
            SLAB_COUNT(thr, misuse, 1);
            return;
        }
        slab_set_next(block, batch->head);
        batch->head = block;
        batch->count++;
    } else {
        if (batch->count != 0)
            flush(thr, batch);
        start_batch(batch, block, unit, generation);
    }
    if (batch->count >= batch->limit)
        flush(thr, batch);
}

void slab_free_signal(void *block, uint32_t unit)
{
    uint32_t generation = shale_atomic_load_relaxed(&slab_unit_at(unit)->generation);
    if (tell_epoch(unit, generation) && send(unit, block, block, 1) == LAST)
        slab_bury(unit);
}

void slab_flush_batches(struct slab_thr *thr)
{
    for (unsigned i = 0; i < SLAB_BATCHES; i++)
        if (thr->batches[i].count != 0)
            flush(thr, &thr->batches[i]);
}

/* ---- receiving --------------------------------------------------------------------------------
 */

void slab_collect(struct slab_thr *thr, struct slab_hot *hot)
{
    struct slab_rem *rem = slab_rem_at(hot->unit);
    if (COUNT_OF(shale_atomic_load_relaxed(&rem->word)) == 0)
        return;
    /* ORDER REMOTE1 acquire <- release in send_to_owner() [remote.c]. The whole chain is seen. */
    uint64_t word = shale_atomic_exchange_acquire(&rem->word, 0);
    slab_take_back(hot, decode(hot->unit, word), NULL, COUNT_OF(word));
    SLAB_COUNT(thr, collected, COUNT_OF(word));
    SHALE_PROBE2(slab_collect, hot->unit, COUNT_OF(word));
}

void slab_arm(struct slab_thr *thr, struct slab_hot *hot)
{
    struct slab_rem *rem = slab_rem_at(hot->unit);
    /* Only the owner arms: what is armed stays so until a message is on the way. */
    if (shale_atomic_load_relaxed(&rem->word) == SLAB_REM_NOTIFY)
        return;
    for (;;) {
        uint64_t word = 0;
        /* ORDER REMOTE3 release -> acquire in send_to_owner() [remote.c]. Publishes who owns the
         * slab, and that it waits for a message. */
        if (shale_atomic_cas_release(&rem->word, &word, SLAB_REM_NOTIFY))
            return;
        if ((word & SLAB_REM_NOTIFY) != 0)
            return;
        slab_collect(thr, hot);
    }
}

static bool is_in_slab(uint32_t unit, const void *block)
{
    return slab_in_range(block) && slab_first_unit(slab_index_of(block)) == unit;
}

/* NULL: it is not there any more; a block was freed twice, and used in between. */
static struct slab_block *find_tail(uint32_t unit, struct slab_block *chain, uint32_t count)
{
    if (count == 1)
        return chain;
    if (!is_in_slab(unit, slab_next(chain)))
        return NULL;
    struct slab_block *tail = (struct slab_block *)(uintptr_t)*tail_of(chain);
    return is_in_slab(unit, tail) ? tail : NULL;
}

/* The batch in a message: ours goes back to its slab, another's is sent on. */
static void handle(struct slab_thr *thr, struct slab_block *chain, uint32_t count)
{
    uint32_t unit = slab_first_unit(slab_index_of(chain));
    SLAB_COUNT(thr, messages_received, 1);
    if (slab_unit_state_of(unit) != SLAB_UNIT_SLAB) { /* its epoch was discarded meanwhile */
        SLAB_COUNT(thr, dropped, count);
        return;
    }
    struct slab_block *tail = find_tail(unit, chain, count);
    if (tail == NULL) {
        SLAB_COUNT(thr, misuse, 1);
        return;
    }
    if (slab_owner_of(unit) != thr->id) {
        SLAB_COUNT(thr, forwarded, 1);
        send_counted(thr, unit, chain, tail, count);
        return;
    }
    struct slab_hot *hot = slab_hot_at(unit);
    slab_take_back(hot, chain, tail, count);
    SLAB_COUNT(thr, collected, count);
    SHALE_PROBE2(slab_collect, unit, count);
    if (hot->list != SLAB_LIST_CURRENT)
        slab_arm(thr, hot);
    slab_reclassify(thr, hot);
}

/* Its messages are those that the thread looks at next: there were none. */
static void take_inbox(struct slab_thr *thr, uint64_t replacement)
{
    /* ORDER REMOTE2 acquire <- release in push_message() [remote.c]. All messages, whole. */
    uint64_t inbox = shale_atomic_exchange_acquire(&thr->inbox, replacement);
    if (inbox == SLAB_INBOX_CLOSED)
        return;
    thr->messages = (struct slab_block *)(uintptr_t)(inbox & SLAB_INBOX_ADDRESS);
    thr->messages_left = (uint16_t)(inbox >> SLAB_INBOX_DEPTH_SHIFT);
}

/*
 * Takes a message off the list. Where a block was freed twice the list may be a circle, or lead to
 * what somebody wrote into the block: then the rest is dropped, and NULL is returned.
 */
static struct slab_block *next_message(struct slab_thr *thr, uint32_t *count)
{
    struct slab_block *chain = thr->messages;
    if (thr->messages_left == 0 || !slab_in_range(chain)) {
        SLAB_COUNT(thr, misuse, 1);
        thr->messages = NULL;
        return NULL;
    }
    uint64_t next = ((struct message *)(void *)chain)->next;
    thr->messages = (struct slab_block *)(uintptr_t)(next & SLAB_INBOX_ADDRESS);
    thr->messages_left--;
    __builtin_prefetch(thr->messages);
    *count = COUNT_OF(next);
    return chain;
}

void slab_collect_messages(struct slab_thr *thr, uint32_t max)
{
    if (thr->messages == NULL && shale_atomic_load_relaxed(&thr->inbox) > SLAB_INBOX_CLOSED)
        take_inbox(thr, 0);
    for (uint32_t i = 0; i < max && thr->messages != NULL; i++) {
        uint32_t count;
        struct slab_block *chain = next_message(thr, &count);
        if (chain != NULL)
            handle(thr, chain, count);
    }
}

void slab_close_inbox(struct slab_thr *thr)
{
    /* What it is at already comes first. */
    while (thr->messages != NULL)
        slab_collect_messages(thr, UINT32_MAX);
    take_inbox(thr, SLAB_INBOX_CLOSED);
}
