/* SPDX-License-Identifier: MIT */
/*
 * Epochs (src/smr/scan.c): a reader with two guards, whose stores wait in a store buffer, a thread that
 * unlinks, retires and reclaims, and a third one that moves the epoch. A node is never read after it
 * was freed. The reader's fence is a compiler barrier: only the fence of who looks empties the buffer.
 * good:
 * broken: NOFENCE   who looks at the guards does not fence them
 * broken: ONESTEP   a bag is ready one epoch after its own
 * broken: EARLYTAG  the epoch of the bag is read before the unlink
 * broken: NOCHECK   the epoch moves on without looking at the guards
 */
#define OUTSIDE 0

byte epoch = 1;
byte announced = OUTSIDE;
byte retirer = OUTSIDE; /* its own guard; its fences are full ones */
bool linked = true, freed;
chan buffer = [4] of { byte };

active proctype StoreBuffer()
{
    byte x;
end:
    do
    :: atomic { buffer?x -> announced = x }
    od
}

active proctype Reader()
{
    byte guards, e;
    bool found;
    do
    :: guards < 2 ->
        guards++;
        e = epoch;
        buffer!e;
        found = linked;
        if
        :: found -> assert(!freed)
        :: else -> skip
        fi;
        buffer!OUTSIDE
    :: else -> break
    od
}

#ifdef NOFENCE
#define FENCE_ALL skip
#else
#define FENCE_ALL (len(buffer) == 0)
#endif

#ifdef NOCHECK
#define HAS_ANNOUNCED(a, e) true
#else
#define HAS_ANNOUNCED(a, e) (a == OUTSIDE || a == e)
#endif

inline advance(e)
{
    e = epoch;
    FENCE_ALL;
    if
    :: HAS_ANNOUNCED(announced, e) ->
        if
        :: HAS_ANNOUNCED(retirer, e) -> atomic {
            if
            :: epoch == e -> epoch = e + 1
            :: else -> skip
            fi }
        :: else -> skip
        fi
    :: else -> skip
    fi
}

active proctype Mover()
{
    byte e;
    advance(e);
    advance(e);
    advance(e)
}

active proctype Retirer()
{
    byte e, tag, looks;
    atomic { e = epoch; retirer = e };
#ifdef EARLYTAG
    tag = epoch;
    retirer = OUTSIDE;
    linked = false;
#else
    linked = false;
    retirer = OUTSIDE;
    tag = epoch;
#endif
    do
    :: looks < 2 ->
        looks++;
        advance(e);
#ifdef ONESTEP
        if
        :: epoch >= tag + 1 -> freed = true
        :: else -> skip
        fi
#else
        if
        :: epoch >= tag + 2 -> freed = true
        :: else -> skip
        fi
#endif
    :: else -> break
    od
}
