/* A system with a disk that fails and a clock that is wrong, for tests (system.rs): preloaded into the
 * server, it reads in files of the directory $FAULTS what is to go wrong.
 *   disk   the calls that fail (write, sync or all) on files below $FAULTS_BELOW, and the error's number; with a
 *          number below 0 they claim to have done that much
 *   clock  how many seconds the time of day is ahead
 * Where there is no such file nothing goes wrong. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* The error planted for a call on a file, or 0. */
static int planted(const char *call, int fd)
{
    const char *below = getenv("FAULTS_BELOW");
    char link[32], path[4096], what[16] = "";
    int number = 0;
    FILE *file = below ? fault("disk") : NULL;
    if (!file)
        return 0;
    int words = fscanf(file, "%15s %d", what, &number);
    fclose(file);
    if (words != 2 || (strcmp(what, call) != 0 && strcmp(what, "all") != 0))
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return strncmp(path, below, strlen(below)) == 0 ? number : 0;
}

#define FAILING(result, name, call, parameters, arguments)                                                  \
    result name parameters                                                                                  \
    {                                                                                                       \
        static result(*real) parameters;                                                                    \
        if (!real)                                                                                          \
            real = dlsym(RTLD_NEXT, #name);                                                                 \
        int number = planted(call, fd);                                                                     \
        if (number < 0)                                                                                     \
            return -number;                                                                                 \
        if (number) {                                                                                       \
            errno = number;                                                                                 \
            return -1;                                                                                      \
        }                                                                                                   \
        return real arguments;                                                                              \
    }

FAILING(ssize_t, write, "write", (int fd, const void *bytes, size_t count), (fd, bytes, count))
FAILING(ssize_t, writev, "write", (int fd, const struct iovec *parts, int count), (fd, parts, count))
FAILING(ssize_t, pwrite64, "write", (int fd, const void *bytes, size_t count, off64_t at), (fd, bytes, count, at))
FAILING(int, fsync, "sync", (int fd), (fd))
FAILING(int, fdatasync, "sync", (int fd), (fd))

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
