/* Moves the wall clock of a process by CLOCK_MOVED_BY seconds; what waits and measures goes by real, monotonic time. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static time_t moved_by(void) {
    static time_t seconds;
    static int known;
    if (!known) {
        const char *text = getenv("CLOCK_MOVED_BY");
        seconds = text ? atoll(text) : 0;
        known = 1;
    }
    return seconds;
}

int clock_gettime(clockid_t clock, struct timespec *at) {
    int failed = syscall(SYS_clock_gettime, clock, at);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) at->tv_sec += moved_by();
    return failed;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}

/* A deadline on the wall clock is meant on the moved one; a monotonic one counts from the machine's start. */
static struct timespec real(const struct timespec *deadline) {
    struct timespec at = *deadline;
    if (at.tv_sec > 1000000000) at.tv_sec -= moved_by();
    return at;
}

#define FORWARD(name, type, object)                                                             \
    int name(type *object, const struct timespec *restrict deadline) {                          \
        static int (*next)(type *, const struct timespec *);                                    \
        if (!next) next = (int (*)(type *, const struct timespec *))dlsym(RTLD_NEXT, #name);    \
        struct timespec at = real(deadline);                                                    \
        return next(object, &at);                                                               \
    }

FORWARD(sem_timedwait, sem_t, semaphore)
FORWARD(pthread_mutex_timedlock, pthread_mutex_t, mutex)

int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict deadline) {
    static int (*next)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
    if (!next) next = (int (*)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *))
        dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
    if (!next) next = (int (*)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *))
        dlsym(RTLD_NEXT, "pthread_cond_timedwait");
    struct timespec at = real(deadline);
    return next(condition, mutex, &at);
}
