#include "app/standard_files.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* For the other way than it is used: nothing that fails is taken for done. */
static const int modes[] = {
    [STDIN_FILENO] = O_WRONLY,
    [STDOUT_FILENO] = O_RDONLY,
    [STDERR_FILENO] = O_RDONLY,
};

bool
standard_files_open(void)
{
	for (int i = 0; i < (int)(sizeof(modes) / sizeof(modes[0])); i++) {
		if (fcntl(i, F_GETFD) >= 0)
			continue;
		/* The lowest that is free: those below are open. */
		if (errno != EBADF || open("/dev/null", modes[i]) != i)
			return false;
	}
	return true;
}

bool
standard_files_drop_input(void)
{
	int file = open("/dev/null", modes[STDIN_FILENO] | O_CLOEXEC);
	bool dropped;

	if (file < 0)
		return false;
	dropped = dup2(file, STDIN_FILENO) == STDIN_FILENO;
	close(file);
	return dropped;
}
