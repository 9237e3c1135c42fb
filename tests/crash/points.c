/* Ends a program at a chosen one of its file operations. Loaded with LD_PRELOAD before the C library.
 *
 * POINTS_ROOT   the folder that is watched; operations elsewhere pass.
 * POINTS_AT     the operation at which the program ends, from 1; 0: none.
 * POINTS_MODE   after   it ends behind the operation.
 *               half    of a write, half is written; other operations are done.
 *               unsynced  it ends behind the operation, and files lose what was not synced.
 *               names   it ends behind the operation, and folders lose the names that were not synced.
 * POINTS_COUNT  a file that gets the number of operations when the program ends by itself.
 * POINTS_STASH  a folder beside the watched one, for files that lost their names.
 * POINTS_ROOM   bytes that may be written; then the disk is full.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define MOST 4096
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static long count, at;
static long long room = -1;
static const char *root, *mode = "after", *stash;

/* A file that was written, by a descriptor of its own. */
static struct { dev_t device; ino_t inode; int fd; off_t synced; } files[MOST];
static int file_count;

/* A name that was made or taken away since its folder was synced. */
static struct { char kind; char from[PATH_MAX], to[PATH_MAX], kept[PATH_MAX]; } names[MOST];
static int name_count;

__attribute__((constructor)) static void begin(void) {
    root = getenv("POINTS_ROOT");
    at = getenv("POINTS_AT") ? atol(getenv("POINTS_AT")) : 0;
    if (getenv("POINTS_MODE")) mode = getenv("POINTS_MODE");
    if (getenv("POINTS_ROOM")) room = atoll(getenv("POINTS_ROOM"));
    stash = getenv("POINTS_STASH");
}

__attribute__((destructor)) static void end(void) {
    const char *path = getenv("POINTS_COUNT");
    FILE *file = path ? fopen(path, "w") : NULL;
    if (file) {
        fprintf(file, "%ld\n", count);
        fclose(file);
    }
}

/* The whole path, and whether it lies in the watched folder. */
static int watched(int dir, const char *path, char *whole) {
    char base[PATH_MAX] = "";
    if (!root) return 0;
    if (path[0] == '/') {
        snprintf(whole, PATH_MAX, "%s", path);
    } else {
        if (dir == AT_FDCWD) {
            if (!getcwd(base, sizeof base)) return 0;
        } else {
            char link[64];
            snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
            ssize_t length = readlink(link, base, sizeof base - 1);
            if (length < 0) return 0;
            base[length] = 0;
        }
        if (snprintf(whole, PATH_MAX, "%s/%s", base, path) >= PATH_MAX) return 0;
    }
    size_t length = strlen(root);
    return strncmp(whole, root, length) == 0 && (whole[length] == '/' || whole[length] == 0);
}

static int watched_fd(int fd, char *whole) {
    struct stat about;
    char link[64];
    if (!root || fstat(fd, &about) || !(S_ISREG(about.st_mode) || S_ISDIR(about.st_mode))) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, whole, PATH_MAX - 1);
    if (length < 0) return 0;
    whole[length] = 0;
    size_t size = strlen(root);
    return strncmp(whole, root, size) == 0 && whole[size] == '/';
}

static void lose(void) {
    if (!strcmp(mode, "unsynced")) {
        for (int i = 0; i < file_count; i++) {
            struct stat about;
            if (!fstat(files[i].fd, &about) && about.st_size > files[i].synced)
                if (ftruncate(files[i].fd, files[i].synced)) perror("points: ftruncate");
        }
    }
    if (!strcmp(mode, "names")) {
        for (int i = name_count - 1; i >= 0; i--) {
            if (names[i].kind == 'c') REAL(unlink)(names[i].to);
            if (names[i].kind == 'd') REAL(rmdir)(names[i].to);
            if (names[i].kind == 'r') REAL(rename)(names[i].to, names[i].from);
            if (names[i].kept[0]) REAL(rename)(names[i].kept, names[i].to);
        }
    }
}

/* The file of the last operation, if that was a write. */
static int written = -1;

/* Counts an operation that was done. */
static void done(void) {
    written = -1;
    count++;
    if (at && count == at) {
        lose();
        kill(getpid(), SIGKILL);
        pause();
    }
}

static int is_next(void) { return at && count + 1 == at; }

static int file_of(int fd) {
    struct stat about;
    if (fstat(fd, &about)) return -1;
    for (int i = 0; i < file_count; i++)
        if (files[i].device == about.st_dev && files[i].inode == about.st_ino) return i;
    if (file_count == MOST) return -1;
    int copy = dup(fd);
    files[file_count].device = about.st_dev;
    files[file_count].inode = about.st_ino;
    files[file_count].fd = copy;
    files[file_count].synced = about.st_size;
    return file_count++;
}

static void note(char kind, const char *from, const char *to, const char *kept) {
    if (name_count == MOST) return;
    names[name_count].kind = kind;
    snprintf(names[name_count].from, PATH_MAX, "%s", from);
    snprintf(names[name_count].to, PATH_MAX, "%s", to);
    snprintf(names[name_count].kept, PATH_MAX, "%s", kept);
    name_count++;
}

/* Keeps a file whose name goes. */
static void keep(const char *path, char *kept) {
    struct stat about;
    kept[0] = 0;
    if (!stash || stat(path, &about) || !S_ISREG(about.st_mode)) return;
    snprintf(kept, PATH_MAX, "%s/%d", stash, name_count);
    REAL(unlink)(kept);
    if (REAL(link)(path, kept)) kept[0] = 0;
}

static int opened(int dir, const char *path, int flags, mode_t permissions) {
    char whole[PATH_MAX];
    if (!(flags & (O_CREAT | O_TRUNC)) || !watched(dir, path, whole))
        return REAL(openat)(dir, path, flags, permissions);
    pthread_mutex_lock(&lock);
    struct stat about;
    int is_new = stat(whole, &about) != 0;
    int fd = REAL(openat)(dir, path, flags, permissions);
    if (fd >= 0) {
        int file = file_of(fd);
        if (file >= 0 && (is_new || flags & O_TRUNC)) files[file].synced = 0;
        if (is_new) note('c', "", whole, "");
        done();
    }
    pthread_mutex_unlock(&lock);
    return fd;
}

#define OPENS(name, dir, ...) \
    int name(__VA_ARGS__, int flags, ...) { \
        va_list rest; \
        va_start(rest, flags); \
        mode_t permissions = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
        va_end(rest); \
        return opened(dir, path, flags, permissions); \
    }
OPENS(open, AT_FDCWD, const char *path)
OPENS(open64, AT_FDCWD, const char *path)
OPENS(openat64, dir, int dir, const char *path)

ssize_t write(int fd, const void *bytes, size_t length) {
    char whole[PATH_MAX];
    if (!watched_fd(fd, whole)) return REAL(write)(fd, bytes, length);
    pthread_mutex_lock(&lock);
    /* Writes that follow each other in one file count as the first of them. */
    int file = file_of(fd), counts = file != written;
    ssize_t result;
    if (room >= 0 && (long long)length > room) {
        result = room ? REAL(write)(fd, bytes, (size_t)room) : -1;
        if (!room) errno = ENOSPC;
        room = 0;
    } else {
        if (counts && is_next() && !strcmp(mode, "half")) length /= 2;
        result = REAL(write)(fd, bytes, length);
        if (room > 0 && result > 0) room -= result;
    }
    int error = errno;
    if (counts) done();
    written = file;
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

ssize_t writev(int fd, const struct iovec *parts, int part_count) {
    char whole[PATH_MAX];
    if (!watched_fd(fd, whole)) return REAL(writev)(fd, parts, part_count);
    /* Writing less than was asked for is allowed. */
    for (int i = 0; i < part_count; i++)
        if (parts[i].iov_len) return write(fd, parts[i].iov_base, parts[i].iov_len);
    return 0;
}

static void synced(int fd) {
    char whole[PATH_MAX];
    if (!watched_fd(fd, whole)) return;
    struct stat about;
    if (fstat(fd, &about)) return;
    pthread_mutex_lock(&lock);
    if (S_ISREG(about.st_mode)) {
        int file = file_of(fd);
        if (file >= 0) files[file].synced = about.st_size;
    } else {
        /* The names in this folder are safe. */
        int left = 0;
        size_t length = strlen(whole);
        for (int i = 0; i < name_count; i++) {
            const char *slash = strrchr(names[i].to, '/');
            if ((size_t)(slash - names[i].to) != length || strncmp(names[i].to, whole, length)) names[left++] = names[i];
        }
        name_count = left;
    }
    pthread_mutex_unlock(&lock);
}

#define SYNCS(name) \
    int name(int fd) { \
        int result = REAL(name)(fd); \
        if (!result) synced(fd); \
        return result; \
    }
SYNCS(fsync)
SYNCS(fdatasync)

int rename(const char *from, const char *to) {
    char whole_from[PATH_MAX], whole_to[PATH_MAX], kept[PATH_MAX];
    if (!watched(AT_FDCWD, to, whole_to) || !watched(AT_FDCWD, from, whole_from)) return REAL(rename)(from, to);
    pthread_mutex_lock(&lock);
    keep(whole_to, kept);
    int result = REAL(rename)(from, to);
    if (!result) {
        note('r', whole_from, whole_to, kept);
        done();
    }
    pthread_mutex_unlock(&lock);
    return result;
}

int unlink(const char *path) {
    char whole[PATH_MAX], kept[PATH_MAX];
    if (!watched(AT_FDCWD, path, whole)) return REAL(unlink)(path);
    pthread_mutex_lock(&lock);
    keep(whole, kept);
    int result = REAL(unlink)(path);
    if (!result) {
        note('u', "", whole, kept);
        done();
    }
    pthread_mutex_unlock(&lock);
    return result;
}

int unlinkat(int dir, const char *path, int flags) {
    char whole[PATH_MAX], kept[PATH_MAX];
    if (!watched(dir, path, whole)) return REAL(unlinkat)(dir, path, flags);
    pthread_mutex_lock(&lock);
    keep(whole, kept);
    int result = REAL(unlinkat)(dir, path, flags);
    if (!result) {
        if (!(flags & AT_REMOVEDIR)) note('u', "", whole, kept);
        done();
    }
    pthread_mutex_unlock(&lock);
    return result;
}

int mkdir(const char *path, mode_t permissions) {
    char whole[PATH_MAX];
    int result = REAL(mkdir)(path, permissions);
    if (!result && watched(AT_FDCWD, path, whole)) {
        pthread_mutex_lock(&lock);
        note('d', "", whole, "");
        done();
        pthread_mutex_unlock(&lock);
    }
    return result;
}
