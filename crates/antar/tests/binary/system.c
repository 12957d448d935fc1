/* A system with a disk that fails and a clock that is wrong, for tests (system.rs): preloaded into the
 * server, it reads in files of the directory $FAULTS what is to go wrong.
 *   disk   the calls that fail (write, sync or all) on files below $FAULTS_BELOW, and the error's number; with a
 *          number below 0 they claim to have done that much. A second number says how many calls fail at most
 *   kill   at which call on files below $FAULTS_BELOW (write or sync) the process is killed, the first being 1
 *   clock  how many seconds the time of day is ahead
 * Where there is no such file nothing goes wrong. What was last written to a segment of the log below
 * $FAULTS_BELOW before a sync of it failed is noted in $FAULTS/pages ("lost OFFSET LENGTH PATH"), and so is
 * what is written there later ("kept …"): as with a real disk, it can be read and is on no disk until it is
 * written again. The directories that were synced are in $FAULTS/directories, a line each. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static FILE *fault(const char *name)
{
    char path[4096];
    const char *faults = getenv("FAULTS");
    if (!faults)
        return NULL;
    snprintf(path, sizeof path, "%s/%s", faults, name);
    return fopen(path, "re");
}

static int is_below(int fd)
{
    const char *below = getenv("FAULTS_BELOW");
    char link[32], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = below ? readlink(link, path, sizeof path - 1) : -1;
    if (length < 0)
        return 0;
    path[length] = 0;
    return strncmp(path, below, strlen(below)) == 0;
}

/* Ends the process where this is the call at which it is to be killed. */
static void count_call(int fd)
{
    static int calls;
    int last = 0;
    FILE *file = getenv("FAULTS_BELOW") ? fault("kill") : NULL;
    if (!file)
        return;
    int words = fscanf(file, "%d", &last);
    fclose(file);
    if (words == 1 && is_below(fd) && __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST) == last)
        kill(getpid(), SIGKILL);
}

/* The error planted for a call on a file, or 0. */
static int planted(const char *call, int fd)
{
    static int failed;
    char what[16] = "";
    int number = 0, most = 0;
    FILE *file = getenv("FAULTS_BELOW") ? fault("disk") : NULL;
    if (!file)
        return 0;
    int words = fscanf(file, "%15s %d %d", what, &number, &most);
    fclose(file);
    if (words < 2 || (strcmp(what, call) != 0 && strcmp(what, "all") != 0) || !is_below(fd))
        return 0;
    if (words == 3 && __atomic_add_fetch(&failed, 1, __ATOMIC_SEQ_CST) > most)
        return 0;
    return number;
}

#define FAILING(result, name, call, parameters, arguments) FAILING_AND(result, name, call, parameters, arguments, , )

/* Also does something where it fails, and with what it has done. */
#define FAILING_AND(result, name, call, parameters, arguments, failed, done)                                                  \
    result name parameters                                                                                  \
    {                                                                                                       \
        static result(*real) parameters;                                                                    \
        if (!real)                                                                                          \
            real = dlsym(RTLD_NEXT, #name);                                                                 \
        count_call(fd);                                                                                     \
        int number = planted(call, fd);                                                                     \
        if (number < 0)                                                                                     \
            return -number;                                                                                 \
        if (number) {                                                                                       \
            failed;                                                                                         \
            errno = number;                                                                                 \
            return -1;                                                                                      \
        }                                                                                                   \
        result did = real arguments;                                                                        \
        done;                                                                                               \
        return did;                                                                                         \
    }

/* The path of a segment of the log, whose name is a number; or NULL. */
static const char *segment(int fd, char *path, size_t size)
{
    const char *below = getenv("FAULTS_BELOW");
    char link[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = below ? readlink(link, path, size - 1) : -1;
    if (length < 0)
        return NULL;
    path[length] = 0;
    const char *name = strstr(path, "/log/");
    return name && name[5] >= '0' && name[5] <= '9' && strncmp(path, below, strlen(below)) == 0 ? path : NULL;
}

static void note(const char *what, long long at, size_t count, const char *path)
{
    char pages[4096];
    snprintf(pages, sizeof pages, "%s/pages", getenv("FAULTS"));
    FILE *file = fopen(pages, "ae");
    if (file) {
        fprintf(file, "%s %lld %zu %s\n", what, at, count, path);
        fclose(file);
    }
}

/* What was written to a segment last; one thread at a time does that. */
static struct {
    long long at;
    size_t count;
    char path[4096];
} last;

static void written(int fd, long long at, ssize_t count)
{
    char path[4096];
    if (count <= 0 || !segment(fd, path, sizeof path))
        return;
    last.at = at;
    last.count = count;
    strcpy(last.path, path);
    FILE *pages = fault("pages");
    if (pages) {
        fclose(pages);
        note("kept", at, count, path);
    }
}

static void not_synced(int fd)
{
    char path[4096];
    if (segment(fd, path, sizeof path) && strcmp(path, last.path) == 0)
        note("lost", last.at, last.count, path);
}

static void synced(int fd)
{
    char link[32], path[4096], noted[4096];
    struct stat found;
    if (fstat(fd, &found) != 0 || !S_ISDIR(found.st_mode))
        return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    snprintf(noted, sizeof noted, "%s/directories", getenv("FAULTS"));
    FILE *file = length < 0 ? NULL : fopen(noted, "ae");
    if (file) {
        fprintf(file, "%.*s\n", (int)length, path);
        fclose(file);
    }
}

FAILING(ssize_t, write, "write", (int fd, const void *bytes, size_t count), (fd, bytes, count))
FAILING(ssize_t, writev, "write", (int fd, const struct iovec *parts, int count), (fd, parts, count))
FAILING_AND(ssize_t, pwrite64, "write", (int fd, const void *bytes, size_t count, off64_t at),
            (fd, bytes, count, at), , written(fd, at, did))
FAILING_AND(int, fsync, "sync", (int fd), (fd), not_synced(fd), synced(fd))
FAILING_AND(int, fdatasync, "sync", (int fd), (fd), not_synced(fd), )

int clock_gettime(clockid_t clock, struct timespec *now)
{
    static int (*real)(clockid_t, struct timespec *);
    if (!real)
        real = dlsym(RTLD_NEXT, "clock_gettime");
    int done = real(clock, now);
    FILE *file = done == 0 && clock == CLOCK_REALTIME ? fault("clock") : NULL;
    if (file) {
        long ahead = 0;
        if (fscanf(file, "%ld", &ahead) == 1)
            now->tv_sec += ahead;
        fclose(file);
    }
    return done;
}
