/* SPDX-License-Identifier: MIT */
/*
 * The biased lock (src/slab/bias.h): one owner, one visitor, one sender that sets a bit in attn.
 * The owner's stores pass through a buffer of depth 4 (TSO); a membarrier returns when it is empty.
 * good:
 * broken: NOBAR    the visitor runs no membarrier
 * broken: STORE    the sender stores attn instead of or-ing its bit in: HELD is erased
 * broken: GIVEUP   the visitor does not wait for op == 0
 */
#define HELD 1
#define INBOX 2

byte op, attn;
bool owner_in, visitor_in;
chan buffer = [4] of { byte };

active proctype Drain()
{
    byte value;
end:
    do
    :: atomic { buffer?value -> op = value }
    od
}

active proctype Sender()
{
#ifdef STORE
    attn = INBOX
#else
    atomic { attn = attn | INBOX }
#endif
}

active proctype Owner()
{
    byte i = 0;
    byte seen;
    do
    :: i < 3 ->
        buffer!1;
        seen = attn; /* may run before the store is in memory */
        if
        :: (seen & HELD) == 0 ->
            if
            :: (seen & INBOX) != 0 -> atomic { attn = attn & ~INBOX }
            :: else -> skip
            fi;
            /* slow entries look again after their own read-modify-write */
            if
            :: (seen & INBOX) != 0 ->
                len(buffer) == 0;
                if
                :: (attn & HELD) != 0 -> buffer!0; (attn & HELD) == 0; goto next
                :: else -> skip
                fi
            :: else -> skip
            fi;
            owner_in = true;
            assert(!visitor_in);
            owner_in = false;
            buffer!0
        :: else ->
            buffer!0;
            (attn & HELD) == 0
        fi;
next:
        i++
    :: else -> break
    od
}

active proctype Visitor()
{
    byte i = 0;
    do
    :: i < 2 ->
        atomic { attn = attn | HELD };
#ifndef NOBAR
        len(buffer) == 0;
#endif
#ifndef GIVEUP
        op == 0;
#endif
        visitor_in = true;
        assert(!owner_in);
        visitor_in = false;
        atomic { attn = attn & ~HELD };
        i++
    :: else -> break
    od
}
