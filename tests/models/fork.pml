/* SPDX-License-Identifier: MIT */
/*
 * A child that no handler saw (src/slab/fork.c, rebuild.c): the fork copies memory at any moment of two
 * threads that take and give back a unit each. The child makes the shared bits anew from the units' own
 * states: no unit that a thread was given is free there, no bit is left without a unit, and its lock
 * can be taken.
 * good:
 * broken: RESET   the lock is made free, the bits are left as they are
 * broken: TRUST   bits are rebuilt only when the lock was held: units in hand stay on no list
 * broken: EARLY   a unit is marked after it was handed out
 */
#define THREADS 2

bool lock;
bool bits_torn;                /* between the two halves of a change */
bool used[THREADS], state[THREADS], given[THREADS], inside[THREADS];

bool forked;
bool child_lock, child_torn, child_inside;
bool child_bit[THREADS], child_state[THREADS], child_given[THREADS];

inline change(i, value)
{
    atomic { !lock -> lock = true };
    bits_torn = true;
    used[i] = value;
    bits_torn = false;
    lock = false
}

active [THREADS] proctype Thread()
{
    byte i = _pid;
    inside[i] = true;
    change(i, true);
#ifdef EARLY
    given[i] = true;
    state[i] = true;
#else
    state[i] = true;
    given[i] = true;
#endif
    inside[i] = false;
    /* the user has it, and frees it */
    inside[i] = true;
    given[i] = false;
    state[i] = false;
    change(i, false);
    inside[i] = false
}

active proctype Fork()
{
    atomic {
        child_lock = lock;
        child_torn = bits_torn;
        child_inside = inside[0] || inside[1];
        child_bit[0] = used[0]; child_bit[1] = used[1];
        child_state[0] = state[0]; child_state[1] = state[1];
        child_given[0] = given[0]; child_given[1] = given[1];
        forked = true
    };
    /* the child, alone */
#ifndef RESET
    if
#ifdef TRUST
    :: child_lock ->
#else
    :: child_lock || child_inside ->
#endif
        child_bit[0] = child_state[0];
        child_bit[1] = child_state[1];
        child_torn = false
    :: else -> skip
    fi;
#endif
    child_lock = false;
    assert(!child_torn);
    assert(!child_given[0] || child_bit[0]);
    assert(!child_given[1] || child_bit[1]);
    assert(child_bit[0] == child_state[0]);
    assert(child_bit[1] == child_state[1]);
    assert(!child_lock)
}
