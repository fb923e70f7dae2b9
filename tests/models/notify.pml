/* SPDX-License-Identifier: MIT */
/*
 * Arming a slab (slab_arm): the owner parks it, and must hear of the next batch.
 * good:
 * broken: OR       NOTIFY is set whatever the count: over blocks that are there nobody wakes it
 */
byte count;
bool notify, message, parked;
byte frees;

/* Nothing lies in the word of a parked slab unless a message is on the way. */
active proctype Check() /* the first: processes end in the reverse order */
{
    (_nr_pr == 1);
    assert(count == 0 || message)
}

active [2] proctype Sender()
{
    atomic {
        if
        :: notify -> notify = false; message = true; frees++
        :: else -> count++; frees++
        fi
    }
}

active proctype Owner()
{
    bool armed = false;
#ifdef OR
    if
    :: atomic { count > 0 -> count = 0 }
    :: true -> skip
    fi;
    notify = true;
#else
    do
    :: armed -> break
    :: !armed ->
        atomic {
            if
            :: count == 0 -> notify = true; armed = true
            :: else -> count = 0 /* collect */
            fi
        }
    od;
#endif
    parked = true
}
