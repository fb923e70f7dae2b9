/* SPDX-License-Identifier: MIT */
/* Following scripts and finding libraries. Layer 1. */
#define _GNU_SOURCE
#include "identify/program.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The kernel follows five interpreters; includes of ld.so.conf are one level deep in practice. */
enum { SCRIPT_DEPTH = 5, LINE_MAX_BYTES = 512, INCLUDE_DEPTH = 4 };

static bool is_file(const char *path)
{
    struct stat facts;
    return stat(path, &facts) == 0 && S_ISREG(facts.st_mode);
}

/* The first "folder/name" of a colon list that is a file. */
static bool find_in_list(const char *list, const char *name, char *out, size_t size)
{
    while (list && *list) {
        size_t length = strcspn(list, ":");
        snprintf(out, size, "%.*s/%s", (int)length, length ? list : ".", name);
        if (is_file(out))
            return true;
        list += length + (list[length] == ':');
    }
    return false;
}

/* Takes the next blank-separated word of *line into out; false when there is none. */
static bool next_word(const char **line, char *out, size_t size)
{
    *line += strspn(*line, " \t");
    size_t length = strcspn(*line, " \t\n");
    snprintf(out, size, "%.*s", (int)length, *line);
    *line += length;
    return length > 0;
}

/* env's own options and assignments come before the program it runs. */
static bool follow_env(const char *arguments, char *program, size_t size)
{
    char word[LINE_MAX_BYTES];
    while (next_word(&arguments, word, sizeof word)) {
        if (word[0] == '-' || strchr(word, '='))
            continue;
        if (strchr(word, '/')) {
            snprintf(program, size, "%s", word);
            return true;
        }
        const char *path = getenv("PATH");
        return find_in_list(path ? path : "/usr/bin:/bin", word, program, size);
    }
    return false;
}

/* Reads the first line; 1: it is a script (line holds what follows "#!"); 0: it is none. */
static int read_shebang(const char *path, char *line, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? SHALE_ENOENT
               : errno == EACCES                   ? SHALE_EPERM
                                                   : SHALE_EIO;
    ssize_t count = read(fd, line, size - 1);
    close(fd);
    if (count < 0)
        return errno == EISDIR ? SHALE_EFORMAT : SHALE_EIO;
    line[count] = '\0';
    if (strncmp(line, "#!", 2) != 0)
        return 0;
    memmove(line, line + 2, strlen(line + 2) + 1);
    line[strcspn(line, "\n")] = '\0';
    return 1;
}

int identify_follow_script(const char *path, char *program, size_t size)
{
    char line[LINE_MAX_BYTES], word[LINE_MAX_BYTES];
    snprintf(program, size, "%s", path);
    for (int depth = 0; depth < SCRIPT_DEPTH; depth++) {
        const char *rest = line;
        int status = read_shebang(program, line, sizeof line);
        if (status <= 0)
            return status;
        if (!next_word(&rest, word, sizeof word))
            return SHALE_EFORMAT;
        const char *base = strrchr(word, '/');
        if (strcmp(base ? base + 1 : word, "env") != 0)
            snprintf(program, size, "%s", word);
        else if (!follow_env(rest, program, size))
            return SHALE_ENOENT;
    }
    return SHALE_EFORMAT;
}

/* Replaces $ORIGIN of a run path by the folder of the file that has it. */
static void expand_origin(const char *run_path, const char *user, char *out, size_t size)
{
    static const char *const forms[] = {"$ORIGIN", "${ORIGIN}"};
    const char *slash = strrchr(user, '/');
    size_t used = 0;
    while (*run_path && used + 1 < size) {
        size_t skip = 0;
        for (size_t i = 0; i < 2; i++)
            if (strncmp(run_path, forms[i], strlen(forms[i])) == 0)
                skip = strlen(forms[i]);
        if (skip)
            used += (size_t)snprintf(out + used, size - used, "%.*s",
                                     slash ? (int)(slash - user) : 1, slash ? user : ".");
        else
            out[used++] = *run_path;
        run_path += skip ? skip : 1;
        if (used >= size)
            used = size - 1;
    }
    out[used] = '\0';
}

static bool find_in_conf(const char *conf, const char *name, char *out, size_t size, int depth);

static bool find_in_includes(const char *pattern, const char *name, char *out, size_t size,
                             int depth)
{
    glob_t files;
    bool found = false;
    if (glob(pattern, 0, NULL, &files) != 0)
        return false;
    for (size_t i = 0; i < files.gl_pathc && !found; i++)
        found = find_in_conf(files.gl_pathv[i], name, out, size, depth + 1);
    globfree(&files);
    return found;
}

/* ld.so.conf: a folder a line, "include PATTERN", comments behind '#'. */
static bool find_in_conf(const char *conf, const char *name, char *out, size_t size, int depth)
{
    char line[PATH_MAX], word[PATH_MAX];
    FILE *file = depth < INCLUDE_DEPTH ? fopen(conf, "re") : NULL;
    bool found = false;
    while (file && !found && fgets(line, sizeof line, file)) {
        const char *rest = line;
        line[strcspn(line, "#\n")] = '\0';
        if (!next_word(&rest, word, sizeof word))
            continue;
        if (strcmp(word, "include") == 0 && next_word(&rest, word, sizeof word))
            found = find_in_includes(word, name, out, size, depth);
        else
            found = find_in_list(word, name, out, size);
    }
    if (file)
        fclose(file);
    return found;
}

static bool find_in_run_path(const struct identify_module *user, const char *name, char *out,
                             size_t size)
{
    char run_path[PATH_MAX], expanded[PATH_MAX];
    if (user->dynamic.run_path == 0 ||
        identify_module_string(user, user->dynamic.run_path - 1, run_path, sizeof run_path) != 0)
        return false;
    expand_origin(run_path, user->path, expanded, sizeof expanded);
    return find_in_list(expanded, name, out, size);
}

bool identify_find_library(const struct identify_module *user, const char *name, bool musl,
                           char *out, size_t size)
{
    if (strchr(name, '/')) {
        snprintf(out, size, "%s", name);
        return is_file(out);
    }
    bool last = user->dynamic.run_path_last;
    if ((!last && find_in_run_path(user, name, out, size)) ||
        find_in_list(getenv("LD_LIBRARY_PATH"), name, out, size) ||
        (last && find_in_run_path(user, name, out, size)))
        return true;
    if (musl)
        return find_in_list("/lib:/usr/local/lib:/usr/lib:/usr/lib/x86_64-linux-musl:"
                            "/usr/lib/aarch64-linux-musl",
                            name, out, size);
    return find_in_conf("/etc/ld.so.conf", name, out, size, 0) ||
           find_in_list("/lib64:/usr/lib64:/lib:/usr/lib", name, out, size);
}

/* The version needs are a list of lists, each link an offset: the count bounds what a broken file
 * makes circular. */
static int newest_version(Elf *elf, Elf_Data *data, size_t strings)
{
    enum { LINKS_MAX = 4096 };
    int newest = 0, links = 0;
    GElf_Verneed need;
    for (int at = 0; links < LINKS_MAX && gelf_getverneed(data, at, &need);
         at += (int)need.vn_next) {
        GElf_Vernaux one;
        for (int inner = at + (int)need.vn_aux;
             links++ < LINKS_MAX && gelf_getvernaux(data, inner, &one);
             inner += (int)one.vna_next) {
            int major, minor;
            const char *name = elf_strptr(elf, strings, one.vna_name);
            if (name && sscanf(name, "GLIBC_%d.%d", &major, &minor) == 2 &&
                major * 1000 + minor > newest)
                newest = major * 1000 + minor;
            if (one.vna_next == 0)
                break;
        }
        if (need.vn_next == 0)
            break;
    }
    return newest;
}

int identify_needed_glibc(const struct identify_elf *file)
{
    Elf_Scn *section = NULL;
    while ((section = elf_nextscn(file->elf, section))) {
        GElf_Shdr header;
        if (!gelf_getshdr(section, &header) || header.sh_type != SHT_GNU_verneed)
            continue;
        Elf_Data *data = elf_getdata(section, NULL);
        return data ? newest_version(file->elf, data, header.sh_link) : 0;
    }
    return 0;
}

bool identify_module_needs(const struct identify_module *module, const char *prefix)
{
    for (size_t i = 0; i < module->dynamic.needed_count; i++) {
        char name[256];
        if (identify_module_string(module, module->dynamic.needed[i], name, sizeof name) == 0 &&
            strncmp(name, prefix, strlen(prefix)) == 0)
            return true;
    }
    return false;
}
