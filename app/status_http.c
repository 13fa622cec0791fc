#include "app/status_http.h"

#include <assert.h>
#include <limits.h>
#include <microhttpd.h>
#include <stdlib.h>

#include "app/log.h"

enum {
	/* More wait in the listener's queue. */
	CONNECTIONS_MAX = 64,
	/* As much as the web server forwards of a request's head, and more. */
	CONNECTION_BYTES = 64 * 1024,
};

struct status_http {
	struct MHD_Daemon *daemon; /* owned */
	int events;		   /* borrowed from the daemon */
	struct status_http_options options;
	/* That wait for their answer, suspended; borrowed. */
	struct MHD_Connection *waiting[CONNECTIONS_MAX];
	unsigned waiting_count;
};

/* False: there is no memory.  Without a value nothing is added. */
static bool
add_header(struct MHD_Response *response, const char *name, const char *value)
{
	return value == NULL ||
	       MHD_add_response_header(response, name, value) == MHD_YES;
}

static enum MHD_Result
send_answer(
    struct MHD_Connection *connection, const struct status_answer *answer)
{
	/* The library's argument is not const, and it copies from it. */
	struct MHD_Response *response =
	    MHD_create_response_from_buffer(answer->body.length,
		(void *)(uintptr_t)answer->body.bytes, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result = MHD_NO;

	if (response == NULL)
		return MHD_NO;
	if (add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->type) &&
	    add_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store") &&
	    add_header(response, MHD_HTTP_HEADER_ALLOW, answer->allow) &&
	    add_header(
		response, MHD_HTTP_HEADER_RETRY_AFTER, answer->try_after))
		result = MHD_queue_response(
		    connection, (unsigned)answer->status, response);
	MHD_destroy_response(response);
	return result;
}

/* Before any body: an answer then ends the connection, as is to be. */
static enum MHD_Result
handle(void *context, struct MHD_Connection *connection, const char *path,
    const char *method, const char *version, const char *upload,
    size_t *upload_bytes, void **own)
{
	struct status_http *http = context;
	struct status_answer answer = {.status = 0};

	(void)version, (void)upload, (void)upload_bytes, (void)own;
	if (http->options.handle(
		http->options.context, text_of(method), text_of(path), &answer))
		return send_answer(connection, &answer);
	assert(http->waiting_count < CONNECTIONS_MAX);
	http->waiting[http->waiting_count++] = connection;
	MHD_suspend_connection(connection);
	return MHD_YES;
}

struct status_http *
status_http_open(const struct status_http_options *options)
{
	struct status_http *http = calloc(1, sizeof(*http));
	const union MHD_DaemonInfo *info = NULL;

	if (http == NULL) {
		log_message("no memory for the status");
		return NULL;
	}
	http->options = *options;
	http->daemon = MHD_start_daemon(
	    MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, handle,
	    http, MHD_OPTION_LISTEN_SOCKET, options->listener,
	    MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
	    MHD_OPTION_CONNECTION_TIMEOUT, options->timeout_s, MHD_OPTION_END);
	if (http->daemon != NULL)
		info =
		    MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (info == NULL) {
		log_message("libmicrohttpd does not start");
		status_http_close(http);
		return NULL;
	}
	http->events = info->epoll_fd;
	return http;
}

void
status_http_close(struct status_http *http)
{
	if (http == NULL)
		return;
	if (http->daemon != NULL) {
		status_http_resume(http);
		/* So that the listener is left to the caller. */
		(void)MHD_quiesce_daemon(http->daemon);
		MHD_stop_daemon(http->daemon);
	}
	free(http);
}

int
status_http_file(const struct status_http *http)
{
	return http->events;
}

int
status_http_timeout_ms(struct status_http *http)
{
	MHD_UNSIGNED_LONG_LONG timeout_ms;

	if (MHD_get_timeout(http->daemon, &timeout_ms) != MHD_YES)
		return -1;
	return timeout_ms < INT_MAX ? (int)timeout_ms : INT_MAX;
}

void
status_http_run(struct status_http *http)
{
	(void)MHD_run(http->daemon);
}

void
status_http_resume(struct status_http *http)
{
	while (http->waiting_count > 0)
		MHD_resume_connection(http->waiting[--http->waiting_count]);
}
