/* SPDX-License-Identifier: MIT */
/* shale_system_info(). Layer 2. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <shale/alloc.h>
#include <shale/error.h>
#include <shale/system.h>
#include <shale/verify.h>
#include <shale/version.h>

#include "alloc/backend.h"
#include "base/os.h"
#include "base/system.h"

/* What release 0.1.0 knew: no caller can have less. */
enum {
    FIRST_SIZE =
        offsetof(struct shale_system, serving) + sizeof(((struct shale_system *)NULL)->serving)
};

static enum shale_thp thp_mode(void)
{
    switch (shale_system_thp_mode()) {
    case SHALE_SYSTEM_THP_NEVER:
        return SHALE_THP_NEVER;
    case SHALE_SYSTEM_THP_MADVISE:
        return SHALE_THP_MADVISE;
    case SHALE_SYSTEM_THP_ALWAYS:
        return SHALE_THP_ALWAYS;
    case SHALE_SYSTEM_THP_DISABLED:
        return SHALE_THP_DISABLED;
    default:
        return SHALE_THP_MISSING;
    }
}

/* The backend has names of its own: a real block tells. */
static enum shale_verified verify_by_block(char *serving, size_t size)
{
    void *block = shale_alloc(64);
    if (!block)
        return SHALE_VERIFIED_UNKNOWN;
    bool owned = backend_owns(block);
    shale_free(block);
    if (owned)
        snprintf(serving, size, "%s", SHALE_BACKEND_NAME);
    return owned ? SHALE_VERIFIED_YES : SHALE_VERIFIED_NO;
}

/* The backend is whatever serves malloc. */
static enum shale_verified verify_by_malloc(char *serving, size_t size)
{
    struct shale_verification found;
    if (shale_verify_self(SHALE_BACKEND_NAME, &found) != 0)
        return SHALE_VERIFIED_UNKNOWN;
    snprintf(serving, size, "%s", found.allocator);
    switch (found.verdict) {
    case SHALE_VERDICT_ACTIVE:
        return SHALE_VERIFIED_YES;
    case SHALE_VERDICT_UNKNOWN:
        return SHALE_VERIFIED_UNKNOWN;
    default:
        return SHALE_VERIFIED_NO;
    }
}

static enum shale_verified verify(char *serving, size_t size)
{
    switch (backend_proof) {
    case BACKEND_PROOF_BLOCK:
        return verify_by_block(serving, size);
    case BACKEND_PROOF_MALLOC:
        return verify_by_malloc(serving, size);
    default:
        return SHALE_VERIFIED_UNKNOWN;
    }
}

int shale_system_info(struct shale_system *info)
{
    if (!info || info->struct_size < FIRST_SIZE)
        return SHALE_EINVAL;
    struct shale_system_memory memory;
    bool have_memory = shale_system_memory(&memory) == 0;
    struct shale_system found = {
        .struct_size = sizeof found,
        .backend = shale_backend_name(),
        .backend_version = shale_backend_version(),
        .shale_version = SHALE_VERSION_STRING,
        .page_bytes = shale_os_page_size(),
        .cache_line_bytes = shale_cache_line(),
        .huge_page_bytes = shale_system_huge_page_size(),
        .memory_total_bytes = have_memory ? memory.usable_total_bytes : 0,
        .memory_available_bytes = have_memory ? memory.usable_available_bytes : 0,
        .cpu_count = shale_system_cpu_count(),
        .thp = thp_mode(),
    };
    found.verified = verify(found.serving, sizeof found.serving);
    if (info->struct_size < found.struct_size)
        found.struct_size = info->struct_size;
    memcpy(info, &found, found.struct_size);
    return SHALE_OK;
}
