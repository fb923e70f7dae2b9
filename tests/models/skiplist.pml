/* SPDX-License-Identifier: MIT */
/*
 * The life of a skip-list node of two levels (src/collections/skiplist.h): an inserter that links the
 * upper level late, a remover, and two passers-by that unlink what is marked. The node is retired
 * once, when no level is linked and nobody will link one.
 * good:
 * broken: NO_HOLD    the inserter is not counted: the node can go while it still links
 * broken: NO_COUNT   who unlinks level 0 retires
 * broken: BLIND_LINK the inserter sets its own pointer without a look at the mark
 */
bool removed, mark0, mark1;      /* the tombstone, and the marks of the levels */
bool linked0, linked1;
byte links;
byte retired;
byte done;

inline drop_link()
{
    atomic {
        links--;
        if
        :: links == 0 -> retired++; assert(retired == 1)
        :: else -> skip
        fi
    }
}

inline unlink(level_linked, level_mark)
{
    mine = false;
    atomic {
        if
        :: level_linked && level_mark -> level_linked = false; mine = true
        :: else -> skip
        fi
    };
    if
    :: mine ->
#ifdef NO_COUNT
        atomic { retired++; assert(retired == 1 && !linked0 && !linked1) }
#else
        drop_link()
#endif
    :: else -> skip
    fi
}

active proctype Inserter()
{
    bool ours, mine;
#ifdef NO_HOLD
    atomic { linked0 = true; links = 1 };
#else
    atomic { linked0 = true; links = 2 };
#endif
    assert(retired == 0);
    atomic {                     /* aims its own pointer: a swap that fails on the mark */
#ifdef BLIND_LINK
        mark1 = false; ours = true
#else
        ours = !mark1
#endif
    };
    if
    :: ours ->
        atomic { assert(retired == 0); links++ };
        linked1 = true;
        assert(retired == 0);
        if
        :: mark1 -> unlink(linked1, mark1)
        :: else -> skip
        fi
    :: else -> skip
    fi;
#ifndef NO_HOLD
    drop_link();
#endif
    done++
}

active proctype Remover()
{
    bool mine;
    linked0;
    removed = true;
    mark1 = true;
    mark0 = true;
    unlink(linked1, mark1);
    unlink(linked0, mark0);
    done++
}

active [2] proctype Passer()
{
    bool mine;
    unlink(linked1, mark1);
    unlink(linked0, mark0);
    done++
}

/* In the end a later search passes: everything is unlinked and retired. */
active proctype Later()
{
    bool mine;
    (done == 4);
    unlink(linked1, mark1);
    unlink(linked0, mark0);
    assert(!linked0 && !linked1 && retired == 1)
}
