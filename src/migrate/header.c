/* SPDX-License-Identifier: MIT */
/* The header that `--to PREFIX` writes: a layer of the project's own. Layer 1. */
#include <stdlib.h>
#include <string.h>

#include "migrate/edit.h"

/* @p@ is the prefix, @P@ the prefix in capitals. */
static const char template[] =
    "/*\n"
    " * The one place that says where the memory of this program comes from.\n"
    " *\n"
    " * Written by `shale migrate --to @p@`, and yours to change. Chosen when compiling:\n"
    " *\n"
    " *     -D@P@_ALLOC_MIMALLOC   mimalloc; link with -lmimalloc\n"
    " *     -D@P@_ALLOC_JEMALLOC   jemalloc under the standard names; link with -ljemalloc\n"
    " *     -D@P@_ALLOC_SHALE      Shale; link with -lshale\n"
    " *     (nothing)              the C library\n"
    " *\n"
    " * A block from here is freed with @p@_free() and with nothing else; blocks that libraries\n"
    " * made (getline, realpath, asprintf ...) are freed with free().\n"
    " */\n"
    "#ifndef @P@_ALLOC_H\n"
    "#define @P@_ALLOC_H\n"
    "\n"
    "#include <stddef.h>\n"
    "#include <stdint.h>\n"
    "#include <string.h>\n"
    "\n"
    "#if defined(@P@_ALLOC_MIMALLOC)\n"
    "#include <mimalloc.h>\n"
    "#define @P@_ALLOC_CALL(function) mi_##function\n"
    "#elif defined(@P@_ALLOC_SHALE)\n"
    "#include <shale/alloc.h>\n"
    "#else\n"
    "#include <stdlib.h>\n"
    "#if defined(@P@_ALLOC_JEMALLOC)\n"
    "#include <jemalloc/jemalloc.h>\n"
    "#elif defined(__GLIBC__)\n"
    "#include <malloc.h>\n"
    "#endif\n"
    "#define @P@_ALLOC_CALL(function) function\n"
    "#endif\n"
    "\n"
    "#if defined(@P@_ALLOC_SHALE)\n"
    "\n"
    "static inline void *@p@_alloc(size_t size) { return shale_alloc(size); }\n"
    "static inline void *@p@_calloc(size_t count, size_t size) { return shale_calloc(count, size); }\n"
    "static inline void *@p@_realloc(void *block, size_t size) { return shale_realloc(block, size); }\n"
    "static inline void *@p@_alloc_aligned(size_t alignment, size_t size)\n"
    "{\n"
    "    return shale_alloc_aligned(alignment, size);\n"
    "}\n"
    "static inline void @p@_free(void *block) { shale_free(block); }\n"
    "static inline size_t @p@_usable_size(void *block) { return shale_usable_size(block); }\n"
    "\n"
    "#else\n"
    "\n"
    "static inline void *@p@_alloc(size_t size) { return @P@_ALLOC_CALL(malloc)(size); }\n"
    "static inline void *@p@_calloc(size_t count, size_t size)\n"
    "{\n"
    "    return @P@_ALLOC_CALL(calloc)(count, size);\n"
    "}\n"
    "static inline void *@p@_realloc(void *block, size_t size)\n"
    "{\n"
    "    return @P@_ALLOC_CALL(realloc)(block, size);\n"
    "}\n"
    "static inline void *@p@_alloc_aligned(size_t alignment, size_t size)\n"
    "{\n"
    "#if defined(@P@_ALLOC_MIMALLOC)\n"
    "    return mi_malloc_aligned(size, alignment);\n"
    "#else\n"
    "    size_t whole = (size + alignment - 1) / alignment * alignment;\n"
    "    return whole < size ? NULL : aligned_alloc(alignment, whole);\n"
    "#endif\n"
    "}\n"
    "static inline void @p@_free(void *block) { @P@_ALLOC_CALL(free)(block); }\n"
    "#if defined(@P@_ALLOC_MIMALLOC) || defined(@P@_ALLOC_JEMALLOC) || defined(__GLIBC__)\n"
    "static inline size_t @p@_usable_size(void *block)\n"
    "{\n"
    "#if defined(@P@_ALLOC_MIMALLOC)\n"
    "    return mi_usable_size(block);\n"
    "#else\n"
    "    return malloc_usable_size(block);\n"
    "#endif\n"
    "}\n"
    "#endif\n"
    "\n"
    "#endif\n"
    "\n"
    "static inline void *@p@_realloc_array(void *block, size_t count, size_t size)\n"
    "{\n"
    "    return size && count > SIZE_MAX / size ? NULL : @p@_realloc(block, count * size);\n"
    "}\n"
    "static inline char *@p@_strndup(const char *text, size_t limit)\n"
    "{\n"
    "    const char *end = (const char *)memchr(text, 0, limit);\n"
    "    size_t length = end ? (size_t)(end - text) : limit;\n"
    "    char *copy = (char *)@p@_alloc(length + 1);\n"
    "    if (copy) {\n"
    "        memcpy(copy, text, length);\n"
    "        copy[length] = '\\0';\n"
    "    }\n"
    "    return copy;\n"
    "}\n"
    "static inline char *@p@_strdup(const char *text)\n"
    "{\n"
    "    return @p@_strndup(text, strlen(text));\n"
    "}\n"
    "\n"
    "#endif\n";

char *header_text(const char *prefix)
{
    text_buffer text = {0};
    size_t length = strlen(prefix);
    char *capitals = must_copy(prefix);
    for (size_t i = 0; i < length; i++)
        if (capitals[i] >= 'a' && capitals[i] <= 'z')
            capitals[i] = (char)(capitals[i] - 'a' + 'A');
    for (const char *at = template; *at;) {
        const char *mark = strchr(at, '@');
        if (!mark) {
            buffer_add(&text, at, strlen(at));
            break;
        }
        buffer_add(&text, at, (size_t)(mark - at));
        buffer_add(&text, mark[1] == 'P' ? capitals : prefix, length);
        at = mark + 3;
    }
    free(capitals);
    return text.at;
}
