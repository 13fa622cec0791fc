/*
 * Which files a process may open once it serves: Landlock's part of confine.h.
 * What it has open stays open.
 *
 * A folder is a row where a file in it may be replaced or made anew: Landlock
 * knows files by their inodes, and a new one has another.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "app/confine.h"
#include "app/log.h"

/* Of newer kernels than the headers' (landlock(7)). */
#define ACCESS_TRUNCATE (UINT64_C(1) << 14)
#define ACCESS_IOCTL_DEV (UINT64_C(1) << 15)

#define ACCESS_READ LANDLOCK_ACCESS_FS_READ_FILE
#define ACCESS_CHANGE (LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_TRUNCATE)
#define ACCESS_APPEND \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG)
#define ACCESS_SOCKET \
	(LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_REMOVE_FILE)
/* Rights that a file can have, which is no folder. */
#define ACCESS_OF_FILES                                             \
	(LANDLOCK_ACCESS_FS_EXECUTE | ACCESS_READ | ACCESS_CHANGE | \
	    ACCESS_IOCTL_DEV)

/* -- The table ------------------------------------------------------------- */

struct place {
	unsigned promises;  /* any of them allows it */
	const char *path;   /* or, where it is NULL, */
	size_t setting;	    /* the offset of the one that has it; "": none */
	const char *behind; /* what follows the setting; NULL: nothing */
	bool folder;	    /* the one that the file is in */
	uint64_t access;
};

#define SETTING(name) .setting = offsetof(struct settings, name)

static const struct place places[] = {
    {PROMISE_ALL, "/dev/null", .access = ACCESS_READ | ACCESS_CHANGE},
    {PROMISE_ALL, "/dev/urandom", .access = ACCESS_READ},
    {PROMISE_ALL, SETTING(log), .folder = true, .access = ACCESS_APPEND},
    {PROMISE_ALL, SETTING(slow_log), .folder = true, .access = ACCESS_APPEND},
    /* Who writes opens it anew after a commit that has failed. */
    {PROMISE_WRITE, SETTING(store), .access = ACCESS_READ | ACCESS_CHANGE},
    {PROMISE_WRITE, SETTING(store), .behind = "-lock",
	.access = ACCESS_READ | ACCESS_CHANGE},
    {PROMISE_AUDIT, SETTING(audit_log), .folder = true,
	.access = ACCESS_READ | LANDLOCK_ACCESS_FS_READ_DIR | ACCESS_APPEND |
		  ACCESS_TRUNCATE},
    {PROMISE_STATUS, SETTING(status), .folder = true, .access = ACCESS_SOCKET},
    {PROMISE_STATUS, "/proc", .access = ACCESS_READ},
    /* Names, name services' modules, and who vouches for receivers. */
    {PROMISE_NETWORK, SETTING(webhook_ca_file), .folder = true,
	.access = ACCESS_READ},
    {PROMISE_NETWORK, "/etc",
	.access = ACCESS_READ | LANDLOCK_ACCESS_FS_READ_DIR},
    {PROMISE_NETWORK, "/etc/resolv.conf", .folder = true,
	.access = ACCESS_READ},
    {PROMISE_NETWORK, "/lib", .access = ACCESS_READ},
    {PROMISE_NETWORK, "/lib64", .access = ACCESS_READ},
    {PROMISE_NETWORK, "/run/NetworkManager", .access = ACCESS_READ},
    {PROMISE_NETWORK, "/run/nscd", .access = ACCESS_READ},
    {PROMISE_NETWORK, "/run/resolvconf", .access = ACCESS_READ},
    {PROMISE_NETWORK, "/run/systemd/resolve", .access = ACCESS_READ},
    {PROMISE_NETWORK, "/usr/lib", .access = ACCESS_READ},
    {PROMISE_NETWORK, "/usr/local/share/ca-certificates",
	.access = ACCESS_READ},
    {PROMISE_NETWORK, "/usr/share/ca-certificates", .access = ACCESS_READ},
};

/* The path that a row stands for; empty: none. */
static void
find_path(const struct place *place, const struct settings *settings,
    char path[SETTING_BYTES_MAX + sizeof("-lock")])
{
	const size_t size = SETTING_BYTES_MAX + sizeof("-lock");

	(void)snprintf(path, size, "%s%s",
	    place->path != NULL ? place->path
				: (const char *)settings + place->setting,
	    place->behind != NULL ? place->behind : "");
	/* `stderr` and `tcp:...` are no files. */
	if (path[0] != '/')
		path[0] = '\0';
}

/* Whether both files are, or would be, in one folder. */
static bool
share_folder(const char *a, const char *b)
{
	char first[PATH_MAX], second[PATH_MAX];
	struct stat one, other;

	(void)snprintf(first, sizeof(first), "%s", a);
	(void)snprintf(second, sizeof(second), "%s", b);
	return stat(dirname(first), &one) == 0 &&
	       stat(dirname(second), &other) == 0 &&
	       one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

void
confine_files_tell(const struct settings *settings)
{
	char path[SETTING_BYTES_MAX + sizeof("-lock")];
	const size_t count = sizeof(places) / sizeof(places[0]);

	for (const struct place *place = places; place < places + count;
	     place++) {
		find_path(place, settings, path);
		if (place->folder && (place->access & ACCESS_CHANGE) != 0 &&
		    path[0] != '\0' && share_folder(path, settings->store))
			log_message("confine: %s is beside the store: what "
				    "writes to the one may write to the other; "
				    "give it a folder of its own",
			    path);
	}
}

/* -- Landlock -------------------------------------------------------------- */

int
confine_files_version(void)
{
	const long version = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);

	return version > 0 ? (int)version : 0;
}

/* All that this kernel can forbid. */
static uint64_t
all_access(int version)
{
	uint64_t all = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;

	if (version >= 2)
		all |= LANDLOCK_ACCESS_FS_REFER;
	if (version >= 3)
		all |= ACCESS_TRUNCATE;
	if (version >= 5)
		all |= ACCESS_IOCTL_DEV;
	return all;
}

/* What cannot be found here cannot be opened either. */
static bool
allow(int rules, const char *path, uint64_t access)
{
	struct landlock_path_beneath_attr beneath = {.allowed_access = access};
	struct stat status;
	long result = -1;

	beneath.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (beneath.parent_fd < 0)
		return true;
	if (fstat(beneath.parent_fd, &status) == 0) {
		if (!S_ISDIR(status.st_mode))
			beneath.allowed_access &= ACCESS_OF_FILES;
		result = syscall(SYS_landlock_add_rule, rules,
		    LANDLOCK_RULE_PATH_BENEATH, &beneath, 0);
	}
	/* EBADFD: a pipe without a name, which everybody may open. */
	if (result != 0 && errno == EBADFD)
		result = 0;
	if (result != 0)
		log_message("confine: %s: %s", path, strerror(errno));
	(void)close(beneath.parent_fd);
	return result == 0;
}

/* As /dev/stdout may be: nobody puts another one in its place. */
static bool
is_device_or_pipe(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 &&
	       (S_ISCHR(status.st_mode) || S_ISFIFO(status.st_mode));
}

/*
 * Where the file is by its name; and where it really is, should the name be
 * that of a link.  `path` is used up.
 */
static bool
allow_folder(int rules, char *path, uint64_t access)
{
	char real[PATH_MAX];

	if (is_device_or_pipe(path))
		return allow(rules, path, access);
	if (realpath(path, real) != NULL &&
	    !allow(rules, dirname(real), access))
		return false;
	return allow(rules, dirname(path), access);
}

static bool
allow_all(int rules, const struct settings *settings, unsigned promises,
    uint64_t handled)
{
	const struct place *place = places;
	const size_t count = sizeof(places) / sizeof(places[0]);
	char path[SETTING_BYTES_MAX + sizeof("-lock")];
	uint64_t access;

	for (size_t i = 0; i < count; i++, place++) {
		if ((place->promises & promises) == 0)
			continue;
		find_path(place, settings, path);
		access = place->access & handled;
		if (path[0] != '\0' &&
		    !(place->folder ? allow_folder(rules, path, access)
				    : allow(rules, path, access)))
			return false;
	}
	return true;
}

bool
confine_files(const struct settings *settings, unsigned promises)
{
	const int version = confine_files_version();
	const struct landlock_ruleset_attr handled = {
	    .handled_access_fs = all_access(version)};
	bool confined;
	int rules;

	if (version == 0)
		return true;
	rules = (int)syscall(
	    SYS_landlock_create_ruleset, &handled, sizeof(handled), 0);
	if (rules < 0) {
		log_message("confine: Landlock: %s", strerror(errno));
		return false;
	}
	confined =
	    allow_all(rules, settings, promises, handled.handled_access_fs);
	if (confined && syscall(SYS_landlock_restrict_self, rules, 0) != 0) {
		log_message("confine: Landlock: %s", strerror(errno));
		confined = false;
	}
	(void)close(rules);
	return confined;
}
