/* Sits between a process and its system (LD_PRELOAD), for faults that no test can request from a real one:
 *
 * - SHIM_CLOCK names a file with a number of seconds, by which the wall clock is shifted. Monotonic clocks are
 *   unchanged.
 * - SHIM_SYNC names a file. While it exists, fsync and fdatasync fail with EIO on files whose path ends with its
 *   content, or on all files if it is empty.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* Reads the file's content without trailing white space; -1 if there is no file. */
static ssize_t read_file(const char *variable, char *text, size_t size) {
    const char *path = getenv(variable);
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return -1;
    ssize_t length = read(file, text, size - 1);
    close(file);
    while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == ' ')) length--;
    if (length >= 0) text[length] = 0;
    return length;
}

static long long offset(void) {
    int before = errno;
    char text[32];
    long long seconds = read_file("SHIM_CLOCK", text, sizeof text) > 0 ? atoll(text) : 0;
    errno = before;
    return seconds;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = syscall(SYS_clock_gettime, clock, now);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += offset();
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    int result = syscall(SYS_gettimeofday, now, zone);
    if (result == 0) now->tv_sec += offset();
    return result;
}

time_t time(time_t *result) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (result) *result = now.tv_sec;
    return now.tv_sec;
}

static int fails(int file) {
    char suffix[256], link[64], path[4096];
    ssize_t wanted = read_file("SHIM_SYNC", suffix, sizeof suffix);
    if (wanted < 0) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path);
    return length >= wanted && memcmp(path + length - wanted, suffix, wanted) == 0;
}

int fsync(int file) {
    if (!fails(file)) return syscall(SYS_fsync, file);
    errno = EIO;
    return -1;
}

int fdatasync(int file) {
    if (!fails(file)) return syscall(SYS_fdatasync, file);
    errno = EIO;
    return -1;
}
