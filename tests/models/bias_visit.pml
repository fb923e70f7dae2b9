/* SPDX-License-Identifier: MIT */
/*
 * Two visitors of one owner. HELD must stay set from before the membarrier to the end of the work:
 * it is taken by one visitor at a time.
 * good:
 * broken: SHARED   both may set the same request bit, and either takes it away again: the bit that
 *                  the second finds may be younger than its own membarrier
 */
byte op;
bool attn, busy, owner_in;
byte visitors_in;
chan buffer = [4] of { byte };

active proctype Drain()
{
    byte value;
end:
    do
    :: atomic { buffer?value -> op = value }
    od
}

active proctype Owner()
{
    byte i = 0;
    bool seen;
    do
    :: i < 4 ->
        buffer!1;
        seen = attn;
        if
        :: !seen ->
            owner_in = true;
            assert(visitors_in == 0);
            owner_in = false;
            buffer!0
        :: else ->
            buffer!0;
            !attn
        fi;
        i++
    :: else -> break
    od
}

active [2] proctype Visitor()
{
    byte i = 0;
    do
    :: i < 2 ->
#ifdef SHARED
        attn = true;
        len(buffer) == 0;
        op == 0;
        atomic {
            if
            :: attn && !busy -> busy = true
            :: else -> goto next
            fi
        };
#else
        atomic { !busy -> busy = true };
        attn = true;
        len(buffer) == 0;
        op == 0;
#endif
        visitors_in++;
        assert(!owner_in && visitors_in == 1);
        visitors_in--;
        attn = false;
        busy = false;
next:
        i++
    :: else -> break
    od
}
