/* SPDX-License-Identifier: MIT */
/* Damages what the dynamic linker tells debuggers about this process, in the way named by its
 * argument, says "ready" and waits. */
#define _GNU_SOURCE
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Not &_r_debug: a copy relocation gives the program one of its own, which nobody reads. */
static struct r_debug *find_debug(void)
{
    for (const ElfW(Dyn) *entry = _DYNAMIC; entry->d_tag != DT_NULL; entry++)
        if (entry->d_tag == DT_DEBUG)
            return (struct r_debug *)entry->d_un.d_ptr;
    return NULL;
}

int main(int argc, char **argv)
{
    char byte;
    const char *how = argc > 1 ? argv[1] : "";
    struct r_debug *debug = find_debug();
    struct link_map *second = debug->r_map->l_next;
    if (strcmp(how, "circle") == 0)
        second->l_next->l_next = second;
    else if (strcmp(how, "bogus") == 0)
        second->l_next = (struct link_map *)0x123456789;
    else if (strcmp(how, "name") == 0)
        second->l_next->l_name = (char *)0x123456789;
    else if (strcmp(how, "busy") == 0)
        debug->r_state = RT_ADD;
    else if (strcmp(how, "base") == 0)
        second->l_next->l_addr += 0x1000;
    puts("ready");
    fflush(stdout);
    while (read(0, &byte, 1) > 0) {
    }
    _exit(0);
}
