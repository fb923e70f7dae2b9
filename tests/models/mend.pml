/* SPDX-License-Identifier: MIT */
/*
 * Who mends a child that no handler saw (src/slab/fork.c): the thread that forked and one that it started
 * meanwhile both find the word wiped. One mends, once, while the other is outside its heap or waits;
 * neither goes on before it is done.
 * good:
 * broken: TWICE   the word is looked at and set in two steps
 * broken: HASTY   the word says WHOLE before the work is done
 * broken: PASS    who finds somebody mending goes on
 * broken: INSIDE  the other thread is not stopped while lists are made anew
 */
#define WIPED   0
#define WHOLE   1
#define MENDING 2

byte word = WIPED;
byte mended, menders;
bool op[2], held[2], working[2];

inline mend(me)
{
    menders++;
    assert(menders == 1);
#ifndef INSIDE
    held[1 - me] = true;
    !op[1 - me];
#endif
    assert(!working[1 - me]);
    mended++;
    assert(!working[1 - me]);
#ifndef INSIDE
    held[1 - me] = false;
#endif
    menders--
}

inline check(me)
{
    bool mine = false;
#ifdef TWICE
    if
    :: word == WIPED -> mine = true
    :: else -> skip
    fi;
    if
    :: mine -> word = MENDING
    :: else -> skip
    fi;
#else
    atomic {
        if
        :: word == WIPED -> word = MENDING; mine = true
        :: else -> skip
        fi
    };
#endif
    if
    :: mine ->
#ifdef HASTY
        word = WHOLE;
        mend(me)
#else
        mend(me);
        word = WHOLE
#endif
    :: else ->
#ifdef PASS
        skip
#else
        word == WHOLE
#endif
    fi
}

active [2] proctype Thread()
{
    byte me = _pid;
    /* an operation of its own heap: needs nothing that is torn, and no check */
again:
    atomic { op[me] = true };
    if
    :: held[me] -> op[me] = false; !held[me]; goto again
    :: else -> skip
    fi;
    working[me] = true;
    working[me] = false;
    op[me] = false;
    /* something to wait for */
    check(me);
    assert(mended == 1)
}
