/* SPDX-License-Identifier: MIT */
/* shale_alloc_stats_*() in builds without statistics. Layer 2. */
#include <shale/alloc.h>
#include <shale/error.h>

int shale_alloc_stats_enable(int on)
{
    return SHALE_ENOTSUP;
}

int shale_alloc_stats_snapshot(struct shale_alloc_stats *stats)
{
    return stats ? SHALE_ENOTSUP : SHALE_EINVAL;
}

int shale_alloc_stats_reset(void)
{
    return SHALE_ENOTSUP;
}
