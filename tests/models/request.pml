/* SPDX-License-Identifier: MIT */
/*
 * A request (TIDY) that a visitor could not answer: it stays, and the owner answers it in its next
 * slow entry, unless a later visitor does. At the end it was answered, and never twice at once.
 * good:
 * broken: CLEAR    the visitor that gives up takes its request away
 */
bool held, tidy, op;
byte working, answers, asked;

/* When all have stopped, what was asked for was done, or is still asked for. */
active proctype Check() /* the first: processes end in the reverse order */
{
    (_nr_pr == 1);
    assert(asked == 0 || answers > 0 || tidy)
}

active proctype Owner()
{
    byte i = 0;
    bool mine;
    do
    :: i < 3 ->
        op = true; /* with the fence of the slow entry */
again:
        if
        :: held -> op = false; !held; op = true; goto again
        :: !held && tidy ->
            mine = false;
            atomic {
                if
                :: !held && tidy -> tidy = false; mine = true
                :: else -> skip
                fi
            };
            if
            :: mine -> working++; assert(working == 1); answers++; working--
            :: else -> skip
            fi;
            goto again
        :: !held && !tidy -> skip
        fi;
        op = false;
        i++
    :: else -> break
    od
}

active proctype Visitor()
{
    byte i = 0;
    do
    :: i < 2 ->
        atomic { held = true; tidy = true; asked++ };
        if
        :: !op ->
            working++;
            assert(working == 1);
            answers++;
            working--;
            atomic { held = false; tidy = false }
        :: true -> /* patience is at its end */
#ifdef CLEAR
            atomic { held = false; tidy = false }
#else
            held = false
#endif
        fi;
        i++
    :: else -> break
    od
}
