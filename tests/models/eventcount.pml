/* SPDX-License-Identifier: MIT */
/*
 * An event count (src/collections/eventcount.h): a maker and a waiter, with the maker's store buffer
 * in front of its look at the waiters, as the light fence leaves it; the waiter's heavy fence empties
 * it. The waiter must not sleep for ever beside an item.
 * good:
 * broken: NO_HEAVY   the waiter does not fence: the item can still be in the maker's buffer
 * broken: LATE_COUNT the waiter looks before it counts itself
 * broken: NO_MOVE    the wake does not move the sequence on
 */
bool item, item_buffered, maker_done, asleep, got;
byte waiters, sequence;

#define FLUSH item = item || item_buffered; item_buffered = false

active proctype Maker()
{
    item_buffered = true;        /* the store, not yet seen by others */
    if                           /* the buffer may empty at any time */
    :: FLUSH
    :: skip
    fi;
    if
    :: waiters > 0 ->
        atomic {
            FLUSH;               /* the wake's addition is a full fence */
#ifndef NO_MOVE
            sequence++;
#endif
            asleep = false
        }
    :: else -> skip
    fi;
    atomic { FLUSH; maker_done = true }
}

active proctype Waiter()
{
    byte seen;
#ifdef LATE_COUNT
    bool early = item;
    waiters++;
    seen = sequence;
    atomic { FLUSH };
    if
    :: early -> got = true; goto end
    :: else -> skip
    fi;
#else
    waiters++;
    seen = sequence;
#ifndef NO_HEAVY
    atomic { FLUSH };            /* membarrier: the maker's stores so far are seen */
#endif
    if
    :: item -> got = true; goto end
    :: else -> skip
    fi;
#endif
    atomic {                     /* the futex compares and sleeps in one step */
        if
        :: sequence == seen -> asleep = true
        :: else -> skip
        fi
    };
    if
    :: !asleep -> got = true     /* looks again, and finds it */
    :: maker_done && asleep -> assert(false)
    fi;
end:
    skip
}
