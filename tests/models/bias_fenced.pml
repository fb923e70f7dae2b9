/* SPDX-License-Identifier: MIT */
/*
 * The biased lock without membarrier: the owner's entry is an exchange, which empties its store
 * buffer, and then looks at attn.
 * good:
 * broken: PLAIN    the entry is a plain store
 * broken: EARLY    the entry looks at attn before its exchange only
 */
byte op;
bool held, owner_in, visitor_in;
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
    :: i < 3 ->
        seen = held;
#ifdef PLAIN
        buffer!1;
        seen = held;
#else
        atomic { len(buffer) == 0 -> op = 1 };
#ifndef EARLY
        seen = held;
#endif
#endif
        if
        :: !seen ->
            owner_in = true;
            assert(!visitor_in);
            owner_in = false;
            buffer!0
        :: else ->
            buffer!0;
            !held
        fi;
        i++
    :: else -> break
    od
}

active proctype Visitor()
{
    byte i = 0;
    do
    :: i < 2 ->
        held = true; /* a read-modify-write */
        op == 0;
        visitor_in = true;
        assert(!owner_in);
        visitor_in = false;
        held = false;
        i++
    :: else -> break
    od
}
