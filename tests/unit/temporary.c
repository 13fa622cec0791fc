#include "temporary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
temporary_make(struct temporary *temporary)
{
	(void)strcpy(temporary->directory, "/tmp/intentd-test-XXXXXX");
	assert_non_null(mkdtemp(temporary->directory));
	(void)snprintf(temporary->path, sizeof(temporary->path), "%s/store",
	    temporary->directory);
}

void
temporary_remove(struct temporary *temporary)
{
	DIR *directory = opendir(temporary->directory);
	const struct dirent *entry;

	assert_non_null(directory);
	for (entry = readdir(directory); entry != NULL;
	     entry = readdir(directory)) {
		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		assert_int_equal(
		    unlinkat(dirfd(directory), entry->d_name, 0), 0);
	}
	(void)closedir(directory);
	assert_int_equal(rmdir(temporary->directory), 0);
}
