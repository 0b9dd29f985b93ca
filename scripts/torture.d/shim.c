/* Stands between the program and the C library, counts the calls that change files, and makes one of them fail.
 *
 * Loaded with LD_PRELOAD by scripts/torture; not part of the program. Only calls on paths below TORTURE_ROOT are
 * counted (threads and random bytes: all). What is set in the environment decides the rest:
 *
 *   TORTURE_ROOT    directory whose files are watched, absolute and without symbolic links
 *   TORTURE_SHARED  a file of 4,096 zero bytes that survives the process: calls counted (8), whether the fault
 *                   happened (8), name of the call that it happened to (64)
 *   TORTURE_CLASS   letters: c calls that change files, s syncs, r opens and reads, t threads, g random bytes, m mmap
 *   TORTURE_AT      the fault happens at this call of those classes, from 1; 0 or unset: never
 *   TORTURE_DO      kill (before the call), interrupt (as Ctrl-C, then the call), tear (half of a write, then kill), short (half of a write, then ENOSPC),
 *                   or the number of an error
 *   TORTURE_STICKY  set: all later calls of the same name fail too
 *   TORTURE_TRACE   file to which every change is written, with its data (struct record, then two paths and the data)
 *   TORTURE_NOSYNC  set: syncs say yes at once; the strict model, not the disk, decides what they are worth
 *
 * copy_file_range, sendfile and splice say that they are not there, so that every byte passes through a write.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(ret, name, args) \
    static ret(*real) args; \
    if (!real) real = dlsym(RTLD_NEXT, #name)

struct shared { uint64_t count, fired; char name[64]; };
struct record { char op, failed; uint16_t path, other; uint16_t zero; uint64_t inode, offset, length; };

static char root[PATH_MAX];
static size_t root_len;
static struct shared none, *shared = &none;
static const char *classes = "";
static uint64_t fail_at;
static char fault[16];
static int fault_errno, is_sticky, has_no_sync;
static int trace = -1;
static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void start(void) {
    const char *v;
    if ((v = getenv("TORTURE_ROOT"))) snprintf(root, sizeof root, "%s", v), root_len = strlen(root);
    if ((v = getenv("TORTURE_CLASS"))) classes = v;
    if ((v = getenv("TORTURE_AT"))) fail_at = strtoull(v, NULL, 10);
    if ((v = getenv("TORTURE_DO"))) snprintf(fault, sizeof fault, "%s", v), fault_errno = atoi(v);
    is_sticky = getenv("TORTURE_STICKY") != NULL;
    has_no_sync = getenv("TORTURE_NOSYNC") != NULL;
    if ((v = getenv("TORTURE_SHARED"))) {
        int fd = (int)syscall(SYS_openat, AT_FDCWD, v, O_RDWR | O_CLOEXEC, 0);
        if (fd >= 0) {
            void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
            if (at != MAP_FAILED) shared = at;
            syscall(SYS_close, fd);
        }
    }
    if ((v = getenv("TORTURE_TRACE"))) {
        int fd = (int)syscall(SYS_openat, AT_FDCWD, v, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
        /* out of the way of limits on the number of files, and of fd 0 to 2 that a trial may have closed */
        if (fd >= 0) trace = (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 200), syscall(SYS_close, fd);
    }
}

/* --- Which file ------------------------------------------------------------------------------------------- */

static int is_below(const char *path) {
    return root_len && !strncmp(path, root, root_len) && (path[root_len] == '/' || !path[root_len]);
}

static int path_of(int fd, char *out) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = syscall(SYS_readlink, link, out, PATH_MAX - 1);
    if (n < 0) return out[0] = 0, 0;
    out[n] = 0;
    return is_below(out);
}

/* The path that a call names, made absolute. Symbolic links inside are left: the trials use none in what they give. */
static int path_at(int dir, const char *path, char *out) {
    if (!path) return out[0] = 0, 0;
    if (path[0] == '/') snprintf(out, PATH_MAX, "%s", path);
    else {
        char base[PATH_MAX];
        if (dir == AT_FDCWD) { if (syscall(SYS_getcwd, base, sizeof base) < 0) base[0] = 0; }
        else path_of(dir, base);
        snprintf(out, PATH_MAX, "%.2000s/%.2000s", base, path);
    }
    return is_below(out);
}

static uint64_t inode_of(int fd) {
    struct stat s;
    return syscall(SYS_newfstatat, fd, "", &s, AT_EMPTY_PATH) ? 0 : s.st_ino;
}

static uint64_t inode_at(const char *path) {
    struct stat s;
    return syscall(SYS_newfstatat, AT_FDCWD, path, &s, AT_SYMLINK_NOFOLLOW) ? 0 : s.st_ino;
}

/* --- Counting, and the fault ------------------------------------------------------------------------------ */

enum what { GO_ON, FAIL, HALF_THEN_KILL, HALF_THEN_FAIL };

static void die(void) {
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;) syscall(SYS_pause);
}

static enum what counted(char class, const char *name) {
    if (!strchr(classes, class) && !(class == 's' && strchr(classes, 'c'))) return GO_ON;
    uint64_t n = __atomic_add_fetch(&shared->count, 1, __ATOMIC_SEQ_CST);
    if (!fail_at || n < fail_at) return GO_ON;
    if (n > fail_at && !(is_sticky && !strcmp(shared->name, name))) return GO_ON;
    if (n == fail_at) snprintf(shared->name, sizeof shared->name, "%s", name);
    __atomic_store_n(&shared->fired, n, __ATOMIC_SEQ_CST);
    int is_write = strstr(name, "write") != NULL;
    if (!strcmp(fault, "kill")) die();
    if (!strcmp(fault, "interrupt")) { syscall(SYS_kill, getpid(), SIGINT); return GO_ON; }
    if (!strcmp(fault, "tear")) { if (is_write) return HALF_THEN_KILL; die(); }
    if (!strcmp(fault, "short")) { if (is_write && n == fail_at) return HALF_THEN_FAIL; errno = ENOSPC; return FAIL; }
    errno = fault_errno;
    return FAIL;
}

/* --- The trace -------------------------------------------------------------------------------------------- */

static void note(char op, int failed, const char *path, const char *other, uint64_t inode, uint64_t offset,
                 const void *data, uint64_t length) {
    if (trace < 0) return;
    struct record r = {op, (char)failed, (uint16_t)strlen(path), (uint16_t)strlen(other), 0, inode, offset, length};
    struct iovec v[4] = {{&r, sizeof r}, {(void *)path, r.path}, {(void *)other, r.other},
                         {(void *)data, data ? length : 0}};
    int saved = errno;
    syscall(SYS_writev, trace, v, 4);
    errno = saved;
}

#define ORDERED(body) do { pthread_mutex_lock(&order); body; pthread_mutex_unlock(&order); } while (0)

/* --- Writes ----------------------------------------------------------------------------------------------- */

static ssize_t put(int fd, const void *from, size_t n, off64_t at, const char *name) {
    char path[PATH_MAX];
    int is_ours = path_of(fd, path);
    enum what what = is_ours ? counted('c', name) : GO_ON;
    if (what == FAIL) return -1;
    size_t some = what == GO_ON ? n : n / 2;
    ssize_t done;
    ORDERED({
        done = at < 0 ? syscall(SYS_write, fd, from, some) : syscall(SYS_pwrite64, fd, from, some, at);
        if (done > 0 && (is_ours || fd == 1)) {
            off64_t begin = at >= 0 ? at : syscall(SYS_lseek, fd, 0, SEEK_CUR) - done;
            note(is_ours ? 'W' : 'O', 0, path, "", inode_of(fd), (uint64_t)begin, from, (uint64_t)done);
        }
    });
    if (what == HALF_THEN_KILL) die();
    if (what == HALF_THEN_FAIL && done <= 0) errno = ENOSPC, done = -1;
    return done;
}

ssize_t write(int fd, const void *from, size_t n) { return put(fd, from, n, -1, "write"); }
ssize_t pwrite(int fd, const void *from, size_t n, off_t at) { return put(fd, from, n, at, "pwrite"); }
ssize_t pwrite64(int fd, const void *from, size_t n, off64_t at) { return put(fd, from, n, at, "pwrite"); }

/* A vectored write may be short: the first part that is not empty is written alone. */
ssize_t writev(int fd, const struct iovec *v, int count) {
    for (int i = 0; i < count; i++)
        if (v[i].iov_len) return put(fd, v[i].iov_base, v[i].iov_len, -1, "write");
    return 0;
}
ssize_t pwritev(int fd, const struct iovec *v, int count, off_t at) {
    for (int i = 0; i < count; i++)
        if (v[i].iov_len) return put(fd, v[i].iov_base, v[i].iov_len, at, "pwrite");
    return 0;
}
ssize_t pwritev64(int fd, const struct iovec *v, int count, off64_t at) { return pwritev(fd, v, count, at); }

ssize_t copy_file_range(int a, off64_t *b, int c, off64_t *d, size_t n, unsigned f) {
    (void)a, (void)b, (void)c, (void)d, (void)n, (void)f; errno = ENOSYS; return -1;
}
ssize_t sendfile(int a, int b, off_t *c, size_t n) { (void)a, (void)b, (void)c, (void)n; errno = EINVAL; return -1; }
ssize_t sendfile64(int a, int b, off64_t *c, size_t n) { (void)a, (void)b, (void)c, (void)n; errno = EINVAL; return -1; }
ssize_t splice(int a, off64_t *b, int c, off64_t *d, size_t n, unsigned f) {
    (void)a, (void)b, (void)c, (void)d, (void)n, (void)f; errno = EINVAL; return -1;
}

static int cut(int fd, off64_t to) {
    char path[PATH_MAX];
    int is_ours = path_of(fd, path), code;
    if (is_ours && counted('c', "ftruncate") != GO_ON) return -1;
    ORDERED({
        code = (int)syscall(SYS_ftruncate, fd, to);
        if (!code && is_ours) note('T', 0, path, "", inode_of(fd), (uint64_t)to, NULL, 0);
    });
    return code;
}
int ftruncate(int fd, off_t to) { return cut(fd, to); }
int ftruncate64(int fd, off64_t to) { return cut(fd, to); }

static int grow(int fd, int mode, off64_t at, off64_t n) {
    char path[PATH_MAX];
    int is_ours = path_of(fd, path);
    if (is_ours && counted('c', "fallocate") != GO_ON) return -1;
    (void)mode, (void)at, (void)n;
    errno = EOPNOTSUPP;
    return -1;
}
int fallocate(int fd, int mode, off_t at, off_t n) { return grow(fd, mode, at, n); }
int fallocate64(int fd, int mode, off64_t at, off64_t n) { return grow(fd, mode, at, n); }
int posix_fallocate(int fd, off_t at, off_t n) { return grow(fd, 0, at, n) ? errno : 0; }
int posix_fallocate64(int fd, off64_t at, off64_t n) { return grow(fd, 0, at, n) ? errno : 0; }

/* --- Syncs ------------------------------------------------------------------------------------------------ */

static int sync_of(int fd, long call, const char *name) {
    char path[PATH_MAX];
    int is_ours = path_of(fd, path), code;
    int is_failing = is_ours && counted('s', name) != GO_ON;
    int saved = errno;
    ORDERED({
        code = is_failing ? -1 : has_no_sync ? 0 : (int)syscall(call, fd);
        if (!is_failing) saved = errno;
        if (is_ours) note('S', code != 0, path, "", inode_of(fd), 0, NULL, 0);
    });
    errno = saved;
    return code;
}
int fsync(int fd) { return sync_of(fd, SYS_fsync, "fsync"); }
int fdatasync(int fd) { return sync_of(fd, SYS_fdatasync, "fdatasync"); }
int syncfs(int fd) { return sync_of(fd, SYS_syncfs, "syncfs"); }
/* Starts write-back of some pages; promises nothing about names, sizes or the disk's own cache. */
int sync_file_range(int fd, off64_t at, off64_t n, unsigned flags) {
    char path[PATH_MAX];
    if (path_of(fd, path) && counted('s', "sync_file_range") != GO_ON) return -1;
    return has_no_sync ? 0 : (int)syscall(SYS_sync_file_range, fd, at, n, flags);
}

/* --- Names ------------------------------------------------------------------------------------------------ */

static int open_of(int dir, const char *path, int flags, mode_t mode) {
    char full[PATH_MAX];
    int is_ours = path_at(dir, path, full), fd;
    int may_create = (flags & O_CREAT) != 0, is_tmp = (flags & O_TMPFILE) == O_TMPFILE;
    if (is_ours && counted(may_create || is_tmp || (flags & O_TRUNC) ? 'c' : 'r', "open") != GO_ON) return -1;
    if (!is_ours || trace < 0) return (int)syscall(SYS_openat, dir, path, flags, mode);
    ORDERED({
        uint64_t before = may_create ? inode_at(full) : 1;
        fd = (int)syscall(SYS_openat, dir, path, flags, mode);
        if (fd >= 0) {
            int saved = errno;
            if (is_tmp) note('C', 0, "", "", inode_of(fd), 0, NULL, 0);
            else if (!before) note('C', 0, full, "", inode_of(fd), 0, NULL, 0);
            else if (flags & O_TRUNC) note('T', 0, full, "", inode_of(fd), 0, NULL, 0);
            errno = saved;
        }
    });
    return fd;
}
#define MODE_OF(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { va_list list; va_start(list, flags); mode = (mode_t)va_arg(list, int); va_end(list); }
int open(const char *path, int flags, ...) { MODE_OF(flags) return open_of(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE_OF(flags) return open_of(AT_FDCWD, path, flags, mode); }
int openat(int dir, const char *path, int flags, ...) { MODE_OF(flags) return open_of(dir, path, flags, mode); }
int openat64(int dir, const char *path, int flags, ...) { MODE_OF(flags) return open_of(dir, path, flags, mode); }
int creat(const char *path, mode_t mode) { return open_of(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return open_of(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

static int rename_of(int from_dir, const char *from, int to_dir, const char *to, unsigned flags) {
    char a[PATH_MAX], b[PATH_MAX];
    int is_ours = path_at(from_dir, from, a) | path_at(to_dir, to, b), code;
    if (is_ours && counted('c', "rename") != GO_ON) return -1;
    ORDERED({
        uint64_t inode = inode_at(a);
        code = (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
        if (!code && is_ours) note('R', 0, a, b, inode, flags, NULL, 0);
    });
    return code;
}
int rename(const char *a, const char *b) { return rename_of(AT_FDCWD, a, AT_FDCWD, b, 0); }
int renameat(int d, const char *a, int e, const char *b) { return rename_of(d, a, e, b, 0); }
int renameat2(int d, const char *a, int e, const char *b, unsigned f) { return rename_of(d, a, e, b, f); }

static int unlink_of(int dir, const char *path, int flags) {
    char full[PATH_MAX];
    int is_ours = path_at(dir, path, full), code;
    if (is_ours && counted('c', flags & AT_REMOVEDIR ? "rmdir" : "unlink") != GO_ON) return -1;
    ORDERED({
        uint64_t inode = is_ours ? inode_at(full) : 0;
        code = (int)syscall(SYS_unlinkat, dir, path, flags);
        if (!code && is_ours) note(flags & AT_REMOVEDIR ? 'D' : 'U', 0, full, "", inode, 0, NULL, 0);
    });
    return code;
}
int unlink(const char *path) { return unlink_of(AT_FDCWD, path, 0); }
int unlinkat(int dir, const char *path, int flags) { return unlink_of(dir, path, flags); }
int rmdir(const char *path) { return unlink_of(AT_FDCWD, path, AT_REMOVEDIR); }

static int mkdir_of(int dir, const char *path, mode_t mode) {
    char full[PATH_MAX];
    int is_ours = path_at(dir, path, full), code;
    if (is_ours && counted('c', "mkdir") != GO_ON) return -1;
    ORDERED({
        code = (int)syscall(SYS_mkdirat, dir, path, mode);
        if (!code && is_ours) note('M', 0, full, "", inode_at(full), 0, NULL, 0);
    });
    return code;
}
int mkdir(const char *path, mode_t mode) { return mkdir_of(AT_FDCWD, path, mode); }
int mkdirat(int dir, const char *path, mode_t mode) { return mkdir_of(dir, path, mode); }

static int link_of(int from_dir, const char *from, int to_dir, const char *to, int flags) {
    char b[PATH_MAX], a[PATH_MAX];
    int is_ours = path_at(to_dir, to, b), code;
    path_at(from_dir, from, a);
    if (is_ours && counted('c', "link") != GO_ON) return -1;
    ORDERED({
        code = (int)syscall(SYS_linkat, from_dir, from, to_dir, to, flags);
        if (!code && is_ours) note('L', 0, b, "", inode_at(b), 0, NULL, 0);
    });
    return code;
}
int link(const char *a, const char *b) { return link_of(AT_FDCWD, a, AT_FDCWD, b, 0); }
int linkat(int d, const char *a, int e, const char *b, int f) { return link_of(d, a, e, b, f); }

static int symlink_of(const char *target, int dir, const char *path) {
    char full[PATH_MAX];
    int is_ours = path_at(dir, path, full), code;
    if (is_ours && counted('c', "symlink") != GO_ON) return -1;
    ORDERED({
        code = (int)syscall(SYS_symlinkat, target, dir, path);
        if (!code && is_ours) note('Y', 0, full, target, inode_at(full), 0, NULL, 0);
    });
    return code;
}
int symlink(const char *target, const char *path) { return symlink_of(target, AT_FDCWD, path); }
int symlinkat(const char *target, int dir, const char *path) { return symlink_of(target, dir, path); }

/* --- Everything else that may fail ------------------------------------------------------------------------- */

static int is_read_failing(int fd) {
    char path[PATH_MAX];
    return strchr(classes, 'r') && path_of(fd, path) && counted('r', "read") != GO_ON;
}
ssize_t read(int fd, void *to, size_t n) { return is_read_failing(fd) ? -1 : syscall(SYS_read, fd, to, n); }
ssize_t pread(int fd, void *to, size_t n, off_t at) {
    return is_read_failing(fd) ? -1 : syscall(SYS_pread64, fd, to, n, at);
}
ssize_t pread64(int fd, void *to, size_t n, off64_t at) {
    return is_read_failing(fd) ? -1 : syscall(SYS_pread64, fd, to, n, at);
}

ssize_t getrandom(void *to, size_t n, unsigned flags) {
    return counted('g', "getrandom") != GO_ON ? -1 : syscall(SYS_getrandom, to, n, flags);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *with) {
    REAL(int, pthread_create, (pthread_t *, const pthread_attr_t *, void *(*)(void *), void *));
    return counted('t', "pthread_create") != GO_ON ? EAGAIN : real(thread, attr, run, with);
}

static void *map_of(void *at, size_t n, int prot, int flags, int fd, off64_t offset) {
    char path[PATH_MAX];
    if (fd >= 0 && strchr(classes, 'm') && path_of(fd, path) && counted('m', "mmap") != GO_ON) return MAP_FAILED;
    return (void *)syscall(SYS_mmap, at, n, prot, flags, fd, offset);
}
void *mmap(void *at, size_t n, int prot, int flags, int fd, off_t offset) {
    return map_of(at, n, prot, flags, fd, offset);
}
void *mmap64(void *at, size_t n, int prot, int flags, int fd, off64_t offset) {
    return map_of(at, n, prot, flags, fd, offset);
}
