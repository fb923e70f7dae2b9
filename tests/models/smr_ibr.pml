/* SPDX-License-Identifier: MIT */
/*
 * Intervals (src/smr/ibr.c, smr_load() in src/smr/guard.h): a reader with two guards, whose stores wait in
 * a store buffer, a thread that replaces node 1 by node 2 and then takes node 2 away, and one that
 * moves the era. A node is never read after it was freed.
 * good:
 * broken: NOFENCE    who looks at the intervals does not fence the guards
 * broken: NOWIDEN    a load does not look at the era
 * broken: LATEBIRTH  a node's birth is read after it was linked
 * broken: EARLYERA   the era of the bag is read before the unlink
 * broken: HIBEFORE   the era is read before the pointer
 */
#define OUTSIDE 100
#define LO 0
#define HI 1

byte era = 1;
byte lo = OUTSIDE, hi = 1;
byte place = 1;
byte birth[3] = 1;
bool freed[3];
chan buffer = [6] of { bit, byte };

active proctype StoreBuffer()
{
    bit which;
    byte x;
end:
    do
    :: atomic { buffer?which, x ->
        if
        :: which == LO -> lo = x
        :: else -> hi = x
        fi }
    od
}

active proctype Reader()
{
    byte guards, mine = 1, seen, node, tries;
    do
    :: guards < 2 ->
        guards++;
        tries = 0;
        buffer!LO, era; /* hi is still that of the guard before */
again:
#ifdef HIBEFORE
        seen = era;
        node = place;
#else
        node = place;
        seen = era;
#endif
#ifdef NOWIDEN
        seen = mine;
#endif
        if
        :: seen != mine && tries < 3 ->
            tries++;
            mine = seen;
            buffer!HI, mine;
            goto again
        :: seen != mine -> node = 0
        :: else -> skip
        fi;
        if
        :: node != 0 -> assert(!freed[node])
        :: else -> skip
        fi;
        buffer!LO, OUTSIDE
    :: else -> break
    od
}

active proctype Mover()
{
    atomic { era++ };
    atomic { era++ }
}

#ifdef NOFENCE
#define FENCE_ALL skip
#else
#define FENCE_ALL (len(buffer) == 0)
#endif

inline scan(node, retired)
{
    FENCE_ALL;
    low = lo;
    high = hi;
    if
    :: low == OUTSIDE || high < birth[node] || low > retired -> freed[node] = true
    :: else -> skip
    fi
}

active proctype Writer()
{
    byte retired, low, high;
    atomic { era++ };
#ifdef LATEBIRTH
    place = 2;
    birth[2] = era;
#else
    birth[2] = era;
#ifdef EARLYERA
    retired = era;
#endif
    place = 2;
#endif
#ifndef EARLYERA
    retired = era;
#endif
    scan(1, retired);
#ifdef EARLYERA
    retired = era;
#endif
    place = 0;
#ifndef EARLYERA
    retired = era;
#endif
    scan(2, retired)
}
