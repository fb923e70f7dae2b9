/* SPDX-License-Identifier: MIT */
/* The secure variant: keys, reports, random order, quarantine and guards. Layer 1. */
#include "slab/secure.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/os.h"
#include "slab/bias.h"
#include "slab/late.h"
#include "slab/reclaim.h"
#include "slab/remote.h"
#include "slab/slab.h"
#include "slab/slow.h"

enum {
    QUARANTINE_BLOCKS = 256, /* a power of two */
    QUARANTINE_BYTES = 256 << 10,
    AHEAD = 4, /* blocks that are fetched before their turn */
    LINK_MAX = SLAB_UNIT_SIZE / 16,
    LINE_MAX_BYTES = 128,
};

uint64_t slab_secure_key;

struct slab_quarantine {
    uint32_t first; /* the longest there */
    uint32_t count;
    size_t bytes;
    void *blocks[QUARANTINE_BLOCKS];
};

/* ---- reports ----------------------------------------------------------------------------------
 */

/* The line is made without stdio, which allocates. */
struct line {
    char text[LINE_MAX_BYTES];
    size_t length;
};

static void add(struct line *line, const char *text)
{
    size_t length = strlen(text);
    if (length > sizeof line->text - line->length)
        length = sizeof line->text - line->length;
    memcpy(line->text + line->length, text, length);
    line->length += length;
}

static void add_number(struct line *line, uint64_t number, unsigned base)
{
    char digits[24];
    size_t at = sizeof digits - 1;
    digits[at] = '\0';
    do
        digits[--at] = "0123456789abcdef"[number % base];
    while ((number /= base) != 0);
    add(line, digits + at);
}

static size_t block_bytes(const void *block)
{
    uint32_t unit = slab_first_unit(slab_index_of(block));
    bool slab = slab_unit_state_of(unit) == SLAB_UNIT_SLAB;
    return slab ? slab_hot_at(unit)->size : slab_large_size(unit);
}

void slab_secure_report(enum slab_offence offence, const void *block)
{
    static const char *const before[] = {"double free of ", "free of ", "free of ", "free block "};
    static const char *const after[] = {", a block of ", ", which is inside a block of ",
                                        ", where no block is", " was written to, a block of "};
    struct line line = {.length = 0};
    add(&line, "shale: ");
    add(&line, before[offence]);
    add(&line, "0x");
    add_number(&line, (uint64_t)(uintptr_t)block, 16);
    add(&line, after[offence]);
    if (offence != SLAB_OFFENCE_NOTHING) {
        add_number(&line, block_bytes(block), 10);
        add(&line, " bytes");
    }
    add(&line, "\n");
    ssize_t ignored = write(STDERR_FILENO, line.text, line.length);
    (void)ignored;
    abort();
}

/* What an address that is not that of a live block is. */
static enum slab_offence offence_of(const void *block)
{
    uint32_t unit = slab_first_unit(slab_index_of(block));
    const struct slab_hot *hot = slab_hot_at(unit);
    if (slab_unit_state_of(unit) != SLAB_UNIT_SLAB)
        return SLAB_OFFENCE_NOTHING;
    uint32_t slot = slab_slot_of_block(hot, block);
    if (slot >= hot->linked)
        return SLAB_OFFENCE_NOTHING;
    bool start = (const char *)block == slab_unit_address(unit) + (uint64_t)slot * hot->size;
    return start ? SLAB_OFFENCE_DOUBLE_FREE : SLAB_OFFENCE_INSIDE;
}

void slab_secure_check_live(const void *block)
{
    uint32_t unit = slab_first_unit(slab_index_of(block));
    if (slab_unit_state_of(unit) != SLAB_UNIT_SLAB)
        return;
    const struct slab_hot *hot = slab_hot_at(unit);
    uint32_t slot = slab_slot_of_block(hot, block);
    if ((const char *)block != slab_unit_address(unit) + (uint64_t)slot * hot->size ||
        slot >= hot->capacity ||
        shale_atomic_load_relaxed(slab_tag_at(unit, hot->class, slot)) % 2 == 0)
        slab_secure_report(offence_of(block), block);
}

/* ---- keys and chance --------------------------------------------------------------------------
 */

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ x >> 27) * 0x94d049bb133111ebull;
    return x ^ x >> 31;
}

void slab_secure_start(void)
{
    if (shale_os_random(&slab_secure_key, sizeof slab_secure_key) != 0)
        slab_secure_key = mix(shale_clock_monotonic_ns() ^ (uint64_t)(uintptr_t)&slab_secure_key ^
                              (uint64_t)(uintptr_t)slab_range.base << 20);
}

/* A state for draws of its own for each step. */
static uint64_t new_draws(void)
{
    static _Atomic uint64_t steps;
    return mix(slab_secure_key + shale_atomic_fetch_add_relaxed(&steps, 1) * 0x9e3779b97f4a7c15ull);
}

static uint32_t draw(uint64_t *state, uint32_t below)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)((*state >> 32) * below >> 32);
}

void slab_secure_link(struct slab_hot *hot, uint32_t count)
{
    uint16_t order[LINK_MAX];
    uint64_t draws = new_draws() | 1;
    char *first = slab_unit_address(hot->unit) + (uint64_t)hot->linked * hot->size;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t j = draw(&draws, i + 1);
        order[i] = order[j];
        order[j] = (uint16_t)i;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct slab_block *block = (void *)(first + (uint64_t)order[i] * hot->size);
        slab_set_next(block, hot->free);
        hot->free = block;
    }
    hot->linked += count;
}

/* ---- tags and guards --------------------------------------------------------------------------
 */

void slab_secure_make(struct slab_hot *hot, bool zero)
{
    hot->capacity = slab_tag_capacity(hot->class);
    if (!zero)
        memset((void *)slab_tag_at(hot->unit, hot->class, hot->capacity - 1), 0, hot->capacity);
}

static char *guard_of(uint32_t unit, unsigned class)
{
    char *end = slab_unit_address(unit) + (uint64_t)slab_class_units(class) * SLAB_UNIT_SIZE;
    return end - SLAB_TAGS_BYTES - SLAB_GUARD_BYTES;
}

/* Where the system cannot (pages above 4 KiB, too many mappings) there is none. */
void slab_secure_guard(uint32_t unit, unsigned class)
{
    int ignored = shale_os_guard(guard_of(unit, class), SLAB_GUARD_BYTES);
    (void)ignored;
}

void slab_secure_unguard(uint32_t unit, unsigned class)
{
    int ignored = shale_os_unguard(guard_of(unit, class), SLAB_GUARD_BYTES);
    (void)ignored;
}

void slab_secure_guard_end(char *end)
{
    int ignored = shale_os_guard(end - SLAB_GUARD_BYTES, SLAB_GUARD_BYTES);
    (void)ignored;
}

void slab_secure_wipe_large(char *block, char *end)
{
    int ignored = shale_os_unguard(end - SLAB_GUARD_BYTES, SLAB_GUARD_BYTES);
    (void)ignored;
    if (shale_os_purge(block, (size_t)(end - block)) != 0)
        memset(block, 0, (size_t)(end - block));
}

/* ---- quarantine -------------------------------------------------------------------------------
 */

void slab_secure_prepare(struct slab_thr *thr)
{
    void *memory;
    size_t size = SHALE_ALIGN_UP(sizeof(struct slab_quarantine), shale_os_page_size());
    if (thr->id != SLAB_LATE && thr->quarantine == NULL && shale_os_map(size, 0, &memory) == 0)
        thr->quarantine = memory;
}

/* True: the block was live, and is not now. */
static SHALE_ALWAYS_INLINE bool end_life(const struct slab_hot *hot, const void *block)
{
    const char *start = slab_unit_address(hot->unit);
    uint64_t offset = (uint64_t)((const char *)block - start);
    uint64_t slot = offset * slab_class_magic[hot->class] >> 32;
    uint64_t units = hot->size > SLAB_ONE_UNIT_MAX ? SLAB_WIDE_UNITS : 1;
    if (SHALE_UNLIKELY(slot * hot->size != offset || slot >= hot->capacity))
        return false;
    _Atomic uint8_t *tag = (_Atomic uint8_t *)(void *)(start + units * SLAB_UNIT_SIZE - 1 - slot);
    uint8_t was = shale_atomic_load_relaxed(tag);
    if (SHALE_UNLIKELY(was % 2 == 0))
        return false;
    if (!slab_is_alone())
        return shale_atomic_cas_relaxed(tag, &was, (uint8_t)(was + 1));
    shale_atomic_store_relaxed(tag, (uint8_t)(was + 1));
    return true;
}

static SHALE_ALWAYS_INLINE void close_block(const struct slab_hot *hot, void *block)
{
    if (SHALE_UNLIKELY(!end_life(hot, block)))
        slab_secure_report(offence_of(block), block);
    memset(block, 0, hot->size);
}

void slab_secure_close(uint32_t unit, void *block)
{
    close_block(slab_hot_at(unit), block);
}

/* The longest there goes; the one whose turn comes soon is fetched. */
static SHALE_ALWAYS_INLINE void let_out(struct slab_thr *thr, struct slab_quarantine *waiting)
{
    struct slab_block *block = waiting->blocks[waiting->first % QUARANTINE_BLOCKS];
    struct slab_block *soon = waiting->blocks[(waiting->first + AHEAD) % QUARANTINE_BLOCKS];
    uint32_t unit = slab_index_of(block);
    struct slab_hot *hot = slab_hot_at(unit);
    __builtin_prefetch(soon, 1);
    waiting->first++;
    waiting->count--;
    waiting->bytes -= hot->size;
    if (SHALE_UNLIKELY(slab_owner_of(unit) != thr->id)) {
        slab_free_remote(thr, block, unit);
        return;
    }
    slab_set_next(block, hot->free);
    hot->free = block;
    if (SHALE_UNLIKELY(--hot->left == 0))
        slab_reclassify(thr, hot);
}

static SHALE_ALWAYS_INLINE void put_in(struct slab_thr *thr, struct slab_quarantine *waiting,
                                       void *block, size_t size)
{
    while (waiting->count == QUARANTINE_BLOCKS || waiting->bytes + size > QUARANTINE_BYTES)
        let_out(thr, waiting);
    waiting->blocks[(waiting->first + waiting->count) % QUARANTINE_BLOCKS] = block;
    waiting->count++;
    waiting->bytes += size;
}

static SHALE_ALWAYS_INLINE void free_closed(struct slab_thr *thr, const struct slab_hot *hot,
                                            void *block)
{
    if (SHALE_LIKELY(hot->epoch == 0 && hot->size <= SLAB_ONE_UNIT_MAX && thr->quarantine != NULL))
        put_in(thr, thr->quarantine, block, hot->size);
    else
        slab_free_live(thr, block, hot->unit);
}

void slab_secure_free(struct slab_thr *thr, void *block, uint32_t unit)
{
    const struct slab_hot *hot = slab_hot_at(unit);
    close_block(hot, block);
    free_closed(thr, hot, block);
}

void slab_secure_free_fast(struct slab_thr *thr, void *block, uint32_t unit)
{
    const struct slab_hot *hot = slab_hot_at(unit);
    uint32_t owned = thr->owned;
    close_block(hot, block);
    free_closed(thr, hot, block);
    bool gave = thr->owned < owned;
    slab_leave(thr);
    if (SHALE_UNLIKELY(gave)) {
        int saved_errno = errno;
        slab_purge_after(thr, 0);
        errno = saved_errno;
    }
}

void slab_secure_flush(struct slab_thr *thr)
{
    while (thr->quarantine != NULL && thr->quarantine->count != 0)
        let_out(thr, thr->quarantine);
}
