/* SPDX-License-Identifier: MIT */
/* Everything the library offers, in one include. */
#ifndef SHALE_SHALE_H
#define SHALE_SHALE_H

#include <shale/alloc.h>
#include <shale/comparator.h>
#include <shale/config.h>
#include <shale/diagnose.h>
#include <shale/domain.h>
#include <shale/epoch.h>
#include <shale/error.h>
#include <shale/handle.h>
#include <shale/map.h>
#include <shale/queue.h>
#include <shale/ring.h>
#include <shale/set.h>
#include <shale/skiplist.h>
#include <shale/smr.h>
#include <shale/stack.h>
#include <shale/stats.h>
#include <shale/system.h>
#include <shale/treemap.h>
#include <shale/verify.h>
#include <shale/version.h>

#endif
