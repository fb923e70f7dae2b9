/* SPDX-License-Identifier: MIT */
/*
 * Read and write phases, and the signal that ends a read phase. Layer 3.
 *
 *            SHALE_SMR_READ                 shale_smr_write
 *     PLAIN ----------------> READ ------------------------> WRITE
 *       ^                     | ^                              |
 *       |   exit, nested      | | SHALE_SMR_READ               |
 *       +---------------------+-+------------------------------+
 *                             | handler: interval ended, siglongjmp to SHALE_SMR_READ
 *
 * `reading` is the slot whose read phase the thread is in; the handler looks at nothing else. It
 * writes only what its own thread owns, and answers the request whatever it finds, so that nobody
 * waits for a thread that has just left its phase.
 *
 * A write phase holds up its reserved nodes only. Who reclaims reads the phase, then the nodes: if
 * the thread is in a later guard by then, that guard's fence came after the reclaimer's, so it can
 * reach nothing that the reclaimer found unlinked.
 */
#define _GNU_SOURCE
#include "smr/phase.h"

#include <errno.h>
#include <sched.h>
#include <shale/error.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "smr/guard.h"
#include "smr/scan.h"

enum { WAIT_NS = 100000, SPINS = 64 };

static SHALE_THREAD_LOCAL struct shale_smr_thread *volatile reading;

/* ---- the thread itself ---- */

static void end_phase(struct shale_smr_thread *slot)
{
    reading = NULL;
    shale_compiler_barrier(); /* from here on the handler only answers */
    shale_atomic_store_relaxed(&slot->phase, SMR_PLAIN);
    slot->nested = 0;
}

/* A nested guard takes part in no phase: from here on the interval counts again. */
void smr_enter_nested(struct shale_smr_thread *slot)
{
    if (slot->nested == SMR_IN_PHASE) {
        end_phase(slot);
        smr_guard_fence(slot);
    }
    slot->nested++;
}

void smr_exit_nested(struct shale_smr_thread *slot)
{
    if (slot->nested != SMR_IN_PHASE) {
        slot->nested--;
        return;
    }
    end_phase(slot);
    smr_exit(slot);
}

/* False in a nested guard, and where another domain's guard is in a read phase. */
static bool may_read(const struct shale_smr_thread *slot)
{
    return slot->phases && (slot->nested == 0 || slot->nested == SMR_IN_PHASE) &&
           (!reading || reading == slot);
}

void *shale_smr_read_checkpoint(struct shale_smr_thread *thread)
{
    if (!may_read(thread))
        return NULL;
    reading = NULL;
    shale_compiler_barrier(); /* the jump's target is about to change */
    return &thread->jump;
}

void shale_smr_read_begin(struct shale_smr_thread *thread)
{
    if (!may_read(thread))
        return;
    thread->nested = SMR_IN_PHASE;
    shale_atomic_store_relaxed(&thread->phase, SMR_READ);
    shale_compiler_barrier();
    reading = thread;
    shale_compiler_barrier(); /* nothing is read before it can be taken back */
    smr_publish(thread);
}

int shale_smr_write(struct shale_smr_thread *thread, void *const *nodes, size_t count)
{
    if (count > SHALE_SMR_RESERVED_MAX)
        return SHALE_EINVAL;
    if (shale_atomic_load_relaxed(&thread->phase) != SMR_READ)
        return SHALE_OK;
    for (size_t i = 0; i < count; i++)
        shale_atomic_store_relaxed(&thread->reserved[i], nodes[i]);
    shale_atomic_store_relaxed(&thread->reserved_count, (uint32_t)count);
    /* ORDER SMR12 release -> acquire in smr_is_writing() [phase.c]. The reserved nodes are there,
     * and all others have been read for the last time. Without it a reserved node could be freed.
     * Test phase_write_reserved_node_stays. */
    shale_atomic_store_release(&thread->phase, SMR_WRITE);
    shale_compiler_barrier(); /* the handler answers only, from the store on */
    reading = NULL;
    return SHALE_OK;
}

/* ---- who reclaims ---- */

bool smr_is_writing(struct shale_smr_thread *slot)
{
    /* ORDER SMR12 acquire <- release in shale_smr_write() [phase.c]. The reserved nodes of this
     * write phase, or later ones. Without it a reserved node could be freed. Test
     * phase_write_reserved_node_stays. */
    return shale_atomic_load_acquire(&slot->phase) == SMR_WRITE;
}

bool smr_has_reserved(const struct shale_smr_thread *slot, const void *node)
{
    uint32_t count = shale_atomic_load_relaxed(&slot->reserved_count);
    for (uint32_t i = 0; i < count; i++)
        if (shale_atomic_load_relaxed(&slot->reserved[i]) == node)
            return true;
    return false;
}

static bool is_reading(const struct shale_smr_thread *slot)
{
    return shale_atomic_load_relaxed(&slot->phase) == SMR_READ &&
           shale_atomic_load_relaxed(&slot->lo) != SMR_OUTSIDE;
}

static bool has_answered(struct shale_smr_thread *slot, uint64_t request)
{
    /* ORDER SMR13 acquire <- release in answer() [phase.c]. The end of the interval is seen by the
     * scan that follows. Without it that scan could be in vain. Test
     * phase_parked_reader_is_thrown_out. */
    return shale_atomic_load_acquire(&slot->acknowledged) >= request || !is_reading(slot);
}

static void send_signal(struct shale_smr_thread *slot, uint64_t *request)
{
    *request = shale_atomic_fetch_add_relaxed(&slot->request, 1) + 1;
    syscall(SYS_tgkill, getpid(), (pid_t)shale_atomic_load_relaxed(&slot->os_id),
            slot->domain->options.signal);
}

static bool wait_for(struct shale_smr_thread *slot, uint64_t request)
{
    uint64_t end = shale_clock_monotonic_ns() + WAIT_NS;
    for (unsigned i = 0; !has_answered(slot, request); i++) {
        if (i < SPINS) {
            shale_cpu_relax();
            continue;
        }
        if (shale_clock_monotonic_ns() > end)
            return false;
        sched_yield();
    }
    return true;
}

/* A guard that is older than all the bags filled in a while: it is not just passing through. */
static bool is_in_the_way(const struct shale_smr_thread *self, const struct shale_smr_thread *slot)
{
    const struct smr_bag *oldest = self->limbo.head;
    return slot != self && is_reading(slot) && oldest &&
           shale_atomic_load_relaxed(&slot->lo) <= oldest->era;
}

static bool throw_out(struct shale_smr_thread *self, struct shale_smr_thread *slot)
{
    uint64_t request;
    send_signal(slot, &request);
    if (wait_for(slot, request))
        return true;
    shale_atomic_add_single_writer(&self->unacknowledged_count, 1);
    return false;
}

bool smr_neutralize(struct shale_smr_thread *slot)
{
    const struct shale_smr *domain = slot->domain;
    uint32_t end = smr_slots_end(domain);
    uint64_t thrown = 0;
    int saved = errno;
    if (slot->kept <= domain->bag_size)
        return false;
    for (uint32_t i = 0; i < end; i++) {
        struct shale_smr_thread *other = smr_slot_at(domain, i);
        if (is_in_the_way(slot, other))
            thrown += throw_out(slot, other);
    }
    errno = saved;
    if (thrown > 0)
        smr_note_neutralized(slot, thrown);
    return thrown > 0;
}

/* ---- the handler ---- */

static void answer(struct shale_smr_thread *slot)
{
    uint64_t request = shale_atomic_load_relaxed(&slot->request);
    /* ORDER SMR13 release -> acquire in has_answered() [phase.c]. The interval has ended. Without
     * it a scan could be in vain. Test phase_parked_reader_is_thrown_out. */
    shale_atomic_store_release(&slot->acknowledged, request);
}

static void on_signal(int signal)
{
    struct shale_smr_thread *slot = reading;
    if (!slot)
        return;
    bool asked =
        shale_atomic_load_relaxed(&slot->request) != shale_atomic_load_relaxed(&slot->acknowledged);
    bool restart = asked && shale_atomic_load_relaxed(&slot->phase) == SMR_READ;
    if (restart) {
        reading = NULL;
        slot->nested = SMR_IN_PHASE; /* it may have been about to nest or to leave */
        shale_atomic_store_relaxed(&slot->phase, SMR_PLAIN);
        shale_atomic_add_single_writer(&slot->neutralized_count, 1);
        /* ORDER SMR4 release -> acquire in smr_lo() [scan.c]. The phase reads nothing more. Test
         * phase_parked_reader_is_thrown_out. */
        shale_atomic_store_release(&slot->lo, SMR_OUTSIDE);
    }
    answer(slot);
    if (restart)
        siglongjmp(slot->jump, 1);
}

static bool is_ours_or_free(const struct sigaction *action)
{
    if (action->sa_flags & SA_SIGINFO)
        return false;
    return action->sa_handler == SIG_DFL || action->sa_handler == SIG_IGN ||
           action->sa_handler == on_signal;
}

int smr_phases_start(int signal)
{
    struct sigaction action;
    if (SHALE_THREAD_SANITIZER)
        return SHALE_ENOTSUP; /* it delivers signals late, at calls that a read phase has not */
    if (sigaction(signal, NULL, &action) != 0)
        return SHALE_EINVAL;
    if (!is_ours_or_free(&action))
        return SHALE_EBUSY;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    /* NODEFER: it is left by a jump that restores no mask. */
    action.sa_flags = SA_RESTART | SA_NODEFER;
    sigemptyset(&action.sa_mask);
    return sigaction(signal, &action, NULL) == 0 ? SHALE_OK : SHALE_EINVAL;
}
