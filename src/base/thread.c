/* SPDX-License-Identifier: MIT */
/*
 * Thread identity and the process-wide hooks. Layer 0.
 *
 * The list of fork hooks only grows, under `hooks_lock`, and a fork holds that lock from its first
 * prepare hook to its last parent or child hook: all three run for the same tables.
 */
#define _GNU_SOURCE
#include "base/thread.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <shale/error.h>

#include "base/atomic.h"
#include "base/lock.h"
#include "base/system.h"

SHALE_THREAD_LOCAL uint64_t shale_thread_own_id;

static _Atomic uint64_t last_id;

uint64_t shale_thread_assign_id(void)
{
    uint64_t id = shale_atomic_fetch_add_relaxed(&last_id, 1) + 1;
    /* A signal handler may have come first: its number stands, this one is never used. */
    if (shale_thread_own_id == 0)
        shale_thread_own_id = id;
    return shale_thread_own_id;
}

pid_t shale_thread_os_id(void)
{
    return (pid_t)syscall(SYS_gettid);
}

int shale_thread_name(pid_t os_id, char name[SHALE_THREAD_NAME_SIZE])
{
    char path[64];
    char text[SHALE_THREAD_NAME_SIZE + 1];
    if (os_id == 0)
        os_id = shale_thread_os_id();
    snprintf(path, sizeof path, "/proc/self/task/%d/comm", (int)os_id);
    ssize_t length = shale_system_read_file(path, text, sizeof text);
    if (length < 0)
        return length == SHALE_ENOENT ? SHALE_EGONE : (int)length;
    text[strcspn(text, "\n")] = '\0';
    memcpy(name, text, SHALE_THREAD_NAME_SIZE);
    return SHALE_OK;
}

/* ---- thread exit ---- */

int shale_thread_key_create(struct shale_thread_key *key, void (*destructor)(void *value))
{
    return pthread_key_create(&key->key, destructor) == 0 ? SHALE_OK : SHALE_ENOMEM;
}

void shale_thread_key_delete(struct shale_thread_key *key)
{
    pthread_key_delete(key->key);
}

int shale_thread_key_set(const struct shale_thread_key *key, const void *value)
{
    return pthread_setspecific(key->key, value) == 0 ? SHALE_OK : SHALE_ENOMEM;
}

void *shale_thread_key_get(const struct shale_thread_key *key)
{
    return pthread_getspecific(key->key);
}

/* ---- fork ---- */

static struct shale_lock hooks_lock = SHALE_LOCK_INIT(SHALE_RANK_FORK_HOOKS);
static const struct shale_fork_hooks *hooks[SHALE_FORK_HOOKS_MAX]; /* highest rank first */
static unsigned hooks_count;
static pthread_once_t installed = PTHREAD_ONCE_INIT;
static bool install_failed;

/* The lock is held from prepare to parent or child: no hook can appear in between. */
static void run_prepare(void)
{
    shale_lock_acquire(&hooks_lock);
    for (unsigned i = hooks_count; i-- > 0;)
        if (hooks[i]->prepare)
            hooks[i]->prepare();
}

static void run_parent(void)
{
    for (unsigned i = 0; i < hooks_count; i++)
        if (hooks[i]->parent)
            hooks[i]->parent();
    shale_lock_release(&hooks_lock);
}

static void run_child(void)
{
    for (unsigned i = 0; i < hooks_count; i++)
        if (hooks[i]->child)
            hooks[i]->child();
    shale_lock_release(&hooks_lock);
}

static void install(void)
{
    install_failed = pthread_atfork(run_prepare, run_parent, run_child) != 0;
}

static int add_hooks(const struct shale_fork_hooks *added)
{
    for (unsigned i = 0; i < hooks_count; i++)
        if (hooks[i] == added)
            return SHALE_OK;
    if (hooks_count == SHALE_FORK_HOOKS_MAX)
        return SHALE_ENOMEM;
    unsigned place = hooks_count++;
    for (; place > 0 && hooks[place - 1]->rank < added->rank; place--)
        hooks[place] = hooks[place - 1];
    hooks[place] = added;
    return SHALE_OK;
}

int shale_fork_hooks_register(const struct shale_fork_hooks *added)
{
    /* Before the lock is taken: a fork by another thread must never find it held for ever. */
    pthread_once(&installed, install);
    if (install_failed)
        return SHALE_ENOMEM;
    shale_lock_acquire(&hooks_lock);
    int code = add_hooks(added);
    shale_lock_release(&hooks_lock);
    return code;
}
