/* SPDX-License-Identifier: MIT */
/*
 * Caches of an epoch: one thread makes its cache while another closes the epoch, and the block of a
 * cache that went becomes the cache of the next epoch of another thread (src/slab/cache.h).
 * good:
 * broken: NOCHECK  a cache is made without a look at the epoch's state under its lock
 * broken: NOLOCK   the state is looked at, but not under the lock
 * broken: KEEP     the entry in `recent` stays when the cache goes
 */
bool active_ = true, lock, gone;
bool listed;           /* the thread's cache is on the epoch's list */
bool entry;            /* the thread's `recent` points to it */
byte id = 1;           /* of the epoch that the block is a cache of */
bool pooled, used_here, used_there;

inline take() { atomic { !lock -> lock = true } }

active proctype Thread()
{
    bool ok = true;
#ifndef NOCHECK
#ifdef NOLOCK
    ok = active_;
    take();
#else
    take();
    ok = active_;
#endif
#else
    take();
#endif
    if
    :: ok -> listed = true; entry = true
    :: else -> skip
    fi;
    lock = false;
    /* Later: the epoch's id was reused as 2 by the time; the thread asks for 2. */
    atomic {
        if
        :: entry && id == 2 -> used_here = true
        :: else -> skip
        fi
    };
    assert(!(used_here && used_there));
    used_here = false
}

active proctype Closer()
{
    active_ = false;
    take();
    if
    :: listed -> /* under the thread's biased lock */
        atomic {
            listed = false;
#ifndef KEEP
            entry = false;
#endif
            pooled = true
        }
    :: else -> skip
    fi;
    gone = true;
    lock = false;
    assert(!listed);
    /* The epoch's memory is used again from here. */
    take();
    assert(!listed);
    lock = false
}

active proctype Other()
{
end: pooled -> id = 2;
    used_there = true;
    assert(!used_here);
    used_there = false
}
