/* SPDX-License-Identifier: MIT */
/*
 * Four sums side by side, each a chain of steps that can be undone: xor, multiplication by an odd
 * number, rotation. Two inputs that differ in one word therefore never end in the same sum.
 */
#include "profile/checksum.h"

#include <string.h>

enum { LANES = 4, WORD = 8 };

static uint64_t step(uint64_t sum, uint64_t word)
{
    sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return sum << 29 | sum >> 35;
}

/* The word at an offset, padded with zeros beyond the end. */
static uint64_t word_at(const unsigned char *bytes, size_t size, size_t offset, size_t skipped)
{
    uint64_t word = 0;
    size_t left = size - offset;
    if (offset != skipped)
        memcpy(&word, bytes + offset, left < WORD ? left : WORD);
    return word;
}

uint64_t profile_checksum(const void *data, size_t size, size_t skipped)
{
    const unsigned char *bytes = data;
    uint64_t sums[LANES] = {1, 2, 3, 4};
    size_t offset = 0;
    for (; offset + (size_t)LANES * WORD <= size; offset += (size_t)LANES * WORD) {
        uint64_t words[LANES];
        memcpy(words, bytes + offset, sizeof(words));
        if (skipped - offset < sizeof(words))
            words[(skipped - offset) / WORD] = 0;
        for (unsigned lane = 0; lane < LANES; lane++)
            sums[lane] = step(sums[lane], words[lane]);
    }
    for (unsigned lane = 0; offset < size; offset += WORD, lane++)
        sums[lane] = step(sums[lane], word_at(bytes, size, offset, skipped));
    uint64_t sum = size;
    for (unsigned lane = 0; lane < LANES; lane++)
        sum = step(sum, sums[lane]);
    return sum != 0 ? sum : 1;
}
