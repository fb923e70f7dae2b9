/* SPDX-License-Identifier: MIT */
/*
 * Blocks that know what is in them, for tests of allocators: a block is filled from its address and
 * a tag and checked before it is freed, so that two owners of one byte are found.
 */
#ifndef SHALE_TESTS_BLOCKS_H
#define SHALE_TESTS_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tagged {
    unsigned char *block;
    size_t size;
    uint64_t tag;
};

/* Random numbers of a seed: xorshift64*. */
static inline uint64_t random_next(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1dull;
}

static inline uint64_t random_below(uint64_t *state, uint64_t limit)
{
    return random_next(state) % limit;
}

/* The seed of this run: SHALE_TEST_SEED, or one from the clock; printed, to run it again. */
static inline uint64_t random_seed(const char *name)
{
    const char *given = getenv("SHALE_TEST_SEED");
    uint64_t seed =
        given != NULL ? strtoull(given, NULL, 0) : (uint64_t)(uintptr_t)&seed * 2654435761u;
    if (seed == 0)
        seed = 1;
    printf("# %s: SHALE_TEST_SEED=0x%llx\n", name, (unsigned long long)seed);
    fflush(stdout);
    return seed;
}

static inline unsigned char tagged_byte(const struct tagged *t, size_t i)
{
    uint64_t x = ((uint64_t)(uintptr_t)t->block + i) * 0x9e3779b97f4a7c15ull ^ t->tag;
    return (unsigned char)(x >> 56);
}

/* The bytes that are written and checked: all of a small block, both ends of a large one. */
static inline bool tagged_covers(const struct tagged *t, size_t i)
{
    return i < 64 || i + 64 >= t->size || i % 4096 == 0;
}

static inline size_t tagged_next(const struct tagged *t, size_t i)
{
    i++;
    if (tagged_covers(t, i) || i >= t->size)
        return i;
    size_t page = (i + 4095) / 4096 * 4096;
    size_t end = t->size - 64;
    return page < end ? page : end;
}

static inline void tagged_fill(struct tagged *t)
{
    for (size_t i = 0; i < t->size; i = tagged_next(t, i))
        t->block[i] = tagged_byte(t, i);
}

static inline bool tagged_intact(const struct tagged *t)
{
    for (size_t i = 0; i < t->size; i = tagged_next(t, i))
        if (t->block[i] != tagged_byte(t, i))
            return false;
    return true;
}

/* Mostly small, now and then large: 0 bytes to 4 MiB. */
static inline size_t random_size(uint64_t *state)
{
    uint64_t kind = random_below(state, 1000);
    if (kind < 700)
        return random_below(state, 513);
    if (kind < 950)
        return random_below(state, 8193);
    if (kind < 990)
        return random_below(state, 65537);
    if (kind < 999)
        return random_below(state, (1u << 20) + 1);
    return random_below(state, (4u << 20) + 1);
}

#endif
