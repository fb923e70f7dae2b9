/* SPDX-License-Identifier: MIT */
/* What <shale/handle.h> promises. Layer 1. */
#include <shale/handle.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "slab/cache.h"
#include "slab/fast.h"
#include "slab/late.h"
#include "slab/remote.h"
#include "slab/slab.h"
#include "slab/slow.h"
#include "slab/tag.h"

enum {
    FORMAT_SHIFT = 60,
    UNIT_SHIFT = 36,
    SLOT_SHIFT = 24,
    GENERATION_SHIFT = 8,
    UNIT_BITS = 24,
    SLOT_BITS = 12,
    GENERATION_BITS = 16,
    TAG_BITS = 8,
};

_Static_assert(SLAB_RANGE_MAX >> SLAB_UNIT_SHIFT <= 1ull << UNIT_BITS, "a unit fits its field");
_Static_assert(SLAB_UNIT_SIZE / 17 < 1 << SLOT_BITS, "a slot fits its field");
_Static_assert(SLAB_LIVES_END < 1 << GENERATION_BITS, "a life fits its field");

#define FIELD(handle, name) ((uint32_t)((handle) >> name##_SHIFT & ((1ull << name##_BITS) - 1)))

static uint64_t compose(uint32_t unit, uint32_t slot, uint32_t generation, uint32_t tag)
{
    return (uint64_t)SHALE_HANDLE_FORMAT << FORMAT_SHIFT | (uint64_t)unit << UNIT_SHIFT |
           (uint64_t)slot << SLOT_SHIFT | (uint64_t)generation << GENERATION_SHIFT | tag;
}

/* ---- looking -----------------------------------------------------------------------------------
 */

/* A handle that was valid at a moment of the look. */
struct place {
    void *block;
    _Atomic uint8_t *tag;
    uint32_t unit;
};

/* The word's part that a handle must match, as far as generations go. */
static int other_life(uint32_t word, uint32_t generation)
{
    uint32_t lives = word >> SLAB_HANDLES_LIVES_SHIFT;
    return generation < lives ? SHALE_ESTALE : SHALE_EBADHANDLE;
}

static int other_tag(uint32_t found, uint32_t wanted)
{
    if (wanted % 2 == 0 || found < wanted)
        return SHALE_EBADHANDLE;
    return found == wanted + 1 ? SHALE_EDOUBLEFREE : SHALE_ESTALE;
}

static SHALE_ALWAYS_INLINE const struct slab_class_tags *tags_of(uint32_t word)
{
    return &slab_class_tags[word >> SLAB_HANDLES_CLASS_SHIFT & 0xff];
}

/* Why a look failed, by what it met. */
static SHALE_NOINLINE int explain(shale_handle handle, uint32_t word, uint32_t found)
{
    uint32_t wanted = (uint8_t)handle;
    if (handle >> FORMAT_SHIFT != SHALE_HANDLE_FORMAT ||
        FIELD(handle, UNIT) >= slab_range.size >> SLAB_UNIT_SHIFT)
        return SHALE_EBADHANDLE;
    if (word >> SLAB_HANDLES_LIVES_SHIFT != FIELD(handle, GENERATION) ||
        (word >> SLAB_HANDLES_CLASS_SHIFT & 0xff) == 0)
        return other_life(word, FIELD(handle, GENERATION));
    if (FIELD(handle, SLOT) >= tags_of(word)->capacity)
        return SHALE_EBADHANDLE;
    if (shale_atomic_load_relaxed(&slab_unit_at(FIELD(handle, UNIT))->handles) != word)
        return SHALE_ESTALE;
    return other_tag(found, wanted);
}

static SHALE_ALWAYS_INLINE int look_at(shale_handle handle, struct place *place)
{
    uint32_t slot = FIELD(handle, SLOT);
    uint32_t wanted = (uint8_t)handle;
    /* Of another format, and beyond the range, in one comparison. */
    uint64_t unit = (handle >> UNIT_SHIFT) - ((uint64_t)SHALE_HANDLE_FORMAT << UNIT_BITS);
    if (SHALE_UNLIKELY(unit >= slab_range.size >> SLAB_UNIT_SHIFT))
        return explain(handle, 0, 0);
    const struct slab_unit *entry = slab_unit_at((uint32_t)unit);
    /* ORDER HANDLE1 acquire <- release in slab_tag_make() [tag.c]. The tags of this life. */
    uint32_t word = shale_atomic_load_acquire(&entry->handles);
    const struct slab_class_tags *tags = tags_of(word);
    if (SHALE_UNLIKELY(word >> SLAB_HANDLES_LIVES_SHIFT != FIELD(handle, GENERATION) ||
                       slot >= tags->capacity))
        return explain(handle, word, 0);
    char *start = slab_unit_address((uint32_t)unit);
    place->unit = (uint32_t)unit;
    place->tag = (_Atomic uint8_t *)(void *)(start + tags->end - 1 - slot);
    place->block = start + (uint64_t)slot * tags->block;
    uint32_t found = shale_atomic_load_relaxed(place->tag);
    shale_fence_acquire(); /* ORDER HANDLE2 acquire <- release in slab_tag_end_life() [tag.c]. If
                            * the tag was another user's byte, the word has changed. */
    if (SHALE_UNLIKELY(shale_atomic_load_relaxed(&entry->handles) != word || found != wanted ||
                       wanted % 2 == 0))
        return explain(handle, word, found);
    return 0;
}

SHALE_EXPORT void *shale_handle_get(shale_handle handle)
{
    struct place place = {0};
    return SHALE_LIKELY(look_at(handle, &place) == 0) ? place.block : NULL;
}

SHALE_EXPORT int shale_handle_check(shale_handle handle)
{
    struct place place;
    return look_at(handle, &place);
}

/* ---- allocating --------------------------------------------------------------------------------
 */

static SHALE_ALWAYS_INLINE shale_handle handle_of(const struct slab_hot *hot, const void *block)
{
    uint32_t slot = slab_slot_of_block(hot, block);
    uint32_t word = shale_atomic_load_relaxed(&slab_unit_at(hot->unit)->handles);
    uint8_t tag = shale_atomic_load_relaxed(slab_tag_at(hot->unit, hot->class, slot));
    return compose(hot->unit, slot, word >> SLAB_HANDLES_LIVES_SHIFT, tag);
}

/*
 * Enters the thread's own heap if nothing is to be seen to first.
 * @return false: it is not entered.
 */
static SHALE_ALWAYS_INLINE bool enter_quickly(struct slab_thr *thr)
{
    if (SHALE_UNLIKELY(shale_atomic_load_relaxed(&thr->op) != 0))
        return false; /* a handler interrupted the allocator */
    shale_atomic_store_relaxed(&thr->op, 1);
    shale_compiler_barrier();
    /* ORDER BIAS2 acquire <- release in slab_let_go() [bias.c]. As in slab_enter. */
    if (SHALE_LIKELY(shale_atomic_load_acquire(&thr->attn) == 0))
        return true;
    slab_leave(thr);
    return false;
}

static SHALE_NOINLINE shale_handle alloc_slow(shale_epoch epoch, size_t size, void **block)
{
    if (size > SHALE_HANDLE_SIZE_MAX || !slab_epoch_exists(epoch) ||
        (slab_head_at(slab_slot_of(epoch))->flags & SHALE_EPOCH_HANDLES) == 0) {
        errno = EINVAL;
        return SHALE_HANDLE_NULL;
    }
    void *made = shale_epoch_alloc(epoch, size);
    if (made == NULL)
        return SHALE_HANDLE_NULL;
    if (block != NULL)
        *block = made;
    return handle_of(slab_hot_at(slab_first_unit(slab_index_of(made))), made);
}

SHALE_EXPORT shale_handle shale_handle_alloc(shale_epoch epoch, size_t size, void **block)
{
    struct slab_thr *thr = slab_self;
    uint32_t slot;
    uint8_t tag;
    if (SHALE_UNLIKELY(size > SHALE_HANDLE_SIZE_MAX || !enter_quickly(thr)))
        return alloc_slow(epoch, size, block);
    const struct slab_recent *recent = &thr->recent[epoch % SLAB_RECENT];
    shale_handle handle = SHALE_HANDLE_NULL;
    if (SHALE_LIKELY(recent->id == epoch && recent->cache->tagged)) {
        struct slab_hot *hot = recent->cache->current[slab_class_of(size)];
        void *made = slab_tag_pop_at(hot, &slot, &tag);
        if (SHALE_LIKELY(made != NULL)) {
            uint32_t word = shale_atomic_load_relaxed(&slab_unit_at(hot->unit)->handles);
            handle = compose(hot->unit, slot, word >> SLAB_HANDLES_LIVES_SHIFT, tag);
            if (block != NULL)
                *block = made;
        }
    }
    slab_leave(thr);
    return SHALE_LIKELY(handle != 0) ? handle : alloc_slow(epoch, size, block);
}

SHALE_EXPORT int shale_handle_of(const void *block, shale_handle *handle)
{
    if (!slab_in_range(block))
        return SHALE_EBADHANDLE;
    uint32_t unit = slab_first_unit(slab_index_of(block));
    if (slab_unit_state_of(unit) != SLAB_UNIT_SLAB || !slab_is_tagged(unit))
        return SHALE_EBADHANDLE;
    shale_handle found = handle_of(slab_hot_at(unit), block);
    if (shale_handle_get(found) != block)
        return SHALE_EBADHANDLE;
    *handle = found;
    return 0;
}

/* ---- freeing -----------------------------------------------------------------------------------
 */

/* Of two frees of one handle, one gets the block. */
static SHALE_ALWAYS_INLINE int take_tag(const struct place *place, uint8_t wanted)
{
    uint8_t found = wanted;
    if (slab_is_alone())
        shale_atomic_store_relaxed(place->tag, wanted + 1);
    else if (!shale_atomic_cas_relaxed(place->tag, &found, wanted + 1))
        return other_tag(found, wanted);
    return 0;
}

static SHALE_NOINLINE void give_elsewhere(struct slab_thr *thr, const struct place *place)
{
    SLAB_COUNT(thr, slow_frees, 1);
    slab_free_remote(thr, place->block, place->unit);
}

/* As slab_free_own. */
static SHALE_ALWAYS_INLINE void give(struct slab_thr *thr, const struct place *place)
{
    struct slab_hot *hot = slab_hot_at(place->unit);
    struct slab_block *block = place->block;
    SHALE_ASSERT(block != NULL);
    if (SLAB_SECURE)
        memset(block, 0, hot->size);
    if (SHALE_UNLIKELY(slab_owner_of(place->unit) != thr->id)) {
        give_elsewhere(thr, place);
        return;
    }
    slab_set_next(block, hot->free);
    hot->free = block;
    if (SHALE_UNLIKELY(--hot->left == 0))
        slab_reclassify(thr, hot);
}

/* Looked at inside an operation: a discard that begins now waits for its end. */
static SHALE_ALWAYS_INLINE int free_inside(struct slab_thr *thr, shale_handle handle)
{
    struct place place = {0};
    int error = look_at(handle, &place);
    if (SHALE_LIKELY(error == 0))
        error = take_tag(&place, (uint8_t)handle);
    if (SHALE_LIKELY(error == 0))
        give(thr, &place);
    return error;
}

static SHALE_NOINLINE int free_slow(shale_handle handle)
{
    struct slab_thr *thr = slab_begin();
    if (thr == NULL)
        return SHALE_EBADHANDLE;
    int error = free_inside(thr, handle);
    slab_finish(thr);
    return error;
}

SHALE_EXPORT int shale_handle_free(shale_handle handle)
{
    struct slab_thr *thr = slab_self;
    if (SHALE_UNLIKELY(!enter_quickly(thr)))
        return free_slow(handle);
    int error = free_inside(thr, handle);
    slab_leave(thr);
    return error;
}

/* ---- text --------------------------------------------------------------------------------------
 */

SHALE_EXPORT void shale_handle_decode(shale_handle handle, struct shale_handle_fields *fields)
{
    fields->format = (unsigned)(handle >> FORMAT_SHIFT);
    fields->unit = FIELD(handle, UNIT);
    fields->slot = FIELD(handle, SLOT);
    fields->generation = FIELD(handle, GENERATION);
    fields->tag = (uint8_t)handle;
}

SHALE_EXPORT int shale_handle_encode(const struct shale_handle_fields *fields, shale_handle *handle)
{
    if (fields->format > 15 || fields->unit >> UNIT_BITS != 0 || fields->slot >> SLOT_BITS != 0 ||
        fields->generation >> GENERATION_BITS != 0 || fields->tag >> TAG_BITS != 0)
        return SHALE_ERANGE;
    *handle = (compose(fields->unit, fields->slot, fields->generation, fields->tag) &
               ~(15ull << FORMAT_SHIFT)) |
              (uint64_t)fields->format << FORMAT_SHIFT;
    return 0;
}

SHALE_EXPORT void shale_handle_print(shale_handle handle, char text[SHALE_HANDLE_TEXT_SIZE])
{
    struct shale_handle_fields f;
    shale_handle_decode(handle, &f);
    (void)snprintf(text, SHALE_HANDLE_TEXT_SIZE, "h%x-%06x-%03x-%04x-%02x", f.format, f.unit,
                   f.slot, f.generation, f.tag);
}

SHALE_EXPORT int shale_handle_parse(const char *text, shale_handle *handle)
{
    struct shale_handle_fields f;
    char again[SHALE_HANDLE_TEXT_SIZE];
    shale_handle found;
    int end = 0;
    if (sscanf(text, "h%1x-%6x-%3x-%4x-%2x%n", &f.format, &f.unit, &f.slot, &f.generation, &f.tag,
               &end) != 5 ||
        text[end] != '\0' || shale_handle_encode(&f, &found) != 0)
        return SHALE_EFORMAT;
    shale_handle_print(found, again);
    for (int i = 0; i <= end; i++)
        if (again[i] != text[i])
            return SHALE_EFORMAT;
    *handle = found;
    return 0;
}
