/* SPDX-License-Identifier: MIT */
/*
 * ELF files through libelf. Layer 1.
 *
 * Read with pread and never mapped: a file that is cut short meanwhile is an error, not SIGBUS.
 */
#define _GNU_SOURCE
#include "identify/elf_file.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "identify/functions.h"

#if defined(__x86_64__)
enum { NATIVE_MACHINE = EM_X86_64 };
#elif defined(__aarch64__)
enum { NATIVE_MACHINE = EM_AARCH64 };
#elif defined(__riscv)
enum { NATIVE_MACHINE = EM_RISCV };
#elif defined(__powerpc64__)
enum { NATIVE_MACHINE = EM_PPC64 };
#elif defined(__s390x__)
enum { NATIVE_MACHINE = EM_S390 };
#endif

/* DYNAMIC_MAX bounds the entries looked at, HEADERS_MAX the program headers. */
enum { DYNAMIC_MAX = 4096, HEADERS_MAX = 512 };

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
enum { NATIVE_ORDER = ELFDATA2LSB };
#else
enum { NATIVE_ORDER = ELFDATA2MSB };
#endif

/* Reads one piece of the image: an address becomes an offset by the segment that holds it. */
static int read_image(const struct identify_memory *self, uint64_t address, void *out, size_t size)
{
    const struct identify_elf *file = self->context;
    for (size_t i = 0; i < file->segment_count; i++) {
        const Elf64_Phdr *segment = &file->segments[i];
        uint64_t within = address - segment->p_vaddr;
        if (address < segment->p_vaddr || within > segment->p_filesz ||
            size > segment->p_filesz - within)
            continue;
        uint64_t offset = segment->p_offset + within;
        if (offset > INT64_MAX)
            return SHALE_EIO;
        return pread(file->fd, out, size, (off_t)offset) == (ssize_t)size ? 0 : SHALE_EIO;
    }
    return SHALE_EIO;
}

static void read_interpreter(struct identify_elf *file, const GElf_Phdr *header)
{
    size_t size = sizeof file->interpreter - 1;
    if (header->p_filesz < size)
        size = (size_t)header->p_filesz;
    if (header->p_offset > INT64_MAX)
        return;
    ssize_t count = pread(file->fd, file->interpreter, size, (off_t)header->p_offset);
    file->interpreter[count > 0 ? count : 0] = '\0';
}

static void read_flags(struct identify_elf *file, const GElf_Phdr *header)
{
    Elf_Data *data =
        elf_getdata_rawchunk(file->elf, (int64_t)header->p_offset, header->p_filesz, ELF_T_DYN);
    GElf_Dyn entry;
    for (int i = 0; data && i < DYNAMIC_MAX && gelf_getdyn(data, i, &entry); i++) {
        if (entry.d_tag == DT_NULL)
            break;
        if (entry.d_tag == DT_FLAGS_1)
            file->pie = (entry.d_un.d_val & DF_1_PIE) != 0;
    }
}

static int read_headers(struct identify_elf *file)
{
    size_t count;
    if (elf_kind(file->elf) != ELF_K_ELF || !gelf_getehdr(file->elf, &file->header) ||
        elf_getphdrnum(file->elf, &count) != 0 || count > HEADERS_MAX)
        return SHALE_EFORMAT;
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr header;
        if (!gelf_getphdr(file->elf, (int)i, &header))
            return SHALE_EFORMAT;
        if (header.p_type == PT_INTERP)
            read_interpreter(file, &header);
        if (header.p_type == PT_LOAD && file->segment_count < IDENTIFY_SEGMENTS_MAX)
            file->segments[file->segment_count++] = header;
        if (header.p_type == PT_DYNAMIC) {
            file->has_dynamic = true;
            read_flags(file, &header);
        }
    }
    return 0;
}

static int open_error(void)
{
    switch (errno) {
    case ENOENT:
    case ENOTDIR:
        return SHALE_ENOENT;
    case EACCES:
    case EPERM:
        return SHALE_EPERM;
    default:
        return SHALE_EIO;
    }
}

int identify_elf_open(const char *path, struct identify_elf *file)
{
    struct stat facts;
    memset(file, 0, sizeof *file);
    /* Without O_NONBLOCK a FIFO would hold us until somebody writes to it. */
    file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file->fd < 0)
        return open_error();
    int status = SHALE_EFORMAT;
    if (fstat(file->fd, &facts) == 0 && S_ISREG(facts.st_mode) &&
        elf_version(EV_CURRENT) != EV_NONE) {
        file->elf = elf_begin(file->fd, ELF_C_READ, NULL);
        status = file->elf ? read_headers(file) : SHALE_EFORMAT;
    }
    if (status != 0) {
        identify_elf_close(file);
        return status;
    }
    file->image = (struct identify_memory){.read = read_image, .context = file, .fd = -1};
    return 0;
}

void identify_elf_close(struct identify_elf *file)
{
    if (file->elf)
        elf_end(file->elf);
    if (file->fd >= 0)
        close(file->fd);
    file->elf = NULL;
    file->fd = -1;
}

bool identify_elf_is_native(const struct identify_elf *file)
{
    return file->header.e_ident[EI_CLASS] == ELFCLASS64 &&
           file->header.e_ident[EI_DATA] == NATIVE_ORDER &&
           file->header.e_machine == NATIVE_MACHINE;
}

void identify_elf_describe(const struct identify_elf *file, char *out, size_t size)
{
    static const struct {
        int machine;
        const char *name;
    } names[] = {{EM_386, "x86"},         {EM_X86_64, "x86-64"}, {EM_ARM, "ARM"},
                 {EM_AARCH64, "AArch64"}, {EM_RISCV, "RISC-V"},  {EM_PPC64, "POWER"},
                 {EM_S390, "S/390"},      {EM_MIPS, "MIPS"}};
    const char *name = NULL;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].machine == file->header.e_machine)
            name = names[i].name;
    int bits = file->header.e_ident[EI_CLASS] == ELFCLASS64 ? 64 : 32;
    if (name)
        snprintf(out, size, "%d-bit %s", bits, name);
    else
        snprintf(out, size, "%d-bit machine number %d", bits, (int)file->header.e_machine);
}

bool identify_elf_is_library(const struct identify_elf *file)
{
    return file->header.e_type == ET_DYN && !file->interpreter[0] && !file->pie;
}

bool identify_elf_is_static(const struct identify_elf *file)
{
    return !file->interpreter[0] && !identify_elf_is_library(file);
}

void identify_elf_build_id(const struct identify_elf *file, char *out, size_t size)
{
    const void *bytes;
    ssize_t count = dwelf_elf_gnu_build_id(file->elf, &bytes);
    out[0] = '\0';
    for (ssize_t i = 0; i < count && (size_t)i * 2 + 3 <= size; i++)
        snprintf(out + i * 2, 3, "%02x", ((const unsigned char *)bytes)[i]);
}

static void note_symbol(const char *name, const GElf_Sym *symbol, struct identify_symtab *symtab)
{
    if (strcmp(name, "malloc") == 0)
        symtab->defines_malloc = true;
    else if (strcmp(name, "mi_version") == 0)
        symtab->version_symbol = symbol->st_value;
    else if (strcmp(name, "runtime.mallocgc") == 0)
        symtab->go_runtime = true;
    /* Not those of the C library: every program has them. */
    for (const struct identify_allocator *entry = identify_allocators + 1; entry->name; entry++)
        for (const char *const *known = entry->symbols; !symtab->allocator && *known; known++)
            if ((*known)[0] == name[0] && strcmp(*known, name) == 0) {
                symtab->allocator = entry;
                symtab->evidence = *known;
            }
}

void identify_elf_symtab(const struct identify_elf *file, struct identify_symtab *symtab)
{
    Elf_Scn *section = NULL;
    *symtab = (struct identify_symtab){0};
    while ((section = elf_nextscn(file->elf, section))) {
        GElf_Shdr header;
        if (!gelf_getshdr(section, &header) || header.sh_type != SHT_SYMTAB)
            continue;
        Elf_Data *data = elf_getdata(section, NULL);
        GElf_Sym symbol;
        symtab->present = data && data->d_size > 0;
        for (int i = 0; data && gelf_getsym(data, i, &symbol); i++) {
            const char *name = elf_strptr(file->elf, header.sh_link, symbol.st_name);
            if (name && *name && symbol.st_shndx != SHN_UNDEF &&
                GELF_ST_TYPE(symbol.st_info) != STT_FILE)
                note_symbol(name, &symbol, symtab);
        }
        return;
    }
}

int identify_elf_module(struct identify_elf *file, struct identify_module *module)
{
    size_t count;
    if (elf_getphdrnum(file->elf, &count) != 0 || count == 0 || count > HEADERS_MAX)
        return SHALE_EFORMAT;
    Elf64_Phdr *headers = calloc(count, sizeof *headers);
    if (!headers)
        return SHALE_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr header;
        if (gelf_getphdr(file->elf, (int)i, &header))
            headers[i] = header;
    }
    module->memory = &file->image;
    int status = identify_module_load(module, headers, count);
    free(headers);
    if (status == 0)
        identify_module_find_family(module);
    /* A table that lies outside the file. */
    return status == SHALE_EIO ? SHALE_EFORMAT : status;
}
