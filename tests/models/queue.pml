/* SPDX-License-Identifier: MIT */
/*
 * The unbounded queue (src/collections/queue.c) with segments of two cells: two producers, two
 * consumers of which one waits for items and the other may find it empty. Counters of completed
 * puts and gets judge the answer "empty".
 * good:
 * broken: OVERWRITE    a put stores into its cell although a get has given up on it
 * broken: FALSE_EMPTY  empty is told from the first segment alone
 * broken: HEAD_FIRST   head leaves a segment, which is retired, while tail may still be on it
 * broken: NO_CLAIM     a get takes the item without claiming the cell by an addition
 */
#define CELLS    2
#define SEGMENTS 4
#define EMPTY    0
#define TAKEN    9

byte cell[8];              /* CELLS of each segment, next to each other */
byte put_at[SEGMENTS], get_at[SEGMENTS], next[SEGMENTS];
bool retired[SEGMENTS];
byte made = 1, head, tail; /* segment 0 is there; as `next` it means none */
byte puts, gets;           /* completed */
byte seen[4];

proctype Producer(byte item)
{
    byte segment, at, fresh;
again:
    atomic {
        segment = tail;
        /* Nobody retires a segment that can still be found. */
        assert(!retired[tail])
    };
    atomic { at = put_at[segment]; put_at[segment] = at + 1 };
    if
    :: at < CELLS ->
        atomic {
            if
#ifdef OVERWRITE
            :: true ->
#else
            :: cell[segment * CELLS + at] == EMPTY ->
#endif
                cell[segment * CELLS + at] = item;
                puts++;
                goto done
            :: else -> goto again
            fi
        }
    :: else ->
        atomic {
            if
            :: next[segment] == 0 && made < SEGMENTS ->
                /* append(): a segment that holds the item is linked */
                fresh = made;
                made++;
                cell[fresh * CELLS] = item;
                put_at[fresh] = 1;
                next[segment] = fresh;
                puts++
            :: else -> fresh = 0
            fi
        };
        atomic {
            if
            :: tail == segment && next[segment] != 0 -> tail = next[segment]
            :: else
            fi
        };
        if
        :: fresh != 0 -> goto done
        :: next[segment] == 0 -> goto done /* the model's segments are used up */
        :: else -> goto again
        fi
    fi;
done:
    skip
}

proctype Consumer(bool waits)
{
    byte segment, at, put, item, before, behind;
again:
    atomic { segment = head; before = puts };
    at = get_at[segment];
    put = put_at[segment];
    if
    :: put <= at ->
#ifdef FALSE_EMPTY
        behind = 0;
#else
        behind = next[segment];
#endif
        if
        :: behind == 0 ->
            /* empty: every put that had ended before the call is got, or claimed by the one other
             * consumer */
            assert(before <= gets + 1);
            if
            :: waits && puts < 2 -> goto again
            :: else -> goto done
            fi
        :: else
        fi
    :: else
    fi;
#ifdef NO_CLAIM
    at = get_at[segment];
    get_at[segment] = at + 1;
#else
    atomic { at = get_at[segment]; get_at[segment] = at + 1 };
#endif
    if
    :: at < CELLS ->
        atomic {
            item = cell[segment * CELLS + at];
            if
            :: item == EMPTY -> cell[segment * CELLS + at] = TAKEN
            :: else
            fi
        };
        if
        :: item == EMPTY -> goto again
        :: else ->
            atomic {
                assert(item != TAKEN && seen[item] == 0);
                seen[item] = 1;
                gets++
            }
        fi
    :: else ->
        behind = next[segment];
        if
        :: behind == 0 -> goto done
        :: else
        fi;
#ifndef HEAD_FIRST
        atomic {
            if
            :: tail == segment -> tail = behind
            :: else
            fi
        };
#endif
        atomic {
            if
            :: head == segment -> head = behind; retired[segment] = true
            :: else
            fi
        };
        goto again
    fi;
done:
    skip
}

init
{
    atomic {
        run Producer(1);
        run Producer(2);
        run Consumer(true);
        run Consumer(false)
    }
    (_nr_pr == 1);
    /* Nothing is lost: what was put and not got is still in a cell. */
    byte i, left;
    d_step {
        for (i : 0 .. 7) {
            if
            :: cell[i] != EMPTY && cell[i] != TAKEN && seen[cell[i]] == 0 -> left++
            :: else
            fi
        };
        assert(puts == gets + left)
    }
}
