/* SPDX-License-Identifier: MIT */
/* Ends by a signal: as a library (-shared) while it is loaded, as a program in its main. */
#include <stdlib.h>

#ifdef __PIC__
__attribute__((constructor)) static void crash_early(void)
{
    if (getenv("CRASH_EARLY"))
        abort();
}
#endif

int main(void)
{
    abort();
}
