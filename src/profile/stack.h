/* SPDX-License-Identifier: MIT */
/*
 * The stack of the calling thread. Layer 3.
 *
 * First by frame pointers, checked against the bounds of the thread's stack: a few nanoseconds. A
 * program without them leads such a walk astray, or nowhere. So a walk counts only when it ends
 * where walks are known to end, and when the first stack of its kind was found to be the same by
 * the slow unwinder (libunwind, which reads the unwind tables). What fails is remembered by the
 * address of the call, and from then on such stacks are unwound.
 *
 * libunwind looks for tables through dl_iterate_phdr, whose lock a thread in dlopen holds; it takes
 * no lock of ours. Never call this with a lock of the recorder held.
 */
#ifndef SHALE_PROFILE_STACK_H
#define SHALE_PROFILE_STACK_H

#include <stdbool.h>
#include <stdint.h>

#include "profile/file.h"

struct profile_stack {
    uint32_t depth;
    bool truncated; /* deeper than PROFILE_FILE_DEPTH, or the unwinder gave up */
    bool unwound;   /* by the slow unwinder */
    bool complete;  /* the walk ended where walks end */
    uint64_t hash;
    uint64_t frames[PROFILE_FILE_DEPTH]; /* addresses of return, innermost first */
};

/* Where the stack of a thread ends. Found once per thread. */
struct profile_stack_bounds {
    uintptr_t low;
    uintptr_t high; /* 0: unknown */
};

/* Of the calling thread. May call malloc, in glibc. */
void profile_stack_find_bounds(struct profile_stack_bounds *bounds);

/*
 * Walks by frame pointers.
 *
 * @param frame  __builtin_frame_address(0) of the function whose caller is the first frame.
 */
void profile_stack_walk(const struct profile_stack_bounds *bounds, const void *frame,
                        struct profile_stack *stack);

/* Is the walk to be trusted, as far as is known? Else profile_stack_unwind has to be asked. */
bool profile_stack_is_trusted(const struct profile_stack *stack);

/*
 * Unwinds with libunwind, from the frame that returns to stack->frames[0] on.
 *
 * @return false when it did not get there: the walk is all there is.
 */
bool profile_stack_unwind(const struct profile_stack *walked, struct profile_stack *unwound);

/* A walk of a new kind and what the unwinder says of the same stack: learns whom to trust. True:
 * the walk was right. */
bool profile_stack_learn(const struct profile_stack *walked, const struct profile_stack *unwound);

/* Forgets what was learned: for tests. */
void profile_stack_forget(void);

#endif
