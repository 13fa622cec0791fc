#include "app/ctl_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/crash.h"

/* Names of one second. */
enum { ASIDE_MAX = 9 };

/* What a signal removes; empty: nothing. */
static char unfinished[CTL_PATH_BYTES];

static void
remove_and_end(int number)
{
	if (unfinished[0] != '\0')
		(void)unlink(unfinished);
	/* SA_RESETHAND: this time it ends the process. */
	(void)raise(number);
}

static void
watch(const char *path)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action = {.sa_handler = remove_and_end};

	text_copy(text_of(path), unfinished, sizeof(unfinished));
	action.sa_flags = (int)SA_RESETHAND;
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaction(numbers[i], &action, NULL);
}

/*
 * The one that opens it and locks it, too, owns it: between the two, whoever
 * had it before may have renamed or removed it.
 */
static bool
lock_fresh(struct ctl_file *file, int flags)
{
	struct stat ours, there;

	file->descriptor = open(file->fresh,
	    O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | flags,
	    0600);
	if (file->descriptor < 0)
		return false;
	if (flock(file->descriptor, LOCK_EX | LOCK_NB) != 0)
		return false;
	if (fstat(file->descriptor, &ours) != 0 ||
	    stat(file->fresh, &there) != 0 || ours.st_ino != there.st_ino) {
		errno = EWOULDBLOCK;
		return false;
	}
	return true;
}

/*
 * What is there was left by one who died, or is another user's, who would go
 * on to read what is written to it; cut off between link() and unlink() it is
 * a second name of a file that is whole.  None of these is written to.
 */
static bool
open_fresh(struct ctl_file *file)
{
	if (lock_fresh(file, 0)) {
		if (unlink(file->fresh) != 0)
			return false;
		(void)close(file->descriptor);
		file->descriptor = -1;
	} else if (file->descriptor >= 0 || errno != ENOENT) {
		return false;
	}
	if (lock_fresh(file, O_CREAT | O_EXCL))
		return true;
	if (errno == EEXIST)
		errno = EWOULDBLOCK;
	return false;
}

enum ctl_status
ctl_file_begin(struct ctl_file *file, const char *path, bool replace)
{
	struct stat there;

	*file = (struct ctl_file){
	    .path = path, .descriptor = -1, .replace = replace};
	if (snprintf(file->fresh, sizeof(file->fresh), "%s" CTL_FRESH, path) >=
	    (int)sizeof(file->fresh))
		return ctl_fail("%s: %s", path, strerror(ENAMETOOLONG));
	/* A device, or a link, would itself be replaced. */
	if (lstat(path, &there) == 0 && !S_ISREG(there.st_mode))
		return ctl_fail("%s: is there, and is no regular file", path);
	if (!replace && access(path, F_OK) == 0)
		return ctl_fail("%s: is there already (--force takes its place "
				"once the new one is whole)",
		    path);
	if (open_fresh(file)) {
		watch(file->fresh);
		return CTL_OK;
	}
	if (errno == EWOULDBLOCK)
		ctl_fail("%s: somebody is writing it", file->fresh);
	else
		ctl_fail("%s: %s", file->fresh, strerror(errno));
	if (file->descriptor >= 0)
		(void)close(file->descriptor);
	file->descriptor = -1;
	return CTL_REFUSED;
}

bool
ctl_is_same_file(const char *a, const char *b)
{
	struct stat first, second;

	return stat(a, &first) == 0 && stat(b, &second) == 0 &&
	       first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

enum ctl_status
ctl_file_begin_beside(struct ctl_file *file, const struct call *call,
    const char *path, bool replace)
{
	char fresh[CTL_PATH_BYTES];
	char lock[CTL_PATH_BYTES];

	(void)snprintf(lock, sizeof(lock), "%s-lock", call->settings.store);
	(void)snprintf(fresh, sizeof(fresh), "%s" CTL_FRESH, path);
	if (ctl_is_same_file(path, call->settings.store) ||
	    ctl_is_same_file(fresh, call->settings.store) ||
	    ctl_is_same_file(path, lock)) {
		file->descriptor = -1;
		return ctl_fail("%s: is the store itself", path);
	}
	return ctl_file_begin(file, path, replace);
}

enum ctl_status
ctl_file_flush(const struct ctl_file *file)
{
	assert(file->descriptor >= 0);
	if (fsync(file->descriptor) == 0)
		return CTL_OK;
	return ctl_fail("%s: %s", file->fresh, strerror(errno));
}

bool
ctl_flush_directory(const char *path)
{
	char copy[CTL_PATH_BYTES];
	int directory;
	bool done;

	text_copy(text_of(path), copy, sizeof(copy));
	directory = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		return false;
	/* EINVAL: a file system that has nothing to flush there. */
	done = fsync(directory) == 0 || errno == EINVAL;
	(void)close(directory);
	return done;
}

/* Never over one that has come meanwhile, if it was not to be replaced. */
static bool
rename_fresh(const struct ctl_file *file)
{
	if (file->replace)
		return rename(file->fresh, file->path) == 0;
	if (link(file->fresh, file->path) != 0)
		return false;
	CRASH_POINT(COPY_LINKED);
	return unlink(file->fresh) == 0;
}

enum ctl_status
ctl_file_keep(struct ctl_file *file)
{
	enum ctl_status status = ctl_file_flush(file);

	if (status != CTL_OK)
		return status;
	CRASH_POINT(COPY_WRITTEN);
	if (!rename_fresh(file))
		return ctl_fail("%s: %s", file->path, strerror(errno));
	CRASH_POINT(COPY_NAMED);
	unfinished[0] = '\0';
	(void)close(file->descriptor);
	file->descriptor = -1;
	if (!ctl_flush_directory(file->path))
		return ctl_fail("%s: it is there, but its directory could not "
				"be flushed: %s",
		    file->path, strerror(errno));
	return CTL_OK;
}

void
ctl_file_drop(struct ctl_file *file)
{
	if (file->descriptor < 0)
		return;
	(void)unlink(file->fresh);
	unfinished[0] = '\0';
	(void)close(file->descriptor);
	file->descriptor = -1;
}

void
ctl_path_aside(const char *path, const char *what, struct instant now,
    char to[CTL_PATH_BYTES])
{
	char iso[TIME_ISO_BYTES];
	char *end = iso;

	instant_to_iso(now, iso);
	for (const char *from = iso; *from != '\0'; from++)
		if (*from != '-' && *from != ':')
			*end++ = *from;
	*end = '\0';
	(void)snprintf(to, CTL_PATH_BYTES, "%s.%s-%s", path, what, iso);
	/* One that was cut off in this second has left its own. */
	for (unsigned i = 2; i <= ASIDE_MAX && access(to, F_OK) == 0; i++)
		(void)snprintf(
		    to, CTL_PATH_BYTES, "%s.%s-%s-%u", path, what, iso, i);
}

bool
ctl_take_owner(int descriptor, const char *from)
{
	struct stat theirs, ours;

	if (stat(from, &theirs) != 0 || fstat(descriptor, &ours) != 0)
		return false;
	if ((theirs.st_uid != ours.st_uid || theirs.st_gid != ours.st_gid) &&
	    fchown(descriptor, theirs.st_uid, theirs.st_gid) != 0)
		return false;
	/* Of a directory, as of a store: its owner alone. */
	return fchmod(descriptor,
		   S_ISREG(theirs.st_mode) ? theirs.st_mode & 0777 : 0600) == 0;
}
