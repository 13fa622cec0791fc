/*
 * The status as JSON and back, as gauges, and as it is drawn.
 */
#include "app/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static char bytes[STATUS_JSON_BYTES_MAX];
static struct status status, other;

/* Three processes, of which one is in the middle of a request. */
static void
fill(void)
{
	static const char *const kinds[] = {"committer", "worker", "worker"};

	status_init(&status);
	strcpy(status.version, "9.9");
	status.uptime_ms = 62500;
	status.generation = 3;
	status.supervisor_pid = 41;
	status.starts = 7;
	status.deaths = 1;
	status.kills = 0;
	status.map_bytes = 1 << 30;
	status.used_bytes = 77824;
	status.last_transaction = 10;
	status.webhooks_waiting = 12;
	status.webhooks_oldest_ms = 2500;
	status.process_count = 3;
	for (unsigned i = 0; i < 3; i++) {
		status.processes[i] = (struct status_process){.number = i + 1,
		    .pid = 100 + i,
		    .busy_ms = STATUS_UNKNOWN,
		    .request_ms = STATUS_UNKNOWN,
		    .private_bytes = 1536 * 1024};
		strcpy(status.processes[i].kind, kinds[i]);
		strcpy(status.processes[i].state, "idle");
	}
	status.processes[2].request_ms = 1500;
	status.processes[2].requests = 20;
	status.processes[2].in_flight = 1;
	strcpy(status.processes[2].state, "busy");
	strcpy(status.processes[2].route, "/v1/refunds/{id}");
}

static const char *
finished(struct buffer *buffer)
{
	assert_false(buffer->overflow);
	buffer_put_byte(buffer, '\0');
	return bytes;
}

static struct buffer
fresh(void)
{
	struct buffer buffer;

	buffer_init(&buffer, bytes, sizeof(bytes));
	return buffer;
}

static const char *
drawn(const struct status_drawing *drawing)
{
	struct buffer buffer = fresh();

	status_draw(&status, drawing, &buffer);
	return finished(&buffer);
}

static void
what_is_written_is_read_back(void **state)
{
	struct buffer buffer = fresh();

	(void)state;
	fill();
	status_write(&status, &buffer);
	assert_true(status_read(buffer_text(&buffer), &other));
	assert_memory_equal(&status, &other, sizeof(status));
}

static void
as_many_processes_as_there_can_be_have_room(void **state)
{
	struct buffer buffer = fresh();

	(void)state;
	fill();
	for (unsigned i = 0; i < STATUS_PROCESSES_MAX; i++) {
		struct status_process *process = &status.processes[i];

		memset(process, 0x11, sizeof(*process));
		memset(process->kind, 'k', STATUS_WORD_BYTES - 1);
		memset(process->state, 's', STATUS_WORD_BYTES - 1);
		memset(process->route, 'r', STATUS_ROUTE_BYTES - 1);
		process->kind[STATUS_WORD_BYTES - 1] = '\0';
		process->state[STATUS_WORD_BYTES - 1] = '\0';
		process->route[STATUS_ROUTE_BYTES - 1] = '\0';
	}
	status.process_count = STATUS_PROCESSES_MAX;
	status_write(&status, &buffer);
	assert_false(buffer.overflow);
	assert_true(status_read(buffer_text(&buffer), &other));
	assert_memory_equal(&status, &other, sizeof(status));
}

static void
members_of_another_version_are_passed_over(void **state)
{
	static const char json[] =
	    "{\"version\":\"2\",\"color\":\"blue\",\"store\":{\"shelf\":4,"
	    "\"readers\":5},\"list\":[1,2],\"processes\":[{\"kind\":\"worker\","
	    "\"pid\":7,\"pid_of_old\":8,\"memory\":{\"pid\":9}}],"
	    "\"generation\":-4}";

	(void)state;
	assert_true(status_read(text_of(json), &other));
	assert_int_equal(other.readers, 5);
	assert_int_equal(other.readers_max, STATUS_UNKNOWN);
	assert_int_equal(other.generation, STATUS_UNKNOWN);
	assert_int_equal(other.process_count, 1);
	assert_int_equal(other.processes[0].pid, 7);
	assert_int_equal(other.processes[0].request_ms, STATUS_UNKNOWN);
}

static void
anything_else_is_no_status(void **state)
{
	static const char *const others[] = {"", "{}", "[]", "null", "{",
	    "{\"version\":\"2\"", "{\"version\":\"2\"}}", "{\"version\":'2'}",
	    "<html>", "{\"version\":2}", "\xff"};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(status_read(text_of(others[i]), &other));
}

static void
gauges_leave_out_what_is_not_known(void **state)
{
	struct buffer buffer = fresh();
	const char *text;

	(void)state;
	fill();
	status_write_gauges(&status, &buffer);
	text = finished(&buffer);
	assert_non_null(strstr(text, "\nintentd_uptime_seconds 62.500\n"));
	assert_non_null(strstr(
	    text, "\nintentd_processes{kind=\"worker\",state=\"busy\"} 1\n"));
	assert_non_null(strstr(
	    text, "\nintentd_processes{kind=\"worker\",state=\"idle\"} 1\n"));
	assert_non_null(
	    strstr(text, "\nintentd_webhook_oldest_due_seconds 2.500\n"));
	assert_non_null(
	    strstr(text, "\nintentd_webhook_deliveries_waiting 12\n"));
	assert_null(strstr(text, "webhook_attempts_in_flight"));
	assert_null(strstr(text, "accept_queue"));
	assert_null(strstr(text, "-1"));
}

static void
it_is_drawn_for_people(void **state)
{
	const struct status_drawing plain = {.columns = 0};

	(void)state;
	fill();
	assert_string_equal(drawn(&plain),
	    "intentd 9.9, pid 41, up 1:02\n"
	    "workers    1 of 2 busy, 1 requests in flight, 0 connections\n"
	    "queue      - of - connections wait for a worker\n"
	    "commands   - of - slots in use; - so far, in - commits\n"
	    "processes  7 started, 1 died, 0 killed; settings read 3 times\n"
	    "store      76 KiB used of 1.0 GiB, which may grow to -\n"
	    "commits    10\n"
	    "readers    - of -\n"
	    "webhooks   12 wait, the oldest due for 2.5 s; - under way\n"
	    "\n"
	    "KIND       NUM      PID STATE          AGE  REQUESTS    RATE"
	    "  FLY CONN  CURRENT    MEMORY  ROUTE\n"
	    "committer    1      100 idle          0 ms         0        "
	    "    0    0        -   1.5 MiB\n"
	    "worker       2      101 idle          0 ms         0        "
	    "    0    0        -   1.5 MiB\n"
	    "worker       3      102 busy          0 ms        20        "
	    "    1    0    1.5 s   1.5 MiB  /v1/refunds/{id}\n");
}

static void
rates_are_those_between_two_readings(void **state)
{
	const struct status_drawing drawing = {.before = &other};
	const char *text;

	(void)state;
	fill();
	other = status;
	other.uptime_ms -= 2000;
	other.processes[2].requests = 4;
	other.last_transaction = 0;
	text = drawn(&drawing);
	assert_non_null(strstr(text, "0 connections, 8/s\n"));
	assert_non_null(strstr(text, "commits    10, 5/s\n"));
	assert_non_null(strstr(text, "        20     8/s"));
	/* A process that is another one by now, and a server begun anew. */
	other.processes[2].pid = 5;
	assert_null(strstr(drawn(&drawing), "        20     8/s"));
	other.uptime_ms = status.uptime_ms + 1;
	assert_null(strstr(drawn(&drawing), "/s"));
}

/* The longest line, without what only colors it. */
static size_t
width_of(const char *text)
{
	size_t width = 0, longest = 0;

	for (; *text != '\0'; text++) {
		if (*text == '\033')
			text = strchr(text, 'm');
		else if (*text == '\n')
			width = 0;
		else if (++width > longest)
			longest = width;
	}
	return longest;
}

static void
a_narrow_screen_is_not_overrun(void **state)
{
	struct status_drawing drawing = {.lines = 2, .colors = true};

	(void)state;
	fill();
	for (drawing.columns = 1; drawing.columns <= 120; drawing.columns++)
		assert_true(width_of(drawn(&drawing)) <= drawing.columns);
	assert_null(strstr(bytes, "      102 "));
	drawing.lines = 3;
	assert_non_null(
	    strstr(drawn(&drawing), "      102 \033[32mbusy    \033[0m"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_written_is_read_back),
	    cmocka_unit_test(as_many_processes_as_there_can_be_have_room),
	    cmocka_unit_test(members_of_another_version_are_passed_over),
	    cmocka_unit_test(anything_else_is_no_status),
	    cmocka_unit_test(gauges_leave_out_what_is_not_known),
	    cmocka_unit_test(it_is_drawn_for_people),
	    cmocka_unit_test(rates_are_those_between_two_readings),
	    cmocka_unit_test(a_narrow_screen_is_not_overrun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
