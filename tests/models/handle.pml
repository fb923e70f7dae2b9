/* SPDX-License-Identifier: MIT */
/*
 * A handle whose epoch is discarded, and whose memory another epoch's user then writes, while it is
 * looked at (src/slab/tag.h). The handle has generation 1 and tag 3; its block was freed, the tag is 4.
 * good:
 * broken: ONELOOK  the word is read once, before the tag
 * broken: LATE     the word changes after the memory has another user
 */
byte word = 1, tag = 4;

active proctype Look()
{
    byte before, found, after;
    before = word;
    found = tag;
#ifdef ONELOOK
    after = before;
#else
    after = word;
#endif
    assert(!(before == 1 && after == 1 && found == 3))
}

active proctype Discard()
{
#ifdef LATE
    tag = 3; /* a user's byte */
    word = 2
#else
    word = 2;
    tag = 3
#endif
}
