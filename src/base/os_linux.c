/* SPDX-License-Identifier: MIT */
/*
 * The memory port for Linux. Layer 0.
 *
 * Constants that old headers lack are named here with the kernel's numbers; a kernel that does not
 * know one answers EINVAL, which each use takes as "not here" and falls back.
 */
#define _GNU_SOURCE
#include "base/os.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <shale/error.h>

#include "base/atomic.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE  103
#endif

/* ---- the kernel's calls ---- */

static intptr_t kernel_map(void *address, size_t size, int protection, int flags)
{
    void *start = mmap(address, size, protection, flags, -1, 0);
    return start == MAP_FAILED ? -errno : (intptr_t)start;
}

static int kernel_unmap(void *address, size_t size)
{
    return munmap(address, size) == 0 ? 0 : -errno;
}

static int kernel_protect(void *address, size_t size, int protection)
{
    return mprotect(address, size, protection) == 0 ? 0 : -errno;
}

static int kernel_advise(void *address, size_t size, int advice)
{
    return madvise(address, size, advice) == 0 ? 0 : -errno;
}

static intptr_t kernel_remap(void *address, size_t size, size_t new_size, int flags)
{
    void *start = mremap(address, size, new_size, flags);
    return start == MAP_FAILED ? -errno : (intptr_t)start;
}

static int kernel_move(void *from, size_t size, void *to)
{
    int flags = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;
    return mremap(from, size, size, flags, to) == MAP_FAILED ? -errno : 0;
}

const struct shale_os_calls shale_os_kernel_calls = {
    .map = kernel_map,
    .unmap = kernel_unmap,
    .protect = kernel_protect,
    .advise = kernel_advise,
    .remap = kernel_remap,
    .move = kernel_move,
};

static const struct shale_os_calls *system_calls = &shale_os_kernel_calls;

void shale_os_set_calls(const struct shale_os_calls *calls)
{
    system_calls = calls ? calls : &shale_os_kernel_calls;
}

/* ---- what the calls share ---- */

static int code_of_errno(int error)
{
    switch (error) {
    case 0:
        return SHALE_OK;
    case ENOMEM:
        return SHALE_ENOMEM;
    case EPERM:
    case EACCES:
        return SHALE_EPERM;
    case ENOSYS:
        return SHALE_ENOTSUP;
    case EAGAIN:
    case EBUSY:
        return SHALE_EBUSY;
    default:
        return SHALE_EINVAL;
    }
}

/* mmap results: user addresses are never in the last page, where negative errnos are. */
static bool is_error(intptr_t result)
{
    return result < 0 && result > -4096;
}

static int advise(void *address, size_t size, int advice)
{
    int saved = errno;
    int error = -system_calls->advise(address, size, advice);
    errno = saved;
    return error;
}

static bool is_page_range(const void *address, size_t size)
{
    size_t mask = shale_os_page_size() - 1;
    return size != 0 && ((uintptr_t)address & mask) == 0 && (size & mask) == 0;
}

size_t shale_os_page_size(void)
{
    /* Racing first calls store the same value. */
    static _Atomic size_t known;
    size_t size = shale_atomic_load_relaxed(&known);
    if (SHALE_UNLIKELY(size == 0)) {
        size = (size_t)sysconf(_SC_PAGESIZE);
        shale_atomic_store_relaxed(&known, size);
    }
    return size;
}

/* ---- address space ---- */

static int map_flags(int protection)
{
    return MAP_PRIVATE | MAP_ANONYMOUS | (protection == PROT_NONE ? MAP_NORESERVE : 0);
}

/* Cuts [start, start + mapped) down to the aligned size bytes inside it. */
static void *trim(char *start, size_t mapped, size_t size, size_t alignment)
{
    char *aligned = (char *)SHALE_ALIGN_UP((uintptr_t)start, alignment);
    char *end = start + mapped;
    /* A refusal (the limit on mappings) leaves spare addresses mapped, which harms nobody. */
    if (aligned > start)
        system_calls->unmap(start, (size_t)(aligned - start));
    if (end > aligned + size)
        system_calls->unmap(aligned + size, (size_t)(end - (aligned + size)));
    return aligned;
}

/*
 * First as large as asked, which is often aligned already for powers of two on a young address
 * space; then with room to align.
 */
static int map_aligned(size_t size, size_t alignment, int protection, void **address)
{
    intptr_t start = system_calls->map(NULL, size, protection, map_flags(protection));
    if (is_error(start))
        return code_of_errno((int)-start);
    if (((uintptr_t)start & (alignment - 1)) == 0) {
        *address = (void *)start;
        return SHALE_OK;
    }
    system_calls->unmap((void *)start, size);
    size_t mapped = size + alignment - shale_os_page_size();
    start = system_calls->map(NULL, mapped, protection, map_flags(protection));
    if (is_error(start))
        return code_of_errno((int)-start);
    *address = trim((char *)start, mapped, size, alignment);
    return SHALE_OK;
}

static int map(size_t size, size_t alignment, int protection, void **address)
{
    size_t page = shale_os_page_size();
    if (alignment < page)
        alignment = page;
    if (!is_page_range(NULL, size) || !SHALE_IS_POWER_OF_TWO(alignment) ||
        size > SIZE_MAX - alignment)
        return SHALE_EINVAL;
    int saved = errno;
    int code = map_aligned(size, alignment, protection, address);
    errno = saved;
    return code;
}

int shale_os_reserve(size_t size, size_t alignment, void **address)
{
    return map(size, alignment, PROT_NONE, address);
}

int shale_os_map(size_t size, size_t alignment, void **address)
{
    return map(size, alignment, PROT_READ | PROT_WRITE, address);
}

int shale_os_map_at(void *address, size_t size)
{
    if (!is_page_range(address, size))
        return SHALE_EINVAL;
    int saved = errno;
    /* Before Linux 4.17 the address is only a hint: then the answer tells. */
    int flags = map_flags(PROT_NONE) | MAP_FIXED_NOREPLACE;
    intptr_t start = system_calls->map(address, size, PROT_READ | PROT_WRITE, flags);
    if (!is_error(start) && start != (intptr_t)address) {
        system_calls->unmap((void *)start, size);
        start = -EEXIST;
    }
    errno = saved;
    if (start == -EEXIST)
        return SHALE_EBUSY;
    return is_error(start) ? code_of_errno((int)-start) : SHALE_OK;
}

int shale_os_release(void *address, size_t size)
{
    if (!is_page_range(address, size))
        return SHALE_EINVAL;
    int saved = errno;
    int error = -system_calls->unmap(address, size);
    errno = saved;
    return code_of_errno(error);
}

int shale_os_protect(void *address, size_t size, enum shale_os_access access)
{
    static const int protections[] = {
        [SHALE_OS_NONE] = PROT_NONE,
        [SHALE_OS_READ] = PROT_READ,
        [SHALE_OS_READ_WRITE] = PROT_READ | PROT_WRITE,
    };
    if (!is_page_range(address, size) || (unsigned)access >= SHALE_ARRAY_LENGTH(protections))
        return SHALE_EINVAL;
    int saved = errno;
    int error = -system_calls->protect(address, size, protections[access]);
    errno = saved;
    return code_of_errno(error);
}

int shale_os_remap(void *address, size_t size, size_t new_size, void **moved)
{
    if (!is_page_range(address, size) || !is_page_range(address, new_size))
        return SHALE_EINVAL;
    int saved = errno;
    intptr_t start = system_calls->remap(address, size, new_size, MREMAP_MAYMOVE);
    errno = saved;
    if (is_error(start))
        return code_of_errno((int)-start);
    *moved = (void *)start;
    return SHALE_OK;
}

int shale_os_move(void *from, size_t size, void *to)
{
    if (!is_page_range(from, size) || !is_page_range(to, size))
        return SHALE_EINVAL;
    int saved = errno;
    int error = -system_calls->move(from, size, to);
    errno = saved;
    return error == EINVAL ? SHALE_ENOTSUP : code_of_errno(error);
}

int shale_os_renew(void *address, size_t size)
{
    if (!is_page_range(address, size))
        return SHALE_EINVAL;
    int saved = errno;
    /* As its neighbours of a reservation are, or they would stay mappings of their own. */
    int flags = map_flags(PROT_NONE) | MAP_FIXED;
    intptr_t start = system_calls->map(address, size, PROT_READ | PROT_WRITE, flags);
    errno = saved;
    return is_error(start) ? code_of_errno((int)-start) : SHALE_OK;
}

/* ---- giving pages back ---- */

int shale_os_purge(void *address, size_t size)
{
    if (!is_page_range(address, size))
        return SHALE_EINVAL;
    int error = advise(address, size, MADV_DONTNEED);
    if (error != EINVAL)
        return code_of_errno(error);
    /* EINVAL on a good range means locked pages: the contents are all still there. */
    return advise(address, size, MADV_DONTNEED_LOCKED) == 0 ? SHALE_OK : SHALE_EBUSY;
}

int shale_os_purge_lazily(void *address, size_t size)
{
    if (!is_page_range(address, size))
        return SHALE_EINVAL;
    return code_of_errno(advise(address, size, MADV_FREE));
}

int shale_os_decommit(void *address, size_t size)
{
    int code = shale_os_purge(address, size);
    return code == SHALE_OK ? shale_os_protect(address, size, SHALE_OS_NONE) : code;
}

/* ---- advice ---- */

int shale_os_advise_huge(void *address, size_t size, enum shale_os_huge huge)
{
    static const int advices[] = {
        [SHALE_OS_HUGE_NEVER] = MADV_NOHUGEPAGE,
        [SHALE_OS_HUGE_ALWAYS] = MADV_HUGEPAGE,
        [SHALE_OS_HUGE_COLLAPSE] = MADV_COLLAPSE,
    };
    if (!is_page_range(address, size) || (unsigned)huge >= SHALE_ARRAY_LENGTH(advices))
        return SHALE_EINVAL;
    int error = advise(address, size, advices[huge]);
    return error == EINVAL ? SHALE_ENOTSUP : code_of_errno(error);
}

int shale_os_wipe_on_fork(void *address, size_t size)
{
    if (!is_page_range(address, size))
        return SHALE_EINVAL;
    int error = advise(address, size, MADV_WIPEONFORK);
    return error == EINVAL ? SHALE_ENOTSUP : code_of_errno(error);
}

int shale_os_exclude_from_dumps(void *address, size_t size)
{
    if (!is_page_range(address, size))
        return SHALE_EINVAL;
    return code_of_errno(advise(address, size, MADV_DONTDUMP));
}

int shale_os_guard(void *address, size_t size)
{
    if (!is_page_range(address, size))
        return SHALE_EINVAL;
    int error = advise(address, size, MADV_GUARD_INSTALL);
    return error == EINVAL ? shale_os_decommit(address, size) : code_of_errno(error);
}

int shale_os_unguard(void *address, size_t size)
{
    if (!is_page_range(address, size))
        return SHALE_EINVAL;
    int error = advise(address, size, MADV_GUARD_REMOVE);
    if (error != 0 && error != EINVAL)
        return code_of_errno(error);
    /* The guard may have been set by either way, also when a kernel knows the mark: locked pages.
     */
    return shale_os_protect(address, size, SHALE_OS_READ_WRITE);
}

/* ---- chance ---- */

int shale_os_random(void *bytes, size_t size)
{
    int saved = errno;
    ssize_t got = getrandom(bytes, size, GRND_NONBLOCK);
    errno = saved;
    return got == (ssize_t)size ? SHALE_OK : SHALE_ENOTSUP;
}

/* ---- looking ---- */

int shale_os_resident(const void *address, size_t size, size_t *bytes)
{
    if (!is_page_range(address, size))
        return SHALE_EINVAL;
    unsigned char pages[1024];
    size_t page = shale_os_page_size();
    size_t found = 0;
    int saved = errno;
    for (size_t done = 0; done < size; done += sizeof pages * page) {
        size_t part = size - done < sizeof pages * page ? size - done : sizeof pages * page;
        if (mincore((char *)address + done, part, pages) != 0) {
            int code = code_of_errno(errno);
            errno = saved;
            return code;
        }
        for (size_t i = 0; i < part / page; i++)
            found += pages[i] & 1U;
    }
    *bytes = found * page;
    return SHALE_OK;
}
