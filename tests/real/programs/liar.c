/* SPDX-License-Identifier: MIT */
/* Damages what the dynamic linker tells debuggers about this process, in the way named by its
 * argument, says "ready" and waits. */
#define _GNU_SOURCE
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    char byte;
    const char *how = argc > 1 ? argv[1] : "";
    struct link_map *second = _r_debug.r_map->l_next;
    if (strcmp(how, "circle") == 0)
        second->l_next->l_next = second;
    else if (strcmp(how, "bogus") == 0)
        second->l_next = (struct link_map *)0x123456789;
    else if (strcmp(how, "name") == 0)
        second->l_next->l_name = (char *)0x123456789;
    else if (strcmp(how, "busy") == 0)
        _r_debug.r_state = RT_ADD;
    else if (strcmp(how, "base") == 0)
        second->l_next->l_addr += 0x1000;
    puts("ready");
    fflush(stdout);
    while (read(0, &byte, 1) > 0) {
    }
    _exit(0);
}
