/* SPDX-License-Identifier: MIT */
/*
 * libshale-profile.so: the recorder around the malloc of an unmodified program, whoever serves it.
 * Layer 5.
 *
 * Every entry point of the C library's malloc family is here; each calls the next definition of
 * itself (the C library's, or of an allocator that is preloaded behind or linked) and tells the
 * recorder. C++'s operators call malloc; an allocator that brings its own operators is seen where
 * they are (profile_operators.c).
 *
 * Without SHALE_PROFILE in the environment calls go through and nothing is recorded.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "preload/real.h"
#include "profile/recorder.h"

#define FRAME __builtin_frame_address(0)

/* ---- start and end ----------------------------------------------------------------------------
 */

enum state { UNBORN, STARTING, STARTED };

static _Atomic int state;

static void complain(int error)
{
    static const char text[] = "shale: the program runs without a profile: the file of "
                               "SHALE_PROFILE cannot be made: ";
    const char *reason = strerrordesc_np(error);
    ssize_t said = write(STDERR_FILENO, text, sizeof(text) - 1);
    if (said > 0 && reason != NULL)
        said = write(STDERR_FILENO, reason, strlen(reason));
    if (said > 0)
        said = write(STDERR_FILENO, "\n", 1);
    (void)said;
}

static size_t usable_size(void *block)
{
    return real_functions()->malloc_usable_size(block);
}

static void start_recorder(char *const *environment)
{
    static struct profile_settings settings;
    int expected = UNBORN;
    if (!shale_atomic_cas_relaxed(&state, &expected, STARTING))
        return;
    shale_atomic_store_relaxed(&profile_own.inside, 1);
    int saved_errno = errno;
    profile_recorder.usable_size = usable_size;
    if (getauxval(AT_SECURE) == 0 && profile_settings_read(environment, &settings)) {
        int result = profile_recorder_start(&settings);
        if (result <= -PROFILE_ERRNO && !settings.quiet)
            complain(-PROFILE_ERRNO - result);
    }
    errno = saved_errno;
    shale_atomic_store_relaxed(&profile_own.inside, 0);
    shale_atomic_store_relaxed(&state, STARTED);
}

/* With the first allocation, which may come before any constructor, once there is an environment */
static SHALE_COLD void start_early(void)
{
    if (environ != NULL)
        start_recorder(environ);
}

__attribute__((constructor)) static void start(int count, char **arguments, char **environment)
{
    (void)count;
    (void)arguments;
    start_recorder(environment);
}

/* After the program's own destructors, as this library is loaded before them. */
__attribute__((destructor)) static void end(void)
{
    int ignored = profile_recorder_stop();
    (void)ignored;
}

static SHALE_ALWAYS_INLINE struct profile_local *enter(void)
{
    if (SHALE_UNLIKELY(shale_atomic_load_relaxed(&state) == UNBORN))
        start_early();
    return profile_enter();
}

/* ---- the functions ----------------------------------------------------------------------------
 * The C library's headers have other parameter names.
 * NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */

/* What every allocation is: `call` between the clock's two looks. */
#define RECORDED(call, bytes)                                                                      \
    do {                                                                                           \
        struct profile_local *local = enter();                                                     \
        if (SHALE_UNLIKELY(local == NULL))                                                         \
            return (call);                                                                         \
        uint64_t begun = profile_clock_start(local);                                               \
        void *made = (call);                                                                       \
        profile_clock_stop(local, begun, PROFILE_ALLOC);                                           \
        if (SHALE_UNLIKELY(begun != 0))                                                            \
            profile_note_usable(local, made, (bytes));                                             \
        profile_record_alloc(local, made, (bytes), FRAME);                                         \
        profile_leave(local);                                                                      \
        return made;                                                                               \
    } while (0)

SHALE_EXPORT void *malloc(size_t size)
{
    RECORDED(real_functions()->malloc(size), size);
}

SHALE_EXPORT void *calloc(size_t count, size_t size)
{
    RECORDED(real_functions()->calloc(count, size), count * size);
}

SHALE_EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
    RECORDED(real_functions()->aligned_alloc(alignment, size), size);
}

SHALE_EXPORT void *memalign(size_t alignment, size_t size)
{
    RECORDED(real_functions()->memalign(alignment, size), size);
}

SHALE_EXPORT void *valloc(size_t size)
{
    RECORDED(real_functions()->valloc(size), size);
}

SHALE_EXPORT void *pvalloc(size_t size)
{
    RECORDED(real_functions()->pvalloc(size), size);
}

SHALE_EXPORT int posix_memalign(void **block, size_t alignment, size_t size)
{
    struct profile_local *local = enter();
    if (SHALE_UNLIKELY(local == NULL))
        return real_functions()->posix_memalign(block, alignment, size);
    uint64_t begun = profile_clock_start(local);
    int result = real_functions()->posix_memalign(block, alignment, size);
    profile_clock_stop(local, begun, PROFILE_ALLOC);
    profile_record_alloc(local, result == 0 ? *block : NULL, size, FRAME);
    profile_leave(local);
    return result;
}

static SHALE_ALWAYS_INLINE void release(void *block)
{
    struct profile_local *local = enter();
    if (SHALE_UNLIKELY(local == NULL)) {
        real_free(block);
        return;
    }
    profile_record_free(local, block);
    uint64_t begun = profile_clock_start(local);
    real_free(block);
    profile_clock_stop(local, begun, PROFILE_FREE);
    profile_leave(local);
}

SHALE_EXPORT void free(void *block)
{
    if (SHALE_LIKELY(block != NULL))
        release(block);
}

/* A failed realloc leaves the block: it comes back as an allocation of the same size and place. */
static SHALE_NOINLINE void *resize(struct profile_local *local, void *block, size_t size,
                                   const void *frame)
{
    struct profile_taken taken;
    profile_take_back(local, block, &taken);
    uint64_t begun = profile_clock_start(local);
    void *resized = real_realloc(block, size);
    profile_clock_stop(local, begun, PROFILE_ALLOC);
    if (resized == NULL && size != 0) {
        profile_put_back(local, block, &taken);
        profile_record_alloc(local, NULL, size, frame);
        return NULL;
    }
    profile_record_taken(local, block, &taken);
    shale_atomic_add_single_writer(&local->record->reallocations, 1);
    if (resized != NULL)
        profile_record_alloc(local, resized, size, frame);
    return resized;
}

SHALE_EXPORT void *realloc(void *block, size_t size)
{
    if (block == NULL)
        RECORDED(real_realloc(NULL, size), size);
    struct profile_local *local = enter();
    if (SHALE_UNLIKELY(local == NULL))
        return real_realloc(block, size);
    void *resized = resize(local, block, size, FRAME);
    profile_leave(local);
    return resized;
}

SHALE_EXPORT void *reallocarray(void *block, size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(block, total);
}

SHALE_EXPORT size_t malloc_usable_size(void *block)
{
    return real_functions()->malloc_usable_size(block);
}

/* The sized frees of C23, and an alias that programs linked against old C libraries call. */
SHALE_EXPORT void free_sized(void *block, size_t size);
SHALE_EXPORT void free_aligned_sized(void *block, size_t alignment, size_t size);
SHALE_EXPORT void cfree(void *block);

void free_sized(void *block, size_t size)
{
    (void)size;
    if (block != NULL)
        release(block);
}

void free_aligned_sized(void *block, size_t alignment, size_t size)
{
    (void)alignment;
    (void)size;
    if (block != NULL)
        release(block);
}

void cfree(void *block)
{
    if (block != NULL)
        release(block);
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
