/* SPDX-License-Identifier: MIT */
/*
 * From events to steps: which block an address means follows from what was allocated and freed
 * before. A hash table of the live blocks, with linear probing and no tombstones.
 */
#include <stdio.h>
#include <string.h>

#include "read.h"

enum { NONE = 0, FIRST_BITS = 12 };

/* address 0: free */
struct place {
    uint64_t address;
    uint64_t size;
    uint32_t slot;
};

/* A block that its thread is resizing. */
struct held {
    uint64_t size;
    uint32_t slot;
    bool any;
};

struct maker {
    struct steps *steps;
    struct table places; /* struct place, a power of two of them */
    unsigned bits;
    size_t used;
    struct table free_slots; /* uint32_t, a stack */
    size_t free_count;
    struct table held; /* struct held for each thread */
    uint64_t live;
};

static size_t home(const struct maker *maker, uint64_t address)
{
    return (size_t)(address * UINT64_C(0x9E3779B97F4A7C15) >> (64 - maker->bits));
}

static struct place *find(const struct maker *maker, uint64_t address)
{
    struct place *places = maker->places.memory;
    size_t mask = ((size_t)1 << maker->bits) - 1;
    size_t at = home(maker, address);
    while (places[at].address != NONE && places[at].address != address)
        at = (at + 1) & mask;
    return &places[at];
}

static bool grow(struct maker *maker)
{
    struct table old = maker->places;
    size_t count = old.memory ? (size_t)1 << maker->bits : 0;
    maker->places = (struct table){NULL, 0};
    maker->bits = old.memory ? maker->bits + 1 : FIRST_BITS;
    if (!table_resize(&maker->places, sizeof(struct place) << maker->bits)) {
        maker->places = old;
        return false;
    }
    const struct place *places = old.memory;
    for (size_t i = 0; i < count; i++)
        if (places[i].address != NONE)
            *find(maker, places[i].address) = places[i];
    table_free(&old);
    return true;
}

/* Takes a place out and moves up those behind it that had to give way. */
static void take_out(struct maker *maker, struct place *place)
{
    struct place *places = maker->places.memory;
    size_t mask = ((size_t)1 << maker->bits) - 1;
    size_t hole = (size_t)(place - places);
    for (size_t at = (hole + 1) & mask; places[at].address != NONE; at = (at + 1) & mask)
        if (((at - home(maker, places[at].address)) & mask) >= ((at - hole) & mask)) {
            places[hole] = places[at];
            hole = at;
        }
    places[hole].address = NONE;
    maker->used--;
}

static bool push_slot(struct maker *maker, uint32_t slot)
{
    size_t needed = (maker->free_count + 1) * sizeof slot;
    if (needed > maker->free_slots.bytes &&
        !table_resize(&maker->free_slots,
                      maker->free_slots.bytes ? 2 * maker->free_slots.bytes : (size_t)1 << 16))
        return false;
    ((uint32_t *)maker->free_slots.memory)[maker->free_count++] = slot;
    return true;
}

static uint32_t new_slot(struct maker *maker)
{
    if (maker->free_count > 0)
        return ((uint32_t *)maker->free_slots.memory)[--maker->free_count];
    return maker->steps->slots++;
}

static void add(struct maker *maker, const struct trace_event *event,
                enum trace_operation operation, uint32_t slot)
{
    struct steps *steps = maker->steps;
    ((struct step *)steps->table.memory)[steps->count++] = (struct step){
        .size = event->size,
        .slot = slot,
        .thread = event->thread,
        .operation = operation,
        .alignment = event->alignment,
    };
    if (maker->live > steps->live_max)
        steps->live_max = maker->live;
}

static bool release(struct maker *maker, const struct trace_event *event, struct place *place)
{
    uint32_t slot = place->slot;
    maker->live -= place->size;
    take_out(maker, place);
    add(maker, event, TRACE_FREE, slot);
    return push_slot(maker, slot);
}

/* The block `slot` is at the event's address from now on. */
static bool bind(struct maker *maker, const struct trace_event *event,
                 enum trace_operation operation, uint32_t slot)
{
    if (maker->used >= (size_t)1 << maker->bits >> 1 && !grow(maker))
        return false;
    *find(maker, event->address) = (struct place){event->address, event->size, slot};
    maker->used++;
    maker->live += event->size;
    add(maker, event, operation, slot);
    return true;
}

static bool allocated(struct maker *maker, const struct trace_event *event,
                      enum trace_operation operation)
{
    struct place *place = find(maker, event->address);
    if (place->address != NONE) {
        maker->steps->unfreed++;
        if (!release(maker, event, place))
            return false;
    }
    return bind(maker, event, operation, new_slot(maker));
}

static bool freed(struct maker *maker, const struct trace_event *event)
{
    struct place *place = find(maker, event->address);
    if (place->address != NONE)
        return release(maker, event, place);
    maker->steps->foreign++;
    return true;
}

/* Puts a block that was to be resized back where it was. */
static void put_back(struct maker *maker, const struct held *held, uint64_t address)
{
    *find(maker, address) = (struct place){address, held->size, held->slot};
    maker->used++;
    maker->live += held->size;
}

static void hold(struct maker *maker, const struct trace_event *event)
{
    struct held *held = (struct held *)maker->held.memory + event->thread;
    struct place *place = find(maker, event->address);
    *held = (struct held){.size = place->size, .slot = place->slot, .any = place->address != NONE};
    if (!held->any) {
        maker->steps->foreign++;
        return;
    }
    maker->live -= place->size;
    take_out(maker, place);
}

static bool resized(struct maker *maker, const struct trace_event *event, uint64_t before)
{
    struct held *held = (struct held *)maker->held.memory + event->thread;
    struct held was = *held;
    held->any = false;
    if (!was.any)
        return event->address == 0 || allocated(maker, event, TRACE_MALLOC);
    if (event->address == 0 && event->size > 0) {
        put_back(maker, &was, before);
        return true;
    }
    if (event->address == 0) {
        add(maker, event, TRACE_FREE, was.slot);
        return push_slot(maker, was.slot);
    }
    struct place *place = find(maker, event->address);
    if (place->address != NONE) {
        maker->steps->unfreed++;
        if (!release(maker, event, place))
            return false;
    }
    return bind(maker, event, TRACE_REALLOCED, was.slot);
}

static bool follow(struct maker *maker, const struct trace_event *event, uint64_t *resizing)
{
    if (event->thread >= maker->steps->threads)
        maker->steps->threads = event->thread + 1;
    switch (event->operation) {
    case TRACE_FREE:
        return freed(maker, event);
    case TRACE_REALLOC:
        resizing[event->thread] = event->address;
        hold(maker, event);
        return true;
    case TRACE_REALLOCED:
        return resized(maker, event, resizing[event->thread]);
    default:
        return allocated(maker, event, (enum trace_operation)event->operation);
    }
}

static bool make(struct maker *maker, const struct trace *trace)
{
    const struct trace_event *events = trace->events.memory;
    struct table resizing = {NULL, 0}; /* by thread: where its block was */
    bool good = grow(maker) &&         /* an event makes two steps where a free was missed */
                table_resize(&maker->steps->table, (2 * trace->count + 1) * sizeof(struct step)) &&
                table_resize(&maker->held, TRACE_THREADS_MAX * sizeof(struct held)) &&
                table_resize(&resizing, TRACE_THREADS_MAX * sizeof(uint64_t));
    for (size_t i = 0; good && i < trace->count; i++)
        good = follow(maker, &events[i], resizing.memory);
    table_free(&resizing);
    return good;
}

bool steps_make(const struct trace *trace, struct steps *steps, char *reason, size_t reason_size)
{
    struct maker maker = {.steps = steps};
    *steps = (struct steps){.count = 0};
    bool good = make(&maker, trace);
    table_free(&maker.places);
    table_free(&maker.free_slots);
    table_free(&maker.held);
    if (!good) {
        snprintf(reason, reason_size, "out of memory");
        steps_free(steps);
    }
    return good;
}

void steps_free(struct steps *steps)
{
    table_free(&steps->table);
}
