/* SPDX-License-Identifier: MIT */
/*
 * What was proven about the allocator of one run, kept after the report it came from is freed.
 * Layer 4.
 */
#ifndef SHALE_MEASURE_PROOF_H
#define SHALE_MEASURE_PROOF_H

#include "identify/identify.h"

struct proof {
    char verdict[32];
    char allocator[64]; /* who serves malloc; "" when not known */
    char version[64];
    char object[1024]; /* the file that holds that malloc */
    char executable[1024];
    char build_id[128]; /* of the executable */
    char layers[256];   /* allocators above malloc, such as pymalloc */
    char reason[1024];
    char remedy[512];
};

void proof_take(struct proof *proof, const struct identify_report *report);

#endif
