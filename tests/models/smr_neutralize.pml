/* SPDX-License-Identifier: MIT */
/*
 * Read and write phases (src/smr/phase.c): a thread that searches in a read phase, reserves what it
 * found and uses it in a write phase, twice; another one that unlinks the node and reclaims it. The
 * signal may come before any step of a read phase, or never. A node is never used after it was freed.
 * good:
 * broken: UNANSWERED  a node is freed because the signal was sent
 * broken: LATERESERVE the phase changes before the node is reserved
 * broken: NORESERVE   a write phase reserves nothing
 * broken: HANDLERWRITE the handler also throws a write phase out of its protection
 */
mtype = { PLAIN, READ, WRITE };

#define OUTSIDE 100

byte era = 1, lo = OUTSIDE;
mtype phase = PLAIN;
byte reserved;
byte place = 1;
bool freed, asked;

inline handler()
{
    asked = false;
    phase = PLAIN;
    lo = OUTSIDE
}

active proctype Reader()
{
    byte node, turns;
    do
    :: turns < 2 ->
        turns++;
restart:
        /* The signal can come anywhere in here; atomic steps are single instructions. */
        {
            node = 0;
            lo = era;
            phase = READ;
            node = place;
            if
            :: node != 0 -> assert(!freed)
            :: else -> skip
            fi;
#ifdef LATERESERVE
            phase = WRITE;
            reserved = node
#else
#ifndef NORESERVE
            reserved = node;
#endif
            phase = WRITE
#endif
        } unless {
#ifdef HANDLERWRITE
            asked && phase != PLAIN ->
#else
            asked && phase == READ ->
#endif
            atomic { handler();
#ifndef HANDLERWRITE
                goto restart
#endif
            }
        };
        if
        :: node != 0 -> assert(!freed)
        :: else -> skip
        fi;
        phase = PLAIN;
        lo = OUTSIDE;
        reserved = 0
    :: else -> break
    od
}

inline scan()
{
    if
    :: phase == WRITE -> held = (reserved == 1)
    :: else -> held = (lo <= retired)
    fi;
    if
    :: !held -> freed = true
    :: else -> skip
    fi
}

active proctype Reclaimer()
{
    byte retired;
    bool held;
    place = 0;
    retired = era;
    era++;
    scan();
    if
    :: !freed && phase == READ ->
        asked = true;
#ifdef UNANSWERED
        freed = true
#else
        if
        :: !asked -> skip
        :: true -> skip /* it takes too long */
        fi;
        scan()
#endif
    :: else -> skip
    fi
}
