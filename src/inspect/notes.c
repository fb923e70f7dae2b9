/* SPDX-License-Identifier: MIT */
/* Program headers in memory, and the notes that they lead to. Layer 2. */
#include "inspect/notes.h"

#include <link.h>
#include <stdio.h>
#include <string.h>

#include "base/attributes.h"
#include "slab/map.h"

enum { HEADERS_MAX = 64, NOTES_BYTES_MAX = 4096 };

/* The note's address is of its content; 0: there is none in these bytes. */
static uint64_t find_in(const char *bytes, size_t size, uint64_t address)
{
    size_t at = 0;
    while (at + sizeof(ElfW(Nhdr)) <= size) {
        ElfW(Nhdr) note;
        memcpy(&note, bytes + at, sizeof note);
        size_t name = at + sizeof note;
        if (note.n_namesz > size || note.n_descsz > size)
            return 0;
        size_t content = name + SHALE_ALIGN_UP(note.n_namesz, 4u);
        if (content + note.n_descsz > size)
            return 0;
        if (note.n_type == SLAB_MAP_NOTE_TYPE && note.n_descsz == sizeof(uint64_t) &&
            note.n_namesz == sizeof SLAB_MAP_NOTE_NAME &&
            memcmp(bytes + name, SLAB_MAP_NOTE_NAME, note.n_namesz) == 0)
            return address + content;
        at = content + SHALE_ALIGN_UP(note.n_descsz, 4u);
    }
    return 0;
}

/* The map that the notes of one segment lead to, or 0. */
static uint64_t look_at(const struct identify_memory *memory, uint64_t address, uint64_t size)
{
    char bytes[NOTES_BYTES_MAX];
    uint64_t distance;
    if (size > sizeof bytes || identify_memory_read(memory, address, bytes, size) != 0)
        return 0;
    uint64_t content = find_in(bytes, size, address);
    if (content == 0)
        return 0;
    memcpy(&distance, bytes + (content - address), sizeof distance);
    return content + distance;
}

static bool is_ours(const ElfW(Ehdr) * header)
{
    return memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 &&
           header->e_ident[EI_CLASS] == ELFCLASS64 && header->e_ident[EI_DATA] == ELFDATA2LSB &&
           header->e_phentsize == sizeof(ElfW(Phdr)) && header->e_phnum <= HEADERS_MAX;
}

/* The object whose file begins at this address. */
static uint64_t map_of_object(const struct identify_memory *memory, uint64_t start)
{
    ElfW(Ehdr) header;
    ElfW(Phdr) headers[HEADERS_MAX];
    uint64_t bias = start;
    uint64_t map = 0;
    if (identify_memory_read(memory, start, &header, sizeof header) != 0 || !is_ours(&header) ||
        identify_memory_read(memory, start + header.e_phoff, headers,
                             header.e_phnum * sizeof headers[0]) != 0)
        return 0;
    for (int i = 0; i < header.e_phnum; i++)
        if (headers[i].p_type == PT_LOAD && headers[i].p_offset == 0)
            bias = start - headers[i].p_vaddr;
    for (int i = 0; i < header.e_phnum && map == 0; i++)
        if (headers[i].p_type == PT_NOTE && headers[i].p_align <= 4)
            map = look_at(memory, bias + headers[i].p_vaddr, headers[i].p_memsz);
    return map;
}

/* Of a line of /proc/PID/maps: a readable beginning of a file? */
static const char *object_of_line(const char *line, uint64_t *start)
{
    char read;
    unsigned long long first;
    unsigned long long offset;
    int path = 0;
    if (sscanf(line, "%llx-%*x %c%*s %llx %*s %*u %n", &first, &read, &offset, &path) < 3 ||
        path == 0 || read != 'r' || offset != 0 || line[path] != '/')
        return NULL;
    *start = first;
    return line + path;
}

size_t inspect_find_notes(const struct identify_memory *memory, char *maps,
                          struct inspect_note *notes, size_t room)
{
    size_t found = 0;
    char *rest = maps;
    for (char *line = strtok_r(maps, "\n", &rest); line && found < room;
         line = strtok_r(NULL, "\n", &rest)) {
        uint64_t start;
        const char *object = object_of_line(line, &start);
        uint64_t map = object ? map_of_object(memory, start) : 0;
        if (map != 0)
            notes[found++] = (struct inspect_note){object, map};
    }
    return found;
}
