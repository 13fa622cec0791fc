#include "app/shared.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "api/rate.h"
#include "app/log.h"
#include "app/metrics.h"
#include "app/process.h"
#include "app/slots.h"

/* Files of a process besides the bells and its connections. */
enum { OTHER_FILES = 64 };

unsigned
shared_fit(unsigned wanted)
{
	const rlim_t needed = (rlim_t)wanted + OTHER_FILES;
	struct rlimit limit;
	int result = getrlimit(RLIMIT_NOFILE, &limit);

	assert(result == 0);
	if (limit.rlim_cur >= needed)
		return wanted;
	limit.rlim_cur = needed < limit.rlim_max ? needed : limit.rlim_max;
	result = setrlimit(RLIMIT_NOFILE, &limit);
	assert(result == 0);
	if (limit.rlim_cur >= needed)
		return wanted;
	return limit.rlim_cur > OTHER_FILES
		   ? (unsigned)limit.rlim_cur - OTHER_FILES
		   : 0;
}

/* Zeroed memory that forks share; NULL, and the reason logged. */
static void *
map_shared(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory != MAP_FAILED)
		return memory;
	log_message("no shared memory: %s", strerror(errno));
	return NULL;
}

/* -1, and the reason logged. */
static int
open_bell(void)
{
	int file = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (file < 0)
		log_message("eventfd: %s", strerror(errno));
	return file;
}

static bool
open_bells(struct shared *shared)
{
	shared->bells = calloc(shared->owners, sizeof(*shared->bells));
	if (shared->bells == NULL) {
		log_message("no memory for bells");
		return false;
	}
	for (unsigned i = 0; i < shared->owners; i++) {
		shared->bells[i] = open_bell();
		if (shared->bells[i] < 0)
			return false;
	}
	return true;
}

static bool
open_slots(struct shared *shared, unsigned each)
{
	struct shared_slots *memory =
	    map_shared(slots_bytes(shared->owners, each));
	uint8_t generation[GENERATION_BYTES];

	if (memory == NULL)
		return false;
	/* Up to 256 bytes are never cut short (getrandom(2)). */
	if (getrandom(generation, sizeof(generation), 0) < 0) {
		log_message("getrandom: %s", strerror(errno));
		return false;
	}
	slots_init(&shared->slots, memory, shared->owners, each, generation);
	return true;
}

bool
shared_open(struct shared *shared, const struct settings *settings,
    unsigned places, unsigned owners)
{
	const size_t board_bytes =
	    sizeof(struct board) + places * sizeof(struct process_status);

	struct shared_metrics *counters;

	*shared = (struct shared){.places = places, .owners = owners};
	shared->board = map_shared(board_bytes);
	counters = map_shared(metrics_bytes(places));
	shared->rates = map_shared(rate_table_bytes());
	if (shared->board == NULL || counters == NULL ||
	    shared->rates == NULL || !open_bells(shared) ||
	    !open_slots(shared, (unsigned)settings->commands_in_flight))
		return false;
	metrics_init(&shared->metrics, counters, places);
	shared->news = open_bell();
	shared->lock = memfd_create("intentd-committer", MFD_CLOEXEC);
	if (shared->lock < 0)
		log_message("memfd_create: %s", strerror(errno));
	return shared->news >= 0 && shared->lock >= 0;
}

void
shared_close(struct shared *shared)
{
	free(shared->bells);
	shared->bells = NULL;
}

void
shared_keep_bell(const struct shared *shared, unsigned owner)
{
	for (unsigned i = 0; i < shared->owners; i++)
		if (i != owner)
			close(shared->bells[i]);
}
