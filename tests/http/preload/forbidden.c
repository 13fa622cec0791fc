/*
 * Preloaded into intentd for a test: the next process with the given name that
 * asks for the time does what no process of intentd does, once it is told so in
 * a file that all of them have mapped (FORBIDDEN_FILE).  What a program that an
 * attacker has taken over would do is done by its own code, as here.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/types.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { NAME_BYTES = 16, PATH_BYTES = 256 };

/* As tests/http/confine.test.mjs writes and reads it. */
struct order {
	_Atomic int32_t armed; /* 1: to be done; 0: taken */
	_Atomic int32_t done;  /* 1: it came back */
	int32_t error;	       /* with this errno */
	int32_t flags;	       /* of open() */
	char process[NAME_BYTES];
	char deed[NAME_BYTES];
	char path[PATH_BYTES];
};

static struct order *order;
static pid_t supervisor;

/* What all processes share, as the supervisor has it before it forks. */
static struct {
	char *begin;
	size_t bytes;
} shared[8];
static size_t shared_count;

__attribute__((constructor)) static void
find_order(void)
{
	const char *name = getenv("FORBIDDEN_FILE");
	int file = name == NULL ? -1 : open(name, O_RDWR | O_CLOEXEC);
	void *memory;

	if (file < 0)
		return;
	memory = mmap(
	    NULL, sizeof(*order), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	(void)close(file);
	order = memory != MAP_FAILED ? memory : NULL;
	supervisor = getpid();
}

static void
note_shared(void)
{
	FILE *maps = shared_count == 0 ? fopen("/proc/self/maps", "re") : NULL;
	char line[PATH_BYTES * 2];
	unsigned long begin, end;

	while (maps != NULL && fgets(line, sizeof(line), maps) != NULL)
		if (strstr(line, " rw-s ") != NULL &&
		    strstr(line, "/dev/zero") != NULL &&
		    shared_count < sizeof(shared) / sizeof(shared[0]) &&
		    sscanf(line, "%lx-%lx", &begin, &end) == 2) {
			shared[shared_count].begin = (char *)begin;
			shared[shared_count++].bytes = end - begin;
		}
	if (maps != NULL)
		(void)fclose(maps);
}

/* -- Deeds ----------------------------------------------------------------- */

static long
do_open(void)
{
	return open(order->path, order->flags, 0600);
}

static long
do_execve(void)
{
	char *const words[] = {"true", NULL};

	return execv("/bin/true", words);
}

static long
do_fork(void)
{
	return syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
}

static long
do_inet(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static long
do_bind(void)
{
	const struct sockaddr none = {.sa_family = AF_UNSPEC};

	return bind(-1, &none, sizeof(none));
}

static long
do_packet(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0);
}

static long
do_unlink(void)
{
	return unlink(order->path);
}

/* The heap, that it may be run. */
static long
do_mprotect(void)
{
	void *page = aligned_alloc(4096, 4096);

	return mprotect(page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
}

static long
do_mmap(void)
{
	return (long)mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* The store's file, through a descriptor that the process has anyway. */
static long
do_map(void)
{
	struct stat store, other;
	void *map;

	if (stat(order->path, &store) != 0)
		return -1;
	for (int file = 0; file < 1024; file++) {
		if (fstat(file, &other) != 0 || other.st_ino != store.st_ino)
			continue;
		map = mmap(
		    NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
		if (map != MAP_FAILED)
			return munmap(map, 4096);
	}
	errno = EACCES;
	return -1;
}

static void *
do_nothing(void *nothing)
{
	return nothing;
}

static long
do_thread(void)
{
	pthread_t thread;

	errno = pthread_create(&thread, NULL, do_nothing, NULL);
	return errno == 0 ? pthread_join(thread, NULL) : -1;
}

/*
 * What C libraries do on some hosts: without a clock in user space, with
 * another allocator, or in a name service's module.
 */
static long
do_harmless(void)
{
	struct rlimit limit;
	struct timespec now;
	struct timeval day;
	char bytes[4096];
	unsigned cpu;

	return syscall(SYS_clock_gettime, CLOCK_REALTIME, &now) |
	       syscall(SYS_clock_getres, CLOCK_REALTIME, &now) |
	       syscall(SYS_gettimeofday, &day, NULL) |
	       syscall(SYS_getcpu, &cpu, NULL, NULL) |
	       syscall(SYS_membarrier, 1, 0, 0) | sched_yield() |
	       getrlimit(RLIMIT_NOFILE, &limit) | sysinfo((void *)bytes) |
	       (sched_getaffinity(0, sizeof(bytes), (void *)bytes) < 0) |
	       sched_getparam(0, (void *)bytes) |
	       (getcwd(bytes, sizeof(bytes)) == NULL) |
	       faccessat(AT_FDCWD, "/", R_OK, AT_EACCESS) |
	       syscall(SYS_close_range, 5000, 6000, 0) |
	       (prctl(PR_CAPBSET_READ, 1, 0, 0, 0) < 0);
}

/*
 * What lies in front of a mapping says what is in it; all of the largest one is
 * more than the host has.
 */
static long
do_scribble(void)
{
	const size_t most = 8 << 20;

	for (size_t i = 0; i < shared_count; i++)
		memset(shared[i].begin, 0xff,
		    shared[i].bytes < most ? shared[i].bytes : most);
	return shared_count > 0 ? 0 : -1;
}

static long
do_connect(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int file = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)snprintf(
	    address.sun_path, sizeof(address.sun_path), "%.100s", order->path);
	return connect(file, (struct sockaddr *)&address, sizeof(address));
}

static long
do_poke(void)
{
	return syscall(SYS_process_vm_writev, supervisor, NULL, 0, NULL, 0, 0);
}

static long
do_queue(void)
{
	return syscall(SYS_rt_sigqueueinfo, supervisor, SIGTERM, NULL);
}

static long
do_pidfd(void)
{
	return syscall(SYS_pidfd_open, supervisor, 0);
}

static long
do_bpf(void)
{
	return syscall(SYS_bpf, 0, NULL, 0);
}

static long
do_perf(void)
{
	return syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0);
}

static long
do_keyctl(void)
{
	return syscall(SYS_keyctl, 0, -3, 0);
}

static long
do_userfault(void)
{
	return syscall(SYS_userfaultfd, 0);
}

static long
do_execveat(void)
{
	return syscall(SYS_execveat, 0, "", NULL, NULL, AT_EMPTY_PATH);
}

static long
do_personality(void)
{
	return syscall(SYS_personality, 0x0400000); /* READ_IMPLIES_EXEC */
}

static long
do_handle(void)
{
	return syscall(SYS_open_by_handle_at, -1, NULL, 0);
}

static long
do_mount(void)
{
	return syscall(SYS_mount, "", "/", NULL, 0, NULL);
}

static long
do_link(void)
{
	return syscall(SYS_linkat, AT_FDCWD, order->path, AT_FDCWD, "/x", 0);
}

static long
do_chmod(void)
{
	return syscall(SYS_fchmodat, AT_FDCWD, order->path, 0777);
}

static long
do_ptrace(void)
{
	return syscall(SYS_ptrace, 16, supervisor, NULL, NULL);
}

static long
do_peek(void)
{
	return syscall(SYS_process_vm_readv, supervisor, NULL, 0, NULL, 0, 0);
}

static long
do_setuid(void)
{
	return syscall(SYS_setuid, 0);
}

static long
do_kill(void)
{
	return syscall(SYS_kill, supervisor, 0);
}

static long
do_tgkill(void)
{
	return syscall(SYS_tgkill, supervisor, supervisor, 0);
}

static long
do_prctl(void)
{
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static long
do_limit(void)
{
	const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};

	return syscall(SYS_prlimit64, 0, RLIMIT_CORE, &all, NULL);
}

static long
do_unshare(void)
{
	return unshare(CLONE_NEWUSER);
}

static long
do_memfd(void)
{
	return memfd_create("deed", 0);
}

static long
do_io_uring(void)
{
	return syscall(SYS_io_uring_setup, 1, NULL);
}

/* Out of the way of what would punish it. */
static long
do_sigaction(void)
{
	const struct sigaction ignored = {.sa_handler = SIG_IGN};

	return sigaction(SIGSYS, &ignored, NULL);
}

/* With SIGSYS blocked: the kernel kills all the same. */
static long
do_blocked(void)
{
	sigset_t all;

	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	return syscall(SYS_setuid, 0);
}

static long
do_assert(void)
{
	assert(order == NULL);
	return 0;
}

static const struct {
	const char *name;
	long (*run)(void);
} deeds[] = {
    {"open", do_open},
    {"execve", do_execve},
    {"clone", do_fork},
    {"inet", do_inet},
    {"bind", do_bind},
    {"packet", do_packet},
    {"unlink", do_unlink},
    {"mprotect", do_mprotect},
    {"mmap", do_mmap},
    {"ptrace", do_ptrace},
    {"peek", do_peek},
    {"setuid", do_setuid},
    {"kill", do_kill},
    {"tgkill", do_tgkill},
    {"prctl", do_prctl},
    {"limit", do_limit},
    {"unshare", do_unshare},
    {"memfd", do_memfd},
    {"io_uring", do_io_uring},
    {"sigaction", do_sigaction},
    {"connect", do_connect},
    {"scribble", do_scribble},
    {"poke", do_poke},
    {"queue", do_queue},
    {"pidfd", do_pidfd},
    {"bpf", do_bpf},
    {"perf", do_perf},
    {"keyctl", do_keyctl},
    {"userfault", do_userfault},
    {"execveat", do_execveat},
    {"personality", do_personality},
    {"handle", do_handle},
    {"mount", do_mount},
    {"link", do_link},
    {"chmod", do_chmod},
    {"map", do_map},
    {"thread", do_thread},
    {"harmless", do_harmless},
    {"blocked", do_blocked},
    {"assert", do_assert},
};

/* -- The order ------------------------------------------------------------- */

static void
obey(void)
{
	long result = -1;

	errno = EINVAL;
	for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++)
		if (strcmp(deeds[i].name, order->deed) == 0)
			result = deeds[i].run();
	order->error = result < 0 ? errno : 0;
	order->done = 1;
}

static int
is_meant(void)
{
	char name[NAME_BYTES] = "";

	return order != NULL && order->armed != 0 && getpid() != supervisor &&
	       prctl(PR_GET_NAME, name) == 0 &&
	       strcmp(name, order->process) == 0 &&
	       atomic_exchange(&order->armed, 0) != 0;
}

int
clock_gettime(clockid_t clock, struct timespec *time)
{
	if (getpid() == supervisor)
		note_shared();
	if (is_meant())
		obey();
	return (int)syscall(SYS_clock_gettime, clock, time);
}
