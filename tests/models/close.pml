/* SPDX-License-Identifier: MIT */
/*
 * Discard against a thread that frees a block of another's slab (src/slab/close.h). The sender puts the
 * block into a batch in one operation and sends it as a message in another; the message lies in the
 * slab's own memory, which the closer wants to use again. Its free begins before the discard does
 * (else a free could be of a block that is somebody else's by then), and ends whenever.
 * good:
 * broken: ONEROUND  inboxes are emptied only while operations may still send
 * broken: NOOPS     quiet does not ask whether a thread is inside an operation
 * broken: NOFLAG    quiet does not ask whether blocks were freed by others
 * broken: NOGEN     a batch is sent without a look at the generation
 */
byte gen = 1, life = 1;
bool slab = true, remote, inside, inbox, begun;
byte batch; /* generation; 0: none */

active proctype Sender()
{
    byte g;
    atomic {
        if
        :: !begun -> inside = true
        :: else -> goto end
        fi
    };
    if
    :: slab ->
        g = gen;
        remote = true;
        if
        :: gen == g && slab -> assert(life == 1); batch = g
        :: else -> skip
        fi
    :: else -> skip
    fi;
    inside = false;

    inside = true;
#ifdef NOGEN
    if
    :: batch != 0 -> assert(life == 1); inbox = true; batch = 0
    :: else -> skip
    fi;
#else
    if
    :: batch != 0 && batch == gen -> assert(life == 1); inbox = true; batch = 0
    :: else -> batch = 0
    fi;
#endif
    inside = false;
end: skip
}

inline visit_owner() { atomic { inbox = false } }
inline visit_sender() { atomic { !inside -> batch = 0 } }

active proctype Closer()
{
    bool quiet = true;
    begun = true;
    atomic { slab = false; gen = 2 }; /* under the owner's biased lock */
#ifndef NOFLAG
    if
    :: remote -> quiet = false
    :: else -> skip
    fi;
#endif
#ifndef NOOPS
    if
    :: inside -> quiet = false
    :: else -> skip
    fi;
#endif
    if
    :: quiet -> skip
    :: else ->
        visit_owner();
#ifndef NOGEN
        visit_sender();
#else
        atomic { !inside -> skip };
#endif
#ifndef ONEROUND
        visit_owner()
#endif
    fi;
    assert(!inbox);
    life = 2;
    slab = true
}
