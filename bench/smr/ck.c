/* SPDX-License-Identifier: MIT */
/* Concurrency Kit's ck_epoch, polled by the retiring thread every 128 calls as Shale scans. */
#include <ck_epoch.h>
#include <stdlib.h>

#include "subject.h"

_Static_assert(sizeof(ck_epoch_entry_t) <= sizeof(((struct node *)NULL)->peer), "the entry fits");

enum { POLL_EVERY = 128 };

static ck_epoch_t epoch;
static _Thread_local ck_epoch_record_t *record;

static void reclaim(ck_epoch_entry_t *entry)
{
    (void)entry;
}

static bool start(void)
{
    ck_epoch_init(&epoch);
    return true;
}

static void attach(void)
{
    record = ck_epoch_recycle(&epoch, NULL);
    if (record)
        return;
    record = aligned_alloc(64, (sizeof *record + 63) / 64 * 64);
    if (!record)
        abort();
    ck_epoch_register(&epoch, record, NULL);
}

static void detach(void)
{
    ck_epoch_barrier(record);
    ck_epoch_unregister(record);
}

static void guards(uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        ck_epoch_begin(record, NULL);
        ck_epoch_end(record, NULL);
    }
}

static void hops(struct node *_Atomic *head, uint64_t count)
{
    void **place = (void **)head;
    ck_epoch_begin(record, NULL);
    for (uint64_t i = 0; i < count; i++)
        place = (void **)&((struct node *)ck_pr_load_ptr(place))->next;
    ck_epoch_end(record, NULL);
}

static void retires(struct node *nodes, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        ck_epoch_begin(record, NULL);
        ck_epoch_call(record, (ck_epoch_entry_t *)nodes[i].peer, reclaim);
        ck_epoch_end(record, NULL);
        if (i % POLL_EVERY == POLL_EVERY - 1)
            ck_epoch_poll(record);
    }
}

const struct subject subject_ck = {"ck_epoch", start, attach, detach, guards, hops, retires, NULL};
