/* SPDX-License-Identifier: MIT */
/*
 * Membarrier is denied while a thread arrives (slab_bias_use_fences in src/slab/bias.c, slab_thr_prepare
 * in src/slab/thread.c): either the newcomer sees the switch, or the one who switches sees the
 * newcomer. Both have a store buffer.
 * good:
 * broken: RELAXEDNEW     the newcomer publishes itself by a plain store
 * broken: RELAXEDSWITCH  the switch is thrown by a plain store
 * broken: LOOKFIRST      the newcomer looks at the switch before it is visible
 */
bool thrown, visible, fenced;
chan newcomer = [2] of { byte };
chan switcher = [2] of { byte };

active proctype Check() /* the first: processes end in the reverse order */
{
    (_nr_pr == 2); /* this and Drain */
    assert(fenced)
}

active proctype Drain()
{
    byte value;
end:
    do
    :: atomic { newcomer?value -> visible = true }
    :: atomic { switcher?value -> thrown = true }
    od
}

active proctype Newcomer()
{
    bool seen;
#ifdef LOOKFIRST
    seen = thrown;
#endif
    newcomer!1;
#ifndef RELAXEDNEW
    (len(newcomer) == 0);
#endif
#ifndef LOOKFIRST
    seen = thrown;
#endif
    if
    :: seen -> fenced = true
    :: else -> skip
    fi;
    (len(newcomer) == 0 && len(switcher) == 0)
}

active proctype Switcher()
{
    bool seen;
    switcher!1;
#ifndef RELAXEDSWITCH
    (len(switcher) == 0);
#endif
    seen = visible;
    if
    :: seen -> fenced = true
    :: else -> skip
    fi;
    (len(newcomer) == 0 && len(switcher) == 0)
}
