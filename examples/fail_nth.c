/* SPDX-License-Identifier: MIT */
/*
 * Testing what a program does without memory: fail every allocation in turn.
 * Needs a library built with -Dallocator=mock; with any other one it says so.
 */
#include <shale/shale.h>
#include <stdio.h>
#include <string.h>

#if defined(SHALE_BACKEND_MOCK_H)
/* The code under test: leaks nothing, whichever call fails. */
static int greet(void)
{
    char *hello = shale_strdup("hello");
    char *name = hello ? shale_strdup("world") : NULL;
    int result = name ? 0 : -1;
    shale_free(name);
    shale_free(hello);
    return result;
}

int main(void)
{
    unsigned n = 1;
    for (;; n++) {
        shale_mock_fail(n, 1);
        if (greet() == 0)
            break;
    }
    struct shale_mock_report report;
    shale_mock_report(&report);
    printf("survived %u failures, leaked %u blocks\n", n - 1, (unsigned)report.live_count);
    return report.live_count != 0;
}
#else
int main(void)
{
    printf("the backend is %s, not the mock\n", shale_backend_name());
    return 0;
}
#endif
