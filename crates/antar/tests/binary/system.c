/* A disk that fails, for the tests in disk_faults.rs: preloaded into the server, it makes calls on files
 * below $DISK_FAULT_BELOW fail as the file $DISK_FAULT says: its first word is the call (write, sync or all),
 * the second the error's number. Where there is no such file nothing fails. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* The error planted for a call on a file, or 0. */
static int planted(const char *call, int fd)
{
    const char *fault = getenv("DISK_FAULT"), *below = getenv("DISK_FAULT_BELOW");
    char link[32], path[4096], what[16] = "";
    int number = 0;
    if (!fault || !below)
        return 0;
    FILE *file = fopen(fault, "re");
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
