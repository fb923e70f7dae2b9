/* SPDX-License-Identifier: MIT */
/* The recorder's file: see image.h. System calls directly: this runs inside malloc. */
#define _GNU_SOURCE
#include "profile/image.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/os.h"

enum { GROWTH_MIN = 256 << 10, GROWTH_MAX = 64 << 20, ALIGNMENT = 64 };

/* As much as the limits allow, up to what 16 TiB of files would need for their offsets. */
static int reserve(struct profile_image *image)
{
    void *base;
    for (size_t size = (size_t)1 << 40; size >= (size_t)64 << 20; size >>= 2)
        if (shale_os_reserve(size, 0, &base) == 0) {
            image->header = base;
            image->reserved_bytes = size;
            return 0;
        }
    return ENOMEM;
}

/* Past the limit of a file's size the kernel would send SIGXFSZ. */
static bool within_limit(size_t size)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
           size <= limit.rlim_cur;
}

/* Where the file system knows no fallocate: zeros make room as well. */
static int write_zeros(int file, size_t from, size_t to)
{
    static const char zeros[4096];
    while (from < to) {
        size_t part = to - from < sizeof(zeros) ? to - from : sizeof(zeros);
        ssize_t written = pwrite(file, zeros, part, (off_t)from);
        if (written < 0 && errno != EINTR)
            return errno;
        from += written > 0 ? (size_t)written : 0;
    }
    return 0;
}

static int make_room(int file, size_t from, size_t to)
{
    if (!within_limit(to))
        return EFBIG;
    int result;
    do
        result = fallocate(file, 0, (off_t)from, (off_t)(to - from)) == 0 ? 0 : errno;
    while (result == EINTR);
    return result == EOPNOTSUPP || result == ENOSYS ? write_zeros(file, from, to) : result;
}

static int map_more(struct profile_image *image, int file, size_t to)
{
    size_t from = image->mapped_bytes;
    int result = make_room(file, from, to);
    if (result != 0)
        return result;
    void *piece = mmap((char *)image->header + from, to - from, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_FIXED, file, (off_t)from);
    if (piece == MAP_FAILED)
        return errno;
    image->mapped_bytes = to;
    return 0;
}

/* The same file as before, or -1 and errno. */
static int open_again(const struct profile_image *image)
{
    struct stat stat;
    int file = open(image->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0)
        return -1;
    if (fstat(file, &stat) == 0 && stat.st_dev == image->device && stat.st_ino == image->inode)
        return file;
    close(file);
    errno = ESTALE;
    return -1;
}

static int grow(struct profile_image *image, size_t needed)
{
    size_t step = image->mapped_bytes / 8;
    step = step < GROWTH_MIN ? GROWTH_MIN : step > GROWTH_MAX ? GROWTH_MAX : step;
    size_t to =
        SHALE_ALIGN_UP(needed > image->mapped_bytes + step ? needed : image->mapped_bytes + step,
                       (size_t)GROWTH_MIN);
    if (to > image->reserved_bytes)
        return ENOMEM;
    int file = open_again(image);
    if (file < 0)
        return errno;
    int result = map_more(image, file, to);
    close(file);
    return result;
}

static int create(struct profile_image *image, int file)
{
    struct stat stat;
    if (fstat(file, &stat) != 0)
        return errno;
    image->device = stat.st_dev;
    image->inode = stat.st_ino;
    size_t used = SHALE_ALIGN_UP(sizeof(struct profile_file_header), (size_t)ALIGNMENT);
    int result = reserve(image);
    if (result == 0)
        result = map_more(image, file, SHALE_ALIGN_UP(used, (size_t)GROWTH_MIN));
    if (result == 0)
        shale_atomic_store_relaxed(&image->header->live.used, used);
    return result;
}

int profile_image_create(struct profile_image *image, const char *path)
{
    int saved_errno = errno;
    *image = (struct profile_image){.lock = SHALE_LOCK_INIT(SHALE_RANK_PROFILE_IMAGE)};
    size_t length = strlen(path);
    if (length >= sizeof(image->path))
        return ENAMETOOLONG;
    memcpy(image->path, path, length + 1);
    int file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    int result = file < 0 ? errno : create(image, file);
    if (file >= 0)
        close(file);
    if (file >= 0 && result != 0) {
        profile_image_forget(image);
        unlink(path);
    }
    errno = saved_errno;
    return result;
}

void *profile_image_take(struct profile_image *image, size_t bytes)
{
    void *piece = NULL;
    int saved_errno = errno;
    bytes = SHALE_ALIGN_UP(bytes, (size_t)ALIGNMENT);
    shale_lock_acquire(&image->lock);
    size_t used = shale_atomic_load_relaxed(&image->header->live.used);
    int problem = shale_atomic_load_relaxed(&image->problem);
    if (problem == 0 && used + bytes > image->mapped_bytes)
        problem = grow(image, used + bytes);
    if (problem == 0) {
        piece = profile_image_at(image, used);
        shale_atomic_store_relaxed(&image->header->live.used, used + bytes);
    }
    shale_atomic_store_relaxed(&image->problem, problem);
    shale_lock_release(&image->lock);
    errno = saved_errno;
    return piece;
}

void profile_image_trim(struct profile_image *image)
{
    int saved_errno = errno;
    int file = open_again(image);
    if (file >= 0) {
        size_t page = shale_os_page_size();
        size_t used = shale_atomic_load_relaxed(&image->header->live.used);
        /* To whole pages: a mapped page that lies beyond the file would be a SIGBUS. */
        int ignored = ftruncate(file, (off_t)SHALE_ALIGN_UP(used, page));
        (void)ignored;
        close(file);
    }
    errno = saved_errno;
}

void profile_image_forget(struct profile_image *image)
{
    if (image->header != NULL)
        shale_os_release(image->header, image->reserved_bytes);
    image->header = NULL;
    image->mapped_bytes = 0;
}
