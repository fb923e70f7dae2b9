/* SPDX-License-Identifier: MIT */
/* The interleaved order of runs: see schedule.h. Layer 4. */
#include "measure/schedule.h"

struct schedule_step schedule_step(size_t round, size_t step, size_t comparisons)
{
    bool turned = round % 2 != 0;
    bool second = step % 2 != 0;
    return (struct schedule_step){
        .comparison = (round / 2 + step / 2) % comparisons,
        .baseline = turned == second,
    };
}
