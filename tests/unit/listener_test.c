#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "app/listener.h"
#include "child.h"
#include "temporary.h"

static struct temporary temporary;
static struct settings settings;
static struct listener listener;

static int
begin(void **state)
{
	(void)state;
	temporary_make(&temporary);
	settings_init(&settings);
	strcpy(settings.socket, temporary.path);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	temporary_remove(&temporary);
	return 0;
}

/* A socket of the settings' kind, bound to the address, not listening. */
static int
bind_at(const char *text)
{
	struct socket_address address;
	int file;

	assert_null(socket_address_parse(text_of(text), &address));
	file = socket(address.any.sa_family, SOCK_STREAM, 0);
	assert_true(file >= 0);
	assert_int_equal(bind(file, &address.any, address.length), 0);
	return file;
}

static int
listen_at(const char *text)
{
	int file = bind_at(text);

	assert_int_equal(listen(file, 8), 0);
	return file;
}

static int
connect_to(const struct listener *to)
{
	struct socket_address address;
	int file;

	assert_true(socket_address_of(to->file, &address));
	file = socket(address.any.sa_family, SOCK_STREAM, 0);
	assert_true(file >= 0);
	assert_int_equal(connect(file, &address.any, address.length), 0);
	return file;
}

static mode_t
mode_of(const char *path)
{
	struct stat status;

	assert_int_equal(lstat(path, &status), 0);
	assert_true(S_ISSOCK(status.st_mode));
	return status.st_mode & 07777;
}

static bool
exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static void
the_file_has_its_mode_under_any_umask(void **state)
{
	static const mode_t masks[] = {0, 022, 077, 0777};
	static const char *const modes[] = {"0660", "600", "0664", "0777"};
	mode_t before = umask(0);
	size_t i, j;

	(void)state;
	/* The last is what settings_override() would have refused. */
	for (i = 0; i < sizeof(masks) / sizeof(masks[0]); i++)
		for (j = 0; j < sizeof(modes) / sizeof(modes[0]); j++) {
			umask(masks[i]);
			strcpy(settings.socket_mode, modes[j]);
			assert_true(listener_open(&listener, &settings));
			assert_int_equal(umask(before), masks[i]);
			assert_int_equal(mode_of(temporary.path),
			    strtoul(modes[j], NULL, 8));
			assert_string_equal(listener.name, temporary.path);
			close(connect_to(&listener));
			listener_close(&listener);
			assert_false(exists(temporary.path));
		}
}

static void
the_file_has_its_owner_and_group(void **state)
{
	struct stat status;

	(void)state;
	snprintf(settings.socket_owner, sizeof(settings.socket_owner), "%u",
	    (unsigned)(geteuid() == 0 ? 12345 : geteuid()));
	snprintf(settings.socket_group, sizeof(settings.socket_group), "%u",
	    (unsigned)(geteuid() == 0 ? 23456 : getegid()));
	assert_true(listener_open(&listener, &settings));
	assert_int_equal(lstat(temporary.path, &status), 0);
	assert_int_equal(status.st_uid, atoi(settings.socket_owner));
	assert_int_equal(status.st_gid, atoi(settings.socket_group));
	assert_int_equal(status.st_mode & 07777, 0660);
	listener_close(&listener);
	if (geteuid() != 0)
		return;
	strcpy(settings.socket_owner, "daemon");
	strcpy(settings.socket_group, "root");
	assert_true(listener_open(&listener, &settings));
	assert_int_equal(lstat(temporary.path, &status), 0);
	assert_int_equal(status.st_uid, 1);
	assert_int_equal(status.st_gid, 0);
	listener_close(&listener);
}

static void
an_unknown_owner_or_group_leaves_no_file(void **state)
{
	(void)state;
	strcpy(settings.socket_group, "no-such-group");
	assert_false(listener_open(&listener, &settings));
	assert_false(exists(temporary.path));
	strcpy(settings.socket_group, "");
	/* To chown(2) it would mean: as it is. */
	strcpy(settings.socket_owner, "4294967295");
	assert_false(listener_open(&listener, &settings));
	assert_false(exists(temporary.path));
}

static void
a_stale_socket_is_replaced_and_another_file_is_not(void **state)
{
	int file = bind_at(temporary.path);

	(void)state;
	assert_true(listener_open(&listener, &settings));
	close(file);
	close(connect_to(&listener));
	listener_close(&listener);
	file = open(temporary.path, O_CREAT | O_WRONLY, 0600);
	assert_true(file >= 0);
	close(file);
	assert_false(listener_open(&listener, &settings));
	assert_true(exists(temporary.path));
	assert_int_equal(unlink(temporary.path), 0);
	file = listen_at(temporary.path);
	assert_false(listener_open(&listener, &settings));
	assert_true(exists(temporary.path));
	close(file);
}

static void
a_file_that_is_not_ours_any_more_stays(void **state)
{
	int file;

	(void)state;
	assert_true(listener_open(&listener, &settings));
	assert_int_equal(unlink(temporary.path), 0);
	file = listen_at(temporary.path);
	listener_close(&listener);
	assert_true(exists(temporary.path));
	close(file);
}

/* A port of the loopback that was free a moment ago. */
static void
choose_port(const char *format)
{
	struct socket_address address;
	int file = socket(AF_INET, SOCK_STREAM, 0);

	address =
	    (struct socket_address){.inet = {.sin_family = AF_INET,
					.sin_addr = {htonl(INADDR_LOOPBACK)}},
		.length = sizeof(address.inet)};
	assert_int_equal(bind(file, &address.any, address.length), 0);
	assert_true(socket_address_of(file, &address));
	snprintf(settings.socket, sizeof(settings.socket), format,
	    ntohs(address.inet.sin_port));
	close(file);
}

static void
tcp_connections_wait_for_nothing_more(void **state)
{
	int client, accepted, is_set = 0;
	socklen_t size = sizeof(is_set);

	(void)state;
	choose_port("tcp:127.0.0.1:%u");
	assert_true(listener_open(&listener, &settings));
	assert_string_equal(listener.name, settings.socket);
	client = connect_to(&listener);
	accepted = accept(listener.file, NULL, NULL);
	assert_true(accepted >= 0);
	assert_int_equal(
	    getsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &is_set, &size), 0);
	assert_int_equal(is_set, 1);
	/* Ended from this side, it lingers in the kernel. */
	close(accepted);
	close(client);
	listener_close(&listener);
	assert_true(listener_open(&listener, &settings));
	assert_true(fcntl(listener.file, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(listener.file, F_GETFD) & FD_CLOEXEC);
	listener_close(&listener);
}

static void
a_port_that_somebody_has_is_refused(void **state)
{
	int file;

	(void)state;
	choose_port("tcp:127.0.0.1:%u");
	file = listen_at(settings.socket);
	assert_false(listener_open(&listener, &settings));
	close(file);
}

static void
what_is_taken_over_keeps_its_file(void **state)
{
	int file = listen_at(temporary.path);

	(void)state;
	assert_true(listener_take(&listener, file));
	assert_int_equal(listener.file, file);
	assert_string_equal(listener.name, temporary.path);
	assert_true(fcntl(file, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(file, F_GETFD) & FD_CLOEXEC);
	assert_false(listener.removes);
	listener_close(&listener);
	assert_int_equal(listener.file, -1);
	assert_true(exists(temporary.path));
}

/* As one program leaves a socket of its own to the next. */
static void
the_successor_removes_the_file(void **state)
{
	struct listener next;

	(void)state;
	assert_true(listener_open(&listener, &settings));
	assert_true(listener.removes);
	assert_true(listener_take(&next, dup(listener.file)));
	listener_own(&next);
	listener_forget(&listener);
	close(connect_to(&next));
	assert_true(exists(temporary.path));
	listener_close(&next);
	assert_false(exists(temporary.path));
}

static void
what_does_not_listen_is_not_taken(void **state)
{
	int files[] = {
	    bind_at(temporary.path),
	    socket(AF_UNIX, SOCK_DGRAM, 0),
	    open("/dev/null", O_RDWR),
	    dup(STDOUT_FILENO),
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		assert_false(listener_take(&listener, files[i]));
		assert_int_equal(close(files[i]), 0);
	}
	assert_false(listener_take(&listener, 1000));
}

/* -- In a child: what a start brings ------------------------------------- */

static void
set_number(const char *name, long number)
{
	char digits[32];

	snprintf(digits, sizeof(digits), "%ld", number);
	setenv(name, digits, 1);
}

/* As systemd starts a program (sd_listen_fds(3)), with `count` sockets. */
static void
hand_over(int file, int count, pid_t to)
{
	int i;

	for (i = 0; i < count; i++)
		dup2(file, 3 + i);
	set_number("LISTEN_PID", to);
	set_number("LISTEN_FDS", count);
	setenv("LISTEN_FDNAMES", "intentd.socket", 1);
}

/* Runs a body that pauses first, to its good end. */
static void
run_child(void (*body)(struct child *self, void *context), int *file)
{
	struct child child;

	child_start(&child, body, file);
	child_await(&child);
	child_finish(&child);
}

static void
open_one_of_systemd(struct child *self, void *context)
{
	child_pause(self);
	hand_over(*(int *)context, 1, getpid());
	CHILD_MUST(listener_open(&listener, &settings));
	CHILD_MUST(listener.file == 3);
	CHILD_MUST(strcmp(listener.name, temporary.path) == 0);
	CHILD_MUST(strcmp(listener.origin, " from systemd") == 0);
	CHILD_MUST(getenv("LISTEN_PID") == NULL);
	CHILD_MUST(getenv("LISTEN_FDS") == NULL);
	CHILD_MUST(getenv("LISTEN_FDNAMES") == NULL);
	CHILD_MUST(fcntl(3, F_GETFL) & O_NONBLOCK);
	CHILD_MUST(fcntl(3, F_GETFD) & FD_CLOEXEC);
	listener_close(&listener);
	CHILD_MUST(exists(temporary.path));
}

static void
refuse_two_of_systemd(struct child *self, void *context)
{
	child_pause(self);
	hand_over(*(int *)context, 2, getpid());
	CHILD_MUST(!listener_open(&listener, &settings));
}

static void
refuse_what_is_no_socket(struct child *self, void *context)
{
	child_pause(self);
	(void)context;
	hand_over(STDERR_FILENO, 1, getpid());
	CHILD_MUST(!listener_open(&listener, &settings));
}

static void
pass_over_anothers(struct child *self, void *context)
{
	child_pause(self);
	hand_over(*(int *)context, 1, getppid());
	snprintf(
	    settings.socket, sizeof(settings.socket), "%s2", temporary.path);
	CHILD_MUST(listener_open(&listener, &settings));
	CHILD_MUST(strcmp(listener.name, settings.socket) == 0);
	CHILD_MUST(getenv("LISTEN_FDS") == NULL);
	listener_close(&listener);
}

static void
open_standard_input(struct child *self, void *context)
{
	struct stat null, input;

	child_pause(self);
	dup2(*(int *)context, STDIN_FILENO);
	CHILD_MUST(listener_open(&listener, &settings));
	CHILD_MUST(listener.file > STDERR_FILENO);
	CHILD_MUST(strcmp(listener.origin, " from standard input") == 0);
	CHILD_MUST(fcntl(listener.file, F_GETFD) & FD_CLOEXEC);
	CHILD_MUST(stat("/dev/null", &null) == 0);
	CHILD_MUST(fstat(STDIN_FILENO, &input) == 0);
	CHILD_MUST(input.st_rdev == null.st_rdev);
	CHILD_MUST(read(STDIN_FILENO, &input, 1) == -1 && errno == EBADF);
	listener_close(&listener);
	CHILD_MUST(exists(temporary.path));
}

static void
prefer_systemd_to_standard_input(struct child *self, void *context)
{
	dup2(*(int *)context, STDIN_FILENO);
	open_one_of_systemd(self, context);
}

static void
a_start_may_bring_the_socket(void **state)
{
	static void (*const bodies[])(struct child *, void *) = {
	    open_one_of_systemd, refuse_two_of_systemd,
	    refuse_what_is_no_socket, pass_over_anothers, open_standard_input,
	    prefer_systemd_to_standard_input};
	int file = listen_at(temporary.path);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		run_child(bodies[i], &file);
	}
	close(file);
}

static void
refuse_a_remote_one(struct child *self, void *context)
{
	/* What is refused is closed. */
	int file = fcntl(*(int *)context, F_DUPFD, 10);

	child_pause(self);
	dup2(file, STDIN_FILENO);
	CHILD_MUST(!listener_open(&listener, &settings));
	hand_over(file, 1, getpid());
	CHILD_MUST(!listener_open(&listener, &settings));
	settings.allow_remote = ALLOW_REMOTE_YES;
	hand_over(file, 1, getpid());
	CHILD_MUST(listener_open(&listener, &settings));
	listener_close(&listener);
}

/* spawn-fcgi -p PORT without an address. */
static void
all_addresses_are_refused_unless_allowed(void **state)
{
	int file;

	(void)state;
	choose_port("tcp:0.0.0.0:%u");
	file = listen_at(settings.socket);
	run_child(refuse_a_remote_one, &file);
	close(file);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(the_file_has_its_mode_under_any_umask),
	    TEST(the_file_has_its_owner_and_group),
	    TEST(an_unknown_owner_or_group_leaves_no_file),
	    TEST(a_stale_socket_is_replaced_and_another_file_is_not),
	    TEST(a_file_that_is_not_ours_any_more_stays),
	    TEST(tcp_connections_wait_for_nothing_more),
	    TEST(a_port_that_somebody_has_is_refused),
	    TEST(what_is_taken_over_keeps_its_file),
	    TEST(the_successor_removes_the_file),
	    TEST(what_does_not_listen_is_not_taken),
	    TEST(a_start_may_bring_the_socket),
	    TEST(all_addresses_are_refused_unless_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
