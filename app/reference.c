/*
 * reference DIRECTORY: writes the documents of reference.h below an existing
 * directory.  A program of the build; it is not installed.
 */
#include "app/reference.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app/standard_files.h"

enum { DOCUMENT_BYTES_MAX = 1024 * 1024, PATH_BYTES_MAX = 4096 };

static const char *const folders[] = {
    "apache", "docs", "nginx", "readme", "man", "completion"};

static const struct {
	const char *path;
	void (*write)(struct buffer *document);
} documents[] = {
    {"apache/errors.conf", reference_apache},
    {"docs/card.html", reference_page_card},
    {"docs/stable.html", reference_page_stable},
    {"docs/errors.json", reference_catalogue},
    {"docs/routes.json", reference_routes},
    {"nginx/errors.conf", reference_nginx},
    {"nginx/error_pages.conf", reference_nginx_pages},
    {"readme/errors.md", reference_errors},
    {"readme/states.md", reference_states},
    {"man/signals.mdoc", reference_manual_signals},
    {"man/settings.mdoc", reference_manual_settings},
    {"man/commands.mdoc", reference_manual_commands},
    {"man/options.mdoc", reference_manual_options},
    {"completion/tables.bash", reference_completion},
};

static bool
path_join(const char *directory, const char *name, char path[PATH_BYTES_MAX])
{
	int length = snprintf(path, PATH_BYTES_MAX, "%s/%s", directory, name);

	if (length > 0 && length < PATH_BYTES_MAX)
		return true;
	errno = ENAMETOOLONG;
	return false;
}

static bool
folder_make(const char *directory, const char *name)
{
	char path[PATH_BYTES_MAX];

	if (!path_join(directory, name, path))
		return false;
	return mkdir(path, 0777) == 0 || errno == EEXIST;
}

static bool
file_write(const char *directory, const char *name, struct text text)
{
	char path[PATH_BYTES_MAX];
	bool written;
	FILE *file;

	if (!path_join(directory, name, path))
		return false;
	file = fopen(path, "w");
	if (file == NULL)
		return false;
	written = fwrite(text.bytes, 1, text.length, file) == text.length;
	/* What was buffered may fail only now: a full disk. */
	return fclose(file) == 0 && written;
}

static _Noreturn void
give_up(const char *directory, const char *name)
{
	fprintf(
	    stderr, "reference: %s/%s: %s\n", directory, name, strerror(errno));
	exit(EXIT_FAILURE);
}

static void
document_write(
    const char *directory, const char *path, const struct buffer *document)
{
	if (document->overflow)
		errno = EFBIG;
	if (document->overflow ||
	    !file_write(directory, path, buffer_text(document)))
		give_up(directory, path);
}

/* apache/404.asis, and so on. */
static void
apache_files_write(const char *directory)
{
	char path[sizeof("apache/65535.asis")];
	char bytes[1024];
	struct buffer document;
	uint16_t status = 0;

	while ((status = reference_apache_status(status)) != 0) {
		snprintf(path, sizeof(path), "apache/%u.asis", status);
		buffer_init(&document, bytes, sizeof(bytes));
		reference_apache_file(status, &document);
		document_write(directory, path, &document);
	}
}

int
main(int argc, char *argv[])
{
	static char bytes[DOCUMENT_BYTES_MAX];
	struct buffer document;

	if (!standard_files_open())
		return EXIT_FAILURE;
	if (argc != 2) {
		fprintf(stderr, "usage: reference DIRECTORY\n");
		return EXIT_FAILURE;
	}
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (!folder_make(argv[1], folders[i]))
			give_up(argv[1], folders[i]);
	for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
		buffer_init(&document, bytes, sizeof(bytes));
		documents[i].write(&document);
		document_write(argv[1], documents[i].path, &document);
	}
	apache_files_write(argv[1]);
	return EXIT_SUCCESS;
}
