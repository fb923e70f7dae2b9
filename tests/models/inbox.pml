/* SPDX-License-Identifier: MIT */
/*
 * Batches as messages (src/slab/remote.c). A slab has two blocks freed by two senders. Its first
 * owner A may exit: it closes its inbox, counts what is in the word, and makes the slab an orphan,
 * which B adopts or which dies. Every block arrives once; the slab is released once, with no block
 * under way.
 * good:
 * broken: LINK     the batch is added to the word and the slab itself is sent as the message: it
 *                  can empty, be released, and be under way still
 * broken: OPEN     A exits without closing its inbox: messages are lost
 * broken: GONE     a sender whose push failed drops the batch
 */
#define NOBODY 0
#define A 1
#define B 2

byte count, live = 2;      /* the word: blocks freed; or, as an orphan, live ones */
bool notify = true, orphan, dead;
byte owner = A;
byte inbox_a, inbox_b;     /* messages */
bool closed_a, released;
byte under_way, back;

inline push(who, ok)
{
    atomic {
        if
        :: who == A && !closed_a -> inbox_a++; ok = true
        :: who == B -> inbox_b++; ok = true
        :: else -> ok = false
        fi
    }
}

inline release()
{
    assert(!released && under_way == 0);
    released = true
}

active proctype Check() /* the first: processes end in the reverse order */
{
    (_nr_pr == 1);
    assert(released && under_way == 0)
}

active [2] proctype Sender()
{
    byte to;
    bool done = false, last = false, ok, told;
    do
    :: !done ->
        told = false;
        atomic {
            if
            :: dead || released -> assert(false)
            :: orphan ->
                live--;
                done = true;
                if
                :: live == 0 -> orphan = false; dead = true; last = true
                :: else -> skip
                fi
            :: !orphan && notify ->
                notify = false;
                told = true;
                under_way++;
#ifdef LINK
                count++
#endif
            :: !orphan && !notify -> count++; done = true
            fi
        };
        if
        :: last -> release()
        :: else -> skip
        fi;
        if
        :: told ->
            to = owner;
            push(to, ok);
            if
            :: ok -> done = true
            :: else ->
                under_way--;
#ifdef GONE
                done = true
#endif
#ifdef LINK
                done = true
#endif
            fi
        :: else -> skip
        fi
    :: done -> break
    od
}

inline take_message(inbox)
{
    atomic { inbox > 0 -> inbox--; under_way-- };
#ifndef LINK
    back++
#endif
}

active proctype OwnerA()
{
    do
    :: take_message(inbox_a)
    :: atomic { count > 0 -> back = back + count; count = 0 } /* as it looks for blocks */
    :: atomic { back < 2 && count == 0 && !notify -> notify = true } /* parks it */
    :: back == 2 -> release(); goto done
    :: back < 2 -> break /* exits */
    od;
#ifndef OPEN
    closed_a = true;
#endif
    do
    :: inbox_a > 0 -> take_message(inbox_a)
    :: else -> break
    od;
    owner = NOBODY;
    do
    :: atomic { count > 0 -> back = back + count; count = 0 }
    :: atomic { count == 0 && back < 2 ->
        notify = false; orphan = true; live = 2 - back; goto done }
    :: count == 0 && back == 2 -> release(); goto done
    od;
done:
    skip
}

active proctype AdopterB()
{
    do
    :: atomic { orphan && live > 0 -> orphan = false; back = 2 - live; count = 0 }; owner = B; break
    :: released || timeout -> goto done
    od;
    do
    :: take_message(inbox_b)
    :: atomic { count > 0 -> back = back + count; count = 0 }
    :: atomic { back < 2 && count == 0 && !notify -> notify = true }
    :: back == 2 -> release(); break
    :: timeout -> break
    od;
done:
    skip
}
