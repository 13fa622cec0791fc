/*
 * Preloaded into intentd and intentctl for tests: the n-th call of a kind, in a
 * process of a name, fails with a given errno, does a part of its work, or gets
 * its process a signal; once, or from then on.  The test says what in a file
 * that every process maps (FAULT_CONTROL; tests/crash/faulty.mjs writes it),
 * so that it can say so at any time; the same file moves the time of day.
 */
#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { CALL_BYTES = 16, NAME_BYTES = 16 };

enum effect { EFFECT_ERROR, EFFECT_SHORT, EFFECT_SIGNAL };

/* tests/crash/faulty.mjs has the same offsets. */
struct control {
	_Atomic uint32_t armed;
	int32_t effect;
	int32_t number; /* errno or signal */
	uint32_t nth;	/* counted from 1 */
	uint32_t stuck; /* also all calls after the n-th */
	int32_t only;	/* a process; 0: any */
	int32_t never;	/* a process that is left alone */
	_Atomic uint32_t seen;
	_Atomic uint32_t struck;
	uint32_t unused;
	_Atomic int64_t clock_us; /* added to the time of day */
	char call[CALL_BYTES];	  /* "*": any of those below */
	char process[NAME_BYTES]; /* a whole name; "": any */
};

_Static_assert(offsetof(struct control, clock_us) == 40, "as in faulty.mjs");
_Static_assert(offsetof(struct control, call) == 48, "as in faulty.mjs");

static struct control *control;

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);

__attribute__((constructor)) static void
map_control(void)
{
	const char *path = getenv("FAULT_CONTROL");
	int file = path == NULL ? -1
				: (int)syscall(SYS_openat, AT_FDCWD, path,
				      O_RDWR | O_CLOEXEC);
	void *map;

	if (file < 0)
		return;
	map = (void *)syscall(SYS_mmap, NULL, sizeof(struct control),
	    PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	(void)syscall(SYS_close, file);
	if (map != MAP_FAILED)
		control = map;
}

static bool
is_meant(const char *call)
{
	char name[NAME_BYTES] = "";
	pid_t self;

	if (control->call[0] != '*' &&
	    strncmp(control->call, call, CALL_BYTES) != 0)
		return false;
	self = (pid_t)syscall(SYS_getpid);
	if (control->never == self ||
	    (control->only != 0 && control->only != self))
		return false;
	(void)prctl(PR_GET_NAME, name);
	return control->process[0] == '\0' ||
	       strncmp(name, control->process, NAME_BYTES) == 0;
}

/* Whether this call is one that the fault hits; with `effect`. */
static bool
hits(const char *call, enum effect effect)
{
	uint32_t seen;

	if (control == NULL || atomic_load(&control->armed) == 0 ||
	    (int)effect != control->effect || !is_meant(call))
		return false;
	seen = atomic_fetch_add(&control->seen, 1) + 1;
	if (seen != control->nth && !(control->stuck && seen > control->nth))
		return false;
	atomic_fetch_add(&control->struck, 1);
	return true;
}

static bool
fails(const char *call)
{
	if (hits(call, EFFECT_SIGNAL))
		(void)kill((pid_t)syscall(SYS_getpid), control->number);
	if (!hits(call, EFFECT_ERROR))
		return false;
	errno = control->number;
	return true;
}

static size_t
part_of(const char *call, size_t count)
{
	return count > 1 && hits(call, EFFECT_SHORT) ? count / 2 : count;
}

/* What a call on this file is; a bell (eventfd) has no such failures. */
static const char *
kind_of(int file, const char *on_socket, const char *otherwise)
{
	struct stat status;

	if (control == NULL || atomic_load(&control->armed) == 0 ||
	    fstat(file, &status) != 0)
		return otherwise;
	if ((status.st_mode & S_IFMT) == 0)
		return "bell";
	return S_ISSOCK(status.st_mode) ? on_socket : otherwise;
}

/* The next function of this name; looked up at most once. */
#define REAL(name)                                     \
	static __typeof__(&name) real;                 \
	if (real == NULL) {                            \
		void *found = dlsym(RTLD_NEXT, #name); \
		memcpy(&real, &found, sizeof(real));   \
	}                                              \
	assert(real != NULL)

#define WRAP(type, name, parameters, arguments, call, failure)   \
	type name parameters                                     \
	{                                                        \
		REAL(name);                                      \
		return fails(call) ? (failure) : real arguments; \
	}

#define WRAP_BYTES(name, more, rest, on_socket, otherwise)              \
	ssize_t name more                                               \
	{                                                               \
		const char *call = kind_of(file, on_socket, otherwise); \
		REAL(name);                                             \
		if (fails(call))                                        \
			return -1;                                      \
		count = part_of(call, count);                           \
		return real rest;                                       \
	}

WRAP_BYTES(pwrite, (int file, const void *bytes, size_t count, off_t offset),
    (file, bytes, count, offset), "pwrite", "pwrite")
WRAP_BYTES(pwrite64,
    (int file, const void *bytes, size_t count, off64_t offset),
    (file, bytes, count, offset), "pwrite", "pwrite")
WRAP_BYTES(write, (int file, const void *bytes, size_t count),
    (file, bytes, count), "send", "write")
WRAP_BYTES(send, (int file, const void *bytes, size_t count, int flags),
    (file, bytes, count, flags), "send", "send")
WRAP_BYTES(read, (int file, void *bytes, size_t count), (file, bytes, count),
    "recv", "read")
WRAP_BYTES(recv, (int file, void *bytes, size_t count, int flags),
    (file, bytes, count, flags), "recv", "recv")
WRAP_BYTES(pread, (int file, void *bytes, size_t count, off_t offset),
    (file, bytes, count, offset), "read", "read")
WRAP_BYTES(pread64, (int file, void *bytes, size_t count, off64_t offset),
    (file, bytes, count, offset), "read", "read")

/* Of several pieces a part is the first ones. */
ssize_t
writev(int file, const struct iovec *pieces, int count)
{
	const char *call = kind_of(file, "send", "writev");

	REAL(writev);
	if (fails(call))
		return -1;
	return real(file, pieces, (int)part_of(call, (size_t)count));
}

WRAP(ssize_t, sendmsg, (int file, const struct msghdr *message, int flags),
    (file, message, flags), "send", -1)
WRAP(ssize_t, recvmsg, (int file, struct msghdr *message, int flags),
    (file, message, flags), "recv", -1)
WRAP(int, fdatasync, (int file), (file), "fdatasync", -1)
WRAP(int, fsync, (int file), (file), "fsync", -1)
WRAP(int, msync, (void *at, size_t length, int flags), (at, length, flags),
    "msync", -1)
WRAP(int, ftruncate, (int file, off_t length), (file, length), "ftruncate", -1)
WRAP(int, ftruncate64, (int file, off64_t length), (file, length), "ftruncate",
    -1)
WRAP(void *, mmap,
    (void *at, size_t length, int protection, int flags, int file,
	off_t offset),
    (at, length, protection, flags, file, offset), "mmap", MAP_FAILED)
WRAP(void *, mmap64,
    (void *at, size_t length, int protection, int flags, int file,
	off64_t offset),
    (at, length, protection, flags, file, offset), "mmap", MAP_FAILED)
WRAP(int, accept4,
    (int file, struct sockaddr *address, socklen_t *length, int flags),
    (file, address, length, flags), "accept", -1)
WRAP(int, accept, (int file, struct sockaddr *address, socklen_t *length),
    (file, address, length), "accept", -1)
WRAP(int, socket, (int family, int type, int protocol),
    (family, type, protocol), "socket", -1)
WRAP(int, connect, (int file, const struct sockaddr *address, socklen_t length),
    (file, address, length), "connect", -1)
WRAP(int, bind, (int file, const struct sockaddr *address, socklen_t length),
    (file, address, length), "bind", -1)
WRAP(int, listen, (int file, int backlog), (file, backlog), "listen", -1)
WRAP(int, epoll_create1, (int flags), (flags), "epoll", -1)
WRAP(int, epoll_ctl, (int set, int what, int file, struct epoll_event *event),
    (set, what, file, event), "epoll", -1)
WRAP(int, epoll_wait,
    (int set, struct epoll_event *events, int count, int wait_ms),
    (set, events, count, wait_ms), "epoll_wait", -1)
WRAP(int, eventfd, (unsigned count, int flags), (count, flags), "eventfd", -1)
WRAP(int, pipe2, (int ends[2], int flags), (ends, flags), "pipe", -1)
WRAP(pid_t, fork, (void), (), "fork", -1)
WRAP(ssize_t, getrandom, (void *bytes, size_t count, unsigned flags),
    (bytes, count, flags), "getrandom", -1)
WRAP(int, signalfd, (int file, const sigset_t *signals, int flags),
    (file, signals, flags), "signalfd", -1)
WRAP(int, socketpair, (int family, int type, int protocol, int ends[2]),
    (family, type, protocol, ends), "socket", -1)
WRAP(int, poll, (struct pollfd * files, nfds_t count, int wait_ms),
    (files, count, wait_ms), "poll", -1)
WRAP(int, link, (const char *from, const char *to), (from, to), "link", -1)
WRAP(int, rename, (const char *from, const char *to), (from, to), "rename", -1)
WRAP(int, fchmod, (int file, mode_t mode), (file, mode), "fchmod", -1)
WRAP(int, fchown, (int file, uid_t owner, gid_t group), (file, owner, group),
    "fchown", -1)

/* These two say why by their result; of a look-up errno has the rest. */
int
getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
    struct addrinfo **found)
{
	REAL(getaddrinfo);
	if (fails("resolve"))
		return EAI_SYSTEM;
	/* libcurl knows localhost by itself; of this one it asks. */
	if (name != NULL && strcmp(name, "receiver.test") == 0)
		name = "127.0.0.1";
	return real(name, service, hints, found);
}

WRAP(int, pthread_create,
    (pthread_t * thread, const pthread_attr_t *attributes, void *(*run)(void *),
	void *argument),
    (thread, attributes, run, argument), "thread", errno)

static bool
is_locking(int command)
{
	return command == F_SETLK || command == F_SETLKW || command == F_GETLK;
}

/* An argument that was not given is not looked at by the system. */
#define WRAP_FCNTL(name)                                  \
	int name(int file, int command, ...)              \
	{                                                 \
		va_list more;                             \
		void *argument;                           \
		REAL(name);                               \
		va_start(more, command);                  \
		argument = va_arg(more, void *);          \
		va_end(more);                             \
		if (is_locking(command) && fails("lock")) \
			return -1;                        \
		return real(file, command, argument);     \
	}

WRAP_FCNTL(fcntl)
WRAP_FCNTL(fcntl64)

#define WRAP_OPEN(name)                                              \
	int name(const char *path, int flags, ...)                   \
	{                                                            \
		va_list more;                                        \
		mode_t mode;                                         \
		REAL(name);                                          \
		va_start(more, flags);                               \
		mode = va_arg(more, mode_t);                         \
		va_end(more);                                        \
		return fails("open") ? -1 : real(path, flags, mode); \
	}

WRAP_OPEN(open)
WRAP_OPEN(open64)

WRAP(FILE *, fopen, (const char *path, const char *mode), (path, mode), "open",
    NULL)

/* open() in a build with _FORTIFY_SOURCE. */
int __open_2(const char *path, int flags);
WRAP(int, __open_2, (const char *path, int flags), (path, flags), "open", -1)

/* Not by dlsym(), which itself allocates. */
void *
malloc(size_t size)
{
	return fails("malloc") ? NULL : __libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
	return fails("malloc") ? NULL : __libc_calloc(count, size);
}

void *
realloc(void *old, size_t size)
{
	return fails("malloc") ? NULL : __libc_realloc(old, size);
}

int
posix_memalign(void **to, size_t alignment, size_t size)
{
	REAL(posix_memalign);
	return fails("malloc") ? ENOMEM : real(to, alignment, size);
}

int
clock_gettime(clockid_t clock, struct timespec *time)
{
	int result = (int)syscall(SYS_clock_gettime, clock, time);
	int64_t us;

	if (clock != CLOCK_REALTIME || control == NULL)
		return result;
	us = (int64_t)time->tv_sec * 1000000 + time->tv_nsec / 1000 +
	     atomic_load(&control->clock_us);
	time->tv_sec = us / 1000000;
	time->tv_nsec = us % 1000000 * 1000;
	return result;
}
