/* SPDX-License-Identifier: MIT */
/*
 * The bounded ring (src/collections/ring.c) with two cells: two producers, two consumers, and the
 * two answers that need a second look. Counters of completed puts and gets judge them.
 * good:
 * broken: HASTY_EMPTY  a cell that is not ready is told as empty, as in the usual form
 * broken: HASTY_FULL   the same for full
 * broken: EARLY        a put publishes its cell before it has written the item
 */
#define C 2

byte sequence[C], value[C], put_at, get_at;
byte puts, gets;                 /* completed */
byte seen[5];

proctype Producer(byte item)
{
    byte at, before;
again:
    atomic { before = gets; at = put_at };
    if
    :: sequence[at % C] == at ->
        atomic {
            if
            :: put_at == at -> put_at++
            :: else -> goto again
            fi
        };
#ifdef EARLY
        sequence[at % C] = at + 1;
        atomic { value[at % C] = item; puts++ }
#else
        value[at % C] = item;
        atomic { sequence[at % C] = at + 1; puts++ }
#endif
    :: sequence[at % C] < at ->
#ifdef HASTY_FULL
        /* full: at some moment since `before` all cells were taken by puts that no get had ended */
        assert(put_at - before >= C && get_at + C <= at)
#else
        atomic {
            if
            :: get_at + C == at -> assert(put_at - get_at == C)
            :: else -> goto again
            fi
        }
#endif
    :: else -> goto again
    fi
}

proctype Consumer()
{
    byte at, before;
again:
    atomic { before = puts; at = get_at };
    if
    :: sequence[at % C] == at + 1 ->
        atomic {
            if
            :: get_at == at -> get_at++
            :: else -> goto again
            fi
        };
        seen[value[at % C]]++;
        assert(value[at % C] != 0 && seen[value[at % C]] == 1);
        atomic { sequence[at % C] = at + C; gets++ }
    :: sequence[at % C] < at + 1 ->
#ifdef HASTY_EMPTY
        /* empty: no put that had completed when the call began may be left behind */
        assert(before <= get_at)
#else
        atomic {
            if
            :: put_at == at -> assert(before <= get_at)
            :: else -> goto again
            fi
        }
#endif
    :: else -> goto again
    fi
}

init
{
    atomic {
        sequence[0] = 0; sequence[1] = 1;
        run Producer(1); run Producer(2); run Producer(3);
        run Consumer(); run Consumer()
    }
}
