#include "app/status_socket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "temporary.h"

static struct temporary temporary;

static int
setup(void **state)
{
	(void)state;
	temporary_make(&temporary);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	temporary_remove(&temporary);
	return 0;
}

static bool
answers(const char *name)
{
	struct socket_address address;
	int file;
	bool connected;

	assert_true(status_address_read(name, &address));
	file = socket(address.any.sa_family, SOCK_STREAM, 0);
	connected = connect(file, &address.any, address.length) == 0;
	close(file);
	return connected;
}

static void
addresses_are_paths_and_loopback_alone(void **state)
{
	static const char *const good[] = {"/run/intentd/status.sock", "/a",
	    "tcp:127.0.0.1:9101", "tcp:127.200.0.9:1", "tcp:[::1]:65535"};
	static const char *const bad[] = {"", "/", "status.sock",
	    "tcp:", "tcp:9101", "tcp:127.0.0.1",
	    "tcp:127.0.0.1:", "tcp:127.0.0.1:0", "tcp:127.0.0.1:65536",
	    "tcp:127.0.0.1:9101x", "tcp:127.1:9101", "tcp:localhost:9101",
	    "tcp:0.0.0.0:9101", "tcp:10.0.0.1:9101", "tcp:[::]:9101",
	    "tcp:::1:9101", "tcp:[::ffff:127.0.0.1]:9101", "udp:127.0.0.1:9101",
	    "127.0.0.1:9101"};
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1];
	struct socket_address address;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(status_address_read(good[i], &address));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(status_address_read(bad[i], &address));
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_false(status_address_read(path, &address));
	path[sizeof(path) - 2] = '\0';
	assert_true(status_address_read(path, &address));
}

static void
a_successor_takes_the_place_at_once(void **state)
{
	struct status_socket first, second;
	struct stat status;

	(void)state;
	assert_true(status_socket_open(&first, temporary.path, (gid_t)-1));
	assert_int_equal(stat(temporary.path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0660);
	assert_true(answers(temporary.path));
	assert_true(status_socket_open(&second, temporary.path, (gid_t)-1));
	assert_int_equal(stat(temporary.path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0660);
	/* The file is the second one's: the first one leaves it. */
	status_socket_close(&first);
	assert_true(answers(temporary.path));
	status_socket_close(&second);
	assert_int_equal(access(temporary.path, F_OK), -1);
}

static void
any_other_file_stands_in_the_way(void **state)
{
	struct status_socket opened;
	int file = open(temporary.path, O_CREAT | O_WRONLY, 0600);

	(void)state;
	close(file);
	assert_false(status_socket_open(&opened, temporary.path, (gid_t)-1));
	assert_int_equal(errno, EEXIST);
	status_socket_close(&opened);
	assert_int_equal(access(temporary.path, F_OK), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(addresses_are_paths_and_loopback_alone),
	    cmocka_unit_test_setup_teardown(
		a_successor_takes_the_place_at_once, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		any_other_file_stands_in_the_way, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
