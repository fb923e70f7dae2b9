/* SPDX-License-Identifier: MIT */
/*
 * Threads as every layer needs them: identity, names, thread-exit hooks, fork hooks. Layer 0.
 */
#ifndef SHALE_BASE_THREAD_H
#define SHALE_BASE_THREAD_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attributes.h"

/* A kernel name of a thread has at most 15 bytes and a NUL. */
enum { SHALE_THREAD_NAME_SIZE = 16 };

/* Not to be used directly: see shale_thread_id. */
extern SHALE_THREAD_LOCAL uint64_t shale_thread_own_id;
uint64_t shale_thread_assign_id(void);

/*
 * A number for the calling thread: never 0, never the same for two threads of this process, also
 * when one of them has ended. The first thread to ask is 1.
 *
 * Fork: the child's thread keeps its number. Signals: safe. Cost: a load, after the first call.
 */
static SHALE_ALWAYS_INLINE uint64_t shale_thread_id(void)
{
    uint64_t id = shale_thread_own_id;
    return SHALE_LIKELY(id != 0) ? id : shale_thread_assign_id();
}

/* The kernel's number of the calling thread, as in /proc/PID/task. Right after fork too. */
pid_t shale_thread_os_id(void);

/*
 * The kernel's name of a thread of this process, without a newline.
 *
 * @param os_id  the thread; 0 is the calling one.
 * @return 0; SHALE_EGONE when it has ended; SHALE_EIO.
 */
SHALE_NODISCARD int shale_thread_name(pid_t os_id, char name[SHALE_THREAD_NAME_SIZE]);

/*
 * A value per thread whose destructor runs when its thread exits.
 *
 * Only for the destructor: read the state itself from a SHALE_THREAD_LOCAL. `set` calls malloc in
 * glibc when the process has more than 32 keys: make the thread's state usable first. The
 * destructor runs before thread-local storage is gone, in no fixed order among keys.
 */
struct shale_thread_key {
    pthread_key_t key;
};

/* SHALE_ENOMEM when all keys of the process are taken. */
SHALE_NODISCARD int shale_thread_key_create(struct shale_thread_key *key,
                                            void (*destructor)(void *value));
void shale_thread_key_delete(struct shale_thread_key *key);

/* A value other than NULL arms the destructor for the calling thread. SHALE_ENOMEM is possible. */
SHALE_NODISCARD int shale_thread_key_set(const struct shale_thread_key *key, const void *value);
void *shale_thread_key_get(const struct shale_thread_key *key);

/* What happens around fork(). Not called by vfork, _Fork or a raw clone. */
struct shale_fork_hooks {
    void (*prepare)(void); /* parent, before: lowest rank first, of equal ones the latest added */
    void (*parent)(void);  /* parent, after: the other way round */
    void (*child)(void);   /* child, after: as parent; its only thread */
    uint32_t rank;         /* enum shale_lock_rank: of the outermost lock that prepare takes */
};

/*
 * Adds hooks (any may be NULL) for the life of the process; registering the same table again does
 * nothing.
 *
 * @param hooks  static: it is kept, not copied.
 * @return 0; SHALE_ENOMEM when SHALE_FORK_HOOKS_MAX tables are in or the C library refuses.
 * Threads: any; a fork that runs meanwhile sees all of the table or nothing of it.
 */
enum { SHALE_FORK_HOOKS_MAX = 16 };
SHALE_NODISCARD int shale_fork_hooks_register(const struct shale_fork_hooks *hooks);

#endif
