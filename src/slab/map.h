/* SPDX-License-Identifier: MIT */
/*
 * Where the engine keeps what its statistics are read from: for readers outside the process, which
 * stop nobody and call nothing in it. Layer 1.
 *
 * Every object with an engine in it carries an ELF note, SLAB_MAP_NOTE_TYPE of SLAB_MAP_NOTE_NAME,
 * in memory and also when stripped. Its eight bytes are the distance from themselves to the map.
 * The map has the addresses of the tables, and says which layout they have: who reads them must
 * have been compiled from the same one (fingerprint.h).
 */
#ifndef SHALE_SLAB_MAP_H
#define SHALE_SLAB_MAP_H

#include <stdint.h>

#define SLAB_MAP_NOTE_NAME "Shale" /* with its NUL: 6 bytes */
#define SLAB_MAP_MAGIC     0x70616d2d656c6873ull

enum {
    SLAB_MAP_NOTE_TYPE = 1,
    SLAB_MAP_VERSION = 1, /* of struct slab_map itself; its beginning up to release stays */
};

struct slab_map {
    uint64_t magic;
    uint32_t version;
    uint32_t bytes;       /* of this structure */
    uint64_t fingerprint; /* of all layouts behind it */
    char release[16];     /* of Shale, NUL-terminated */
    /* Addresses in the process that has the engine. */
    uint64_t range;   /* struct slab_range */
    uint64_t thr_end; /* uint32_t */
    uint64_t tally;   /* struct slab_pool_tally */
    uint64_t eternal; /* struct slab_epoch */
    uint64_t slots;   /* uint32_t: epochs below this have tables */
    uint64_t totals;  /* struct slab_totals */
};

_Static_assert(sizeof(struct slab_map) == 88, "no padding, and addresses of 8 bytes everywhere");

/* Of this process's engine. */
extern struct slab_map slab_map;

#endif
