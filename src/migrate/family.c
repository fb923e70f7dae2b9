/* SPDX-License-Identifier: MIT */
/* Tables of function names and keywords. Layer 1. */
#include "migrate/family.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    const char *suffix;
    bool fits_pointer;
} families[] = {
    [FAMILY_NONE] = {"", NULL, false},
#define FAMILY_ENTRY(id, name, suffix, as_pointer) [FAMILY_##id] = {name, suffix, as_pointer},
    FAMILY_LIST(FAMILY_ENTRY)
#undef FAMILY_ENTRY
        [FAMILY_LIBC_ITSELF] = {"", NULL, false},
};

static const struct {
    const char *names; /* apart by spaces */
    enum libc_role role;
    unsigned argument;
} library[] = {
    {"get_current_dir_name canonicalize_file_name backtrace_symbols wcsdup tempnam", LIBC_OWNED, 0},
    {"getcwd", LIBC_OWNED_IF_NULL, 0},
    {"realpath", LIBC_OWNED_IF_NULL, 1},
    {"asprintf vasprintf open_memstream open_wmemstream __asprintf", LIBC_FILLS, 0},
    {"scandir scandirat", LIBC_FILLS_ARRAY, 1},
    {"getaddrinfo", LIBC_FILLS, 3},
    {"getline getdelim __getdelim getwline", LIBC_RESIZES, 0},
    {"putenv", LIBC_HOLDS, 0},
    {"setbuf setvbuf setbuffer", LIBC_HOLDS, 1},
    {"scanf fscanf sscanf vscanf vfscanf vsscanf", LIBC_SCANS, 0},
    {"pthread_create", LIBC_STARTS_THREAD, 2},
    {"thrd_create", LIBC_STARTS_THREAD, 1},
    {"pthread_key_create tss_create", LIBC_SETS_DESTRUCTOR, 0},
    {"pthread_setspecific tss_set", LIBC_SETS_SPECIFIC, 0},
    {"pthread_getspecific tss_get", LIBC_GETS_SPECIFIC, 0},
    {"memcpy memmove memset mempcpy memccpy strcpy strncpy strcat strncat stpcpy stpncpy strchr "
     "strrchr strstr strcasestr strpbrk strtok strtok_r memchr memrchr rawmemchr strchrnul memmem "
     "index rindex basename dirname fgets gets gets_s strsep wcscpy wcsncpy wcscat wcschr wcsrchr "
     "wmemcpy __builtin_memcpy __builtin_memset __builtin_memmove bcopy inet_ntop likely unlikely",
     LIBC_ALIAS, 0},
    {"bsearch lfind lsearch", LIBC_ALIAS, 1},
    {"abort abs accept access acos alarm asctime asin assert atan atan2 atexit atof atoi atol "
     "atoll backtrace backtrace_symbols_fd bcmp bind bzero ceil chdir chmod chown clearerr "
     "clock clock_gettime close closedir connect cos creat ctime ctime_r difftime div dlclose "
     "dlerror dlopen dlsym dprintf dup dup2 endpwent endgrent epoll_create epoll_create1 "
     "epoll_ctl epoll_wait err errx execl execle execlp execv execve execvp exit exp explicit_bzero "
     "fabs fchmod fchown fclose fcntl fdatasync fdopen feof ferror fflush fgetc fgetpos fileno "
     "floor flock fmod fnmatch fopen fork fprintf fputc fputs fread freeaddrinfo freopen frexp "
     "fscanf fseek fseeko fsetpos fstat fstatat fsync ftell ftello ftruncate ftw fwrite "
     "gai_strerror getc getchar getegid getenv geteuid getgid getgrgid getgrnam gethostbyname "
     "gethostname getnameinfo getopt getopt_long getpagesize getpeername getpid getppid getpriority "
     "getpwnam getpwuid getrandom getrlimit getrusage getservbyname getsockname getsockopt gettext "
     "gettimeofday getuid glob globfree gmtime gmtime_r hcreate hdestroy hsearch htonl htons iconv "
     "iconv_close iconv_open inet_addr inet_aton inet_ntoa inet_pton ioctl isalnum isalpha isatty "
     "isblank iscntrl isdigit isgraph islower isprint ispunct isspace isupper isxdigit kill ldexp "
     "link listen localeconv localtime localtime_r log log10 log2 longjmp lseek lstat madvise mbrtowc "
     "mbstowcs mbtowc memcmp mkdir mkdirat mkfifo mkstemp mkostemp mkdtemp mktime mlock mmap modf "
     "mprotect mremap msync munlock munmap nanosleep nftw nl_langinfo ntohl ntohs open openat "
     "opendir openlog pathconf pause pclose perror pipe pipe2 poll popen pow pread preadv printf "
     "prctl pselect pthread_atfork pthread_attr_destroy pthread_attr_init "
     "pthread_attr_setdetachstate pthread_attr_setstacksize pthread_cancel pthread_cond_broadcast "
     "pthread_cond_destroy pthread_cond_init pthread_cond_signal pthread_cond_timedwait "
     "pthread_cond_wait pthread_detach pthread_equal pthread_exit pthread_join pthread_kill "
     "pthread_mutex_destroy pthread_mutex_init pthread_mutex_lock pthread_mutex_trylock "
     "pthread_mutex_unlock pthread_mutexattr_destroy pthread_mutexattr_init pthread_mutexattr_settype "
     "pthread_once pthread_rwlock_destroy pthread_rwlock_init pthread_rwlock_rdlock "
     "pthread_rwlock_unlock pthread_rwlock_wrlock pthread_self pthread_setname_np pthread_sigmask "
     "pthread_spin_destroy pthread_spin_init pthread_spin_lock pthread_spin_unlock putc putchar puts "
     "pwrite pwritev qsort qsort_r raise rand random read readdir readdir_r readlink readv recv "
     "recvfrom recvmsg regcomp regerror regexec regfree remove rename rewind rewinddir rmdir round "
     "sched_yield select sem_destroy sem_init sem_post sem_wait send sendfile sendmsg sendto "
     "setenv setgid setitimer setjmp setlocale setpgid setpriority setrlimit setsid setsockopt "
     "setuid shutdown sigaction sigaddset sigdelset sigemptyset sigfillset sigismember signal "
     "sigprocmask sigsetjmp siglongjmp sin sinh sleep snprintf socket socketpair sprintf sqrt srand "
     "srandom stat statvfs strcasecmp strcmp strcoll strcspn strerror strerror_r strftime strlen "
     "strncasecmp strncmp strnlen strptime strsignal strspn strtod strtof strtoimax strtol strtold "
     "strtoll strtoul strtoull strtoumax strverscmp strxfrm swab symlink sync syscall sysconf "
     "syslog system tan tanh tcgetattr tcsetattr tdelete tdestroy tfind time timegm times tmpfile "
     "toascii tolower toupper towlower towupper truncate tsearch ttyname twalk tzset ualarm umask "
     "uname ungetc unlink unlinkat unsetenv usleep utime utimes va_arg va_copy va_end va_start "
     "vdprintf verr verrx vfprintf vprintf vsnprintf vsprintf vsyslog vwarn vwarnx wait wait3 wait4 "
     "waitpid warn warnx wcrtomb wcscmp wcslen wcsncmp wcstombs wctomb wordexp wordfree write "
     "writev _exit _Exit __builtin_expect __builtin_unreachable __builtin_offsetof offsetof "
     "__builtin_constant_p alloca __builtin_alloca __builtin_va_arg __builtin_va_start __builtin_va_end __builtin_trap "
     "__builtin_popcount __builtin_clz __builtin_ctz __builtin_prefetch __sync_synchronize "
     "malloc_trim mallopt mallinfo mallinfo2 malloc_stats defined",
     LIBC_PLAIN, 0},
};

static const struct {
    const char *names;
    enum word_kind kind;
} keywords[] = {
    {"auto char const double enum extern float inline int long register restrict short signed "
     "static struct typedef union unsigned void volatile _Bool _Complex _Atomic _Noreturn "
     "_Thread_local _Alignas bool size_t ssize_t uint8_t uint16_t uint32_t uint64_t int8_t int16_t "
     "int32_t int64_t intptr_t uintptr_t ptrdiff_t off_t FILE va_list time_t pid_t mode_t __inline "
     "__inline__ __const __restrict __restrict__ __volatile__ __extension__ __thread __signed__ "
     "wchar_t u_char u_int DIR",
     WORD_TYPE},
    {"break case continue default do else for goto if return switch while", WORD_STATEMENT},
    {"sizeof _Alignof alignof __alignof__ typeof __typeof__ __typeof _Generic _Static_assert "
     "static_assert",
     WORD_OPERATOR},
    {"__attribute__ __attribute __declspec", WORD_ATTRIBUTE},
    {"asm __asm __asm__", WORD_ASM},
};

/* Calls set(table, name, index of the list) for each word of a text. */
static void each_word(const char *words, struct names *names, struct family_table *table,
                      size_t index,
                      void (*set)(struct family_table *table, name_id name, size_t index))
{
    for (const char *at = words; *at;) {
        size_t length = strcspn(at, " ");
        set(table, names_add(names, at, length), index);
        at += length;
        at += strspn(at, " ");
    }
}

static void set_library(struct family_table *table, name_id name, size_t index)
{
    while (table->library.count <= name)
        vector_push(&table->library);
    table->library.at[name] = (struct libc_function){library[index].role, library[index].argument};
}

static void set_keyword(struct family_table *table, name_id name, size_t index)
{
    while (table->keyword.count <= name)
        vector_push(&table->keyword);
    table->keyword.at[name] = (unsigned char)keywords[index].kind;
}

void family_start(struct family_table *table, struct names *names)
{
    *table = (struct family_table){0};
    for (size_t family = 1; family < SHALE_ARRAY_LENGTH(families); family++) {
        if (families[family].name[0] == '\0')
            continue;
        name_id name = names_add(names, families[family].name, strlen(families[family].name));
        while (table->families.count <= name)
            *vector_push(&table->families) = FAMILY_NONE;
        table->families.at[name] = (unsigned char)family;
    }
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(library); i++)
        each_word(library[i].names, names, table, i, set_library);
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(keywords); i++)
        each_word(keywords[i].names, names, table, i, set_keyword);
}

void family_finish(struct family_table *table)
{
    vector_free(&table->families);
    vector_free(&table->library);
    vector_free(&table->keyword);
}

/* __real_malloc and the like: the linker's and libc's own names of the same functions. */
static bool is_libc_itself(const char *text)
{
    static const char *const prefixes[] = {"__real_", "__wrap_", "__libc_", "__builtin_"};
    static const char *const functions[] = {"malloc",   "calloc", "realloc", "free",
                                            "memalign", "strdup", "strndup"};
    if (text[0] != '_' || text[1] != '_')
        return false;
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(prefixes); i++) {
        size_t length = strlen(prefixes[i]);
        if (strncmp(text, prefixes[i], length) != 0)
            continue;
        for (size_t k = 0; k < SHALE_ARRAY_LENGTH(functions); k++)
            if (strcmp(text + length, functions[k]) == 0)
                return true;
    }
    return false;
}

enum family family_of(const struct family_table *table, const struct names *names, name_id name)
{
    if (name < table->families.count)
        return (enum family)table->families.at[name];
    return is_libc_itself(name_text(names, name)) ? FAMILY_LIBC_ITSELF : FAMILY_NONE;
}

struct libc_function family_library(const struct family_table *table, name_id name)
{
    return name < table->library.count ? table->library.at[name] : (struct libc_function){0};
}

enum word_kind family_word(const struct family_table *table, name_id name)
{
    return name < table->keyword.count ? (enum word_kind)table->keyword.at[name] : WORD_PLAIN;
}

const char *family_name(enum family family)
{
    return families[family].name;
}

const char *family_suffix(enum family family)
{
    return families[family].suffix;
}

bool family_fits_pointer(enum family family)
{
    return families[family].fits_pointer;
}

bool family_makes(enum family family)
{
    return family >= FAMILY_MALLOC && family <= FAMILY_STRNDUP && family != FAMILY_POSIX_MEMALIGN;
}

bool family_takes(enum family family)
{
    return family == FAMILY_FREE || family == FAMILY_CFREE || family == FAMILY_REALLOC ||
           family == FAMILY_REALLOCARRAY || family == FAMILY_USABLE_SIZE;
}
