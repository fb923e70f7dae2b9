/* SPDX-License-Identifier: MIT */
/*
 * An orphan with two live blocks, two frees, one thread that would adopt it (src/slab/orphan.h). One
 * of them gets the slab, once.
 * good:
 * broken: COUNTUP  frees count up and are compared afterwards with what the hot line says is live
 * broken: ADOPT0   adoption does not ask for live > 0
 */
bool orphan = true, dead;
byte count, live = 2, claims;

active [2] proctype Freer()
{
    bool mine = false;
#ifdef COUNTUP
    byte seen;
    bool was;
    atomic { count++; seen = count; was = orphan };
    if
    :: was && seen == 2 -> mine = true
    :: else -> skip
    fi;
#else
    atomic {
        if
        :: orphan || live > 0 ->
            live--;
            if
            :: live == 0 && orphan ->
                dead = true;
                mine = true;
#ifndef ADOPT0
                orphan = false
#endif
            :: else -> skip
            fi
        :: else -> skip
        fi
    };
#endif
    if
    :: mine -> claims++; assert(claims == 1)
    :: else -> skip
    fi
}

active proctype Adopter()
{
    bool mine = false;
    atomic {
        if
#ifdef ADOPT0
        :: orphan -> orphan = false; mine = true
#else
        :: orphan && live > 0 -> orphan = false; mine = true
#endif
        :: else -> skip
        fi
    };
    if
    :: mine -> claims++; assert(claims == 1)
    :: else -> skip
    fi
}
