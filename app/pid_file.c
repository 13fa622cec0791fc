#include "app/pid_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/log.h"
#include "app/settings.h"

/* A line with the number. */
enum { LINE_BYTES = 32 };

static size_t
print_line(char line[LINE_BYTES])
{
	return (size_t)snprintf(line, LINE_BYTES, "%d\n", (int)getpid());
}

/* Beside the file, with a name that another server has not. */
static bool
write_aside(const char *path)
{
	char line[LINE_BYTES];
	const size_t length = print_line(line);
	int file = open(
	    path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	bool written;

	if (file < 0)
		return false;
	/* Whatever the umask is: others are to read it. */
	written = fchmod(file, 0644) == 0 &&
		  write(file, line, length) == (ssize_t)length;
	return close(file) == 0 && written;
}

bool
pid_file_write(const char *path)
{
	char aside[SETTING_BYTES_MAX + LINE_BYTES];

	if (path[0] == '\0')
		return true;
	snprintf(aside, sizeof(aside), "%s.%d", path, (int)getpid());
	if (write_aside(aside) && rename(aside, path) == 0)
		return true;
	log_message("%s: %s", path, strerror(errno));
	unlink(aside);
	return false;
}

static bool
names_us(const char *path)
{
	char ours[LINE_BYTES], found[LINE_BYTES];
	const size_t length = print_line(ours);
	int file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ssize_t count;

	if (file < 0)
		return false;
	count = read(file, found, sizeof(found));
	close(file);
	return count == (ssize_t)length && memcmp(ours, found, length) == 0;
}

void
pid_file_remove(const char *path)
{
	if (path[0] != '\0' && names_us(path))
		unlink(path);
}
