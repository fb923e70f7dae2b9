/* SPDX-License-Identifier: MIT */
/* The stack of the calling thread: see stack.h. */
#define _GNU_SOURCE
#define UNW_LOCAL_ONLY
#include "profile/stack.h"

#include <libunwind.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/thread.h"

enum {
    KNOWN = 8192,    /* addresses a set can hold; it is left alone at three quarters */
    OWN_FRAMES = 12, /* of the recorder, at most, below the first frame */
    TAIL = 3,        /* frames of the C library that start main or a thread */
    STACK_MAX = 1 << 30,
};

/* ---- what was learned -------------------------------------------------------------------------
 */

/* A set of addresses that only grows; threads may add at once. */
struct address_set {
    _Atomic uint64_t slots[KNOWN];
    _Atomic uint32_t count;
};

/* Addresses of return at which a walk ends well, and calls whose stacks cannot be walked. */
static struct address_set ends, astray;

static uint64_t first_slot(uint64_t address)
{
    return address * UINT64_C(0x9e3779b97f4a7c15) >> 40;
}

static bool set_has(const struct address_set *set, uint64_t address)
{
    for (uint64_t i = first_slot(address);; i++) {
        uint64_t found = shale_atomic_load_relaxed(&set->slots[i % KNOWN]);
        if (found == address || found == 0)
            return found != 0;
    }
}

static void set_add(struct address_set *set, uint64_t address)
{
    if (shale_atomic_load_relaxed(&set->count) >= KNOWN / 4 * 3 || set_has(set, address))
        return;
    shale_atomic_fetch_add_relaxed(&set->count, 1);
    for (uint64_t i = first_slot(address);; i++) {
        uint64_t expected = 0;
        if (shale_atomic_cas_relaxed(&set->slots[i % KNOWN], &expected, address))
            return;
    }
}

static void set_clear(struct address_set *set)
{
    for (unsigned i = 0; i < KNOWN; i++)
        shale_atomic_store_relaxed(&set->slots[i], 0);
    shale_atomic_store_relaxed(&set->count, 0);
}

void profile_stack_forget(void)
{
    set_clear(&ends);
    set_clear(&astray);
}

/* ---- walking ----------------------------------------------------------------------------------
 */

/* Set by the C library's start of a program; a libc without it leaves the main thread unknown. */
extern void *__libc_stack_end __attribute__((weak));

/* The main thread's stack, which grows: from its end down to the limit of the process. */
static bool find_main_bounds(uintptr_t here, struct profile_stack_bounds *bounds)
{
    struct rlimit limit;
    uintptr_t end = &__libc_stack_end != NULL ? (uintptr_t)__libc_stack_end : 0;
    uintptr_t size = STACK_MAX;
    if (getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur < STACK_MAX)
        size = limit.rlim_cur;
    if (here >= end || end - here > size || shale_thread_os_id() != getpid())
        return false;
    *bounds = (struct profile_stack_bounds){end - size, end};
    return true;
}

void profile_stack_find_bounds(struct profile_stack_bounds *bounds)
{
    pthread_attr_t attributes;
    void *low;
    size_t size;
    *bounds = (struct profile_stack_bounds){0, 0};
    if (find_main_bounds((uintptr_t)__builtin_frame_address(0), bounds) ||
        pthread_getattr_np(pthread_self(), &attributes) != 0)
        return;
    if (pthread_attr_getstack(&attributes, &low, &size) == 0)
        *bounds = (struct profile_stack_bounds){(uintptr_t)low, (uintptr_t)low + size};
    pthread_attr_destroy(&attributes);
}

static SHALE_ALWAYS_INLINE uint64_t add_to_hash(uint64_t hash, uint64_t address)
{
    hash = (hash ^ address) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 29;
}

static void hash_stack(struct profile_stack *stack)
{
    uint64_t hash = stack->depth;
    for (uint32_t i = 0; i < stack->depth; i++)
        hash = add_to_hash(hash, stack->frames[i]);
    stack->hash = hash;
}

/* Inlined nowhere that a sanitizer looks: a walk reads words that are nobody's variables. */
__attribute__((no_sanitize("address", "thread"))) void
profile_stack_walk(const struct profile_stack_bounds *bounds, const void *frame,
                   struct profile_stack *stack)
{
    uintptr_t here = (uintptr_t)frame;
    /* On another stack than the thread's own nothing is known of what may be read. */
    uintptr_t limit = here >= bounds->low && here < bounds->high ? bounds->high - 16 : 0;
    uint32_t depth = 0;
    uint64_t hash = 0;
    for (;;) {
        const uintptr_t *words = (const uintptr_t *)here; /* saved frame pointer, return address */
        uint64_t address = words[1]; /* NOLINT(clang-analyzer-core.NullDereference): a frame's */
        stack->frames[depth++] = address;
        hash = add_to_hash(hash, address);
        uintptr_t next = words[0];
        if (next <= here || next > limit || next % sizeof(*words) != 0)
            break;
        if (depth == PROFILE_FILE_DEPTH)
            break;
        here = next;
    }
    stack->depth = depth;
    stack->hash = hash + depth;
    stack->truncated = depth == PROFILE_FILE_DEPTH;
    stack->unwound = false;
    stack->complete = stack->truncated || set_has(&ends, stack->frames[depth - 1]);
}

bool profile_stack_is_trusted(const struct profile_stack *stack)
{
    return stack->complete && !set_has(&astray, stack->frames[0]);
}

/* ---- unwinding --------------------------------------------------------------------------------
 */

bool profile_stack_unwind(const struct profile_stack *walked, struct profile_stack *unwound)
{
    void *found[PROFILE_FILE_DEPTH + OWN_FRAMES];
    if (SHALE_THREAD_SANITIZER) /* whose thread ends before libunwind lets go of what it keeps */
        return false;
    int count = unw_backtrace(found, PROFILE_FILE_DEPTH + OWN_FRAMES);
    int first = 0;
    while (first < count && (uintptr_t)found[first] != walked->frames[0])
        first++;
    if (first == count)
        return false;
    unwound->depth = 0;
    for (int i = first; i < count && unwound->depth < PROFILE_FILE_DEPTH; i++)
        unwound->frames[unwound->depth++] = (uintptr_t)found[i];
    unwound->truncated = count == PROFILE_FILE_DEPTH + OWN_FRAMES;
    unwound->unwound = true;
    unwound->complete = true;
    hash_stack(unwound);
    return true;
}

bool profile_stack_learn(const struct profile_stack *walked, const struct profile_stack *unwound)
{
    uint32_t same = 0;
    while (same < walked->depth && same < unwound->depth &&
           walked->frames[same] == unwound->frames[same])
        same++;
    if (walked->truncated && unwound->truncated && same == unwound->depth)
        return true;
    if (same < walked->depth || unwound->depth - same > TAIL) {
        set_add(&astray, walked->frames[0]);
        return false;
    }
    set_add(&ends, walked->frames[walked->depth - 1]);
    return true;
}
