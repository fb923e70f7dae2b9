/* SPDX-License-Identifier: MIT */
/* The table of the malloc family. Layer 1; part of the self-check. */
#include "identify/functions.h"

#include <string.h>

#define CORE(name)                                                                                 \
    {                                                                                              \
        name, name, IDENTIFY_CLASS_CORE                                                            \
    }
#define FAMILY(name)                                                                               \
    {                                                                                              \
        name, name, IDENTIFY_CLASS_FAMILY                                                          \
    }
#define FOLLOWS(name)                                                                              \
    {                                                                                              \
        name, name, IDENTIFY_CLASS_FOLLOWS                                                         \
    }
#define CXX(name, label)                                                                           \
    {                                                                                              \
        name, label, IDENTIFY_CLASS_FOLLOWS                                                        \
    }
#define CONTROL(name)                                                                              \
    {                                                                                              \
        name, name, IDENTIFY_CLASS_CONTROL                                                         \
    }

/* The C++ names are those of 64-bit targets, where size_t is unsigned long ("m"). */
const struct identify_function identify_functions[IDENTIFY_FUNCTION_COUNT] = {
    CORE("malloc"),
    CORE("calloc"),
    CORE("realloc"),
    CORE("free"),
    FAMILY("aligned_alloc"),
    FAMILY("posix_memalign"),
    FAMILY("memalign"),
    FAMILY("valloc"),
    FAMILY("pvalloc"),
    FAMILY("malloc_usable_size"),
    FAMILY("cfree"),
    FOLLOWS("free_sized"),
    FOLLOWS("free_aligned_sized"),
    FOLLOWS("reallocarray"),
    FOLLOWS("strdup"),
    FOLLOWS("strndup"),
    FOLLOWS("realpath"),
    FOLLOWS("asprintf"),
    FOLLOWS("getline"),
    CXX("_Znwm", "operator new"),
    CXX("_Znam", "operator new[]"),
    CXX("_ZnwmRKSt9nothrow_t", "operator new(nothrow)"),
    CXX("_ZnamRKSt9nothrow_t", "operator new[](nothrow)"),
    CXX("_ZnwmSt11align_val_t", "operator new(align)"),
    CXX("_ZnamSt11align_val_t", "operator new[](align)"),
    CXX("_ZnwmSt11align_val_tRKSt9nothrow_t", "operator new(align, nothrow)"),
    CXX("_ZnamSt11align_val_tRKSt9nothrow_t", "operator new[](align, nothrow)"),
    CXX("_ZdlPv", "operator delete"),
    CXX("_ZdaPv", "operator delete[]"),
    CXX("_ZdlPvm", "operator delete(size)"),
    CXX("_ZdaPvm", "operator delete[](size)"),
    CXX("_ZdlPvSt11align_val_t", "operator delete(align)"),
    CXX("_ZdaPvSt11align_val_t", "operator delete[](align)"),
    CXX("_ZdlPvmSt11align_val_t", "operator delete(size, align)"),
    CXX("_ZdaPvmSt11align_val_t", "operator delete[](size, align)"),
    CONTROL("mallinfo"),
    CONTROL("mallinfo2"),
    CONTROL("malloc_trim"),
    CONTROL("mallopt"),
    CONTROL("malloc_info"),
};

int identify_function_index(const char *symbol)
{
    for (int i = 0; i < IDENTIFY_FUNCTION_COUNT; i++)
        if (strcmp(identify_functions[i].symbol, symbol) == 0)
            return i;
    return -1;
}
