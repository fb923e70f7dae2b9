/* SPDX-License-Identifier: MIT */
/*
 * Stopping everybody (src/slab/stop.c) while a thread arrives: it registers under the gate, which
 * the one who stops holds.
 * good:
 * broken: LATE     the structure becomes LIVE after the gate: it is passed over, and runs
 */
bool gate, live, held, op, thread_in, stopper_in;

active proctype Thread()
{
    bool seen;
    atomic { !gate -> gate = true };
#ifndef LATE
    live = true;
#endif
    gate = false;
#ifdef LATE
    live = true;
#endif
enter:
    atomic { op = true; seen = held }; /* fenced: see bias.pml for the store buffer */
    if
    :: seen -> op = false; !held; goto enter
    :: else -> skip
    fi;
    thread_in = true;
    assert(!stopper_in);
    thread_in = false;
    op = false
}

active proctype Stopper()
{
    bool mine = false;
    atomic { !gate -> gate = true };
    if
    :: live -> held = true; mine = true; !op
    :: else -> skip
    fi;
    stopper_in = true;
    assert(!thread_in);
    stopper_in = false;
    if
    :: mine -> held = false
    :: else -> skip
    fi;
    gate = false
}
