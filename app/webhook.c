#include "app/webhook.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <curl/curl.h>

#include "api/handle.h"
#include "app/clock.h"
#include "app/crash.h"
#include "app/log.h"
#include "app/printable.h"
#include "app/webhook_guard.h"

enum {
	/* Connections that are kept for the next attempt at a time. */
	IDLE_CONNECTIONS_MAX = 64,
	/* How long one is kept idle: receivers close theirs as soon. */
	IDLE_SECONDS_MAX = 30,
	/* All header lines of an answer; web servers send below 8 KiB. */
	HEADER_BYTES_MAX = 64 * 1024,
	/* A line of ours: signatures of two secrets take some 200 bytes. */
	LINE_BYTES = 1024,
	/* How long certificates once read from a file are believed. */
	CA_CACHE_SECONDS = 10 * 60,
};

/* One attempt in libcurl's hands; the handle is used for the next one. */
struct exchange {
	CURL *easy;			 /* owned */
	struct curl_slist *headers;	 /* owned */
	struct webhooks *webhooks;	 /* borrowed */
	struct webhook_attempt *attempt; /* borrowed; NULL: none */
	struct span begun;
	size_t header_bytes;
	size_t body_bytes;
	bool headers_too_long;
	bool headers_ended; /* of the latest answer: 1xx come before another */
	bool packed;	    /* in a transfer coding that is not asked for */
	bool body_cut;	    /* beyond response_bytes_max */
	/* Connections that were tried, and that were forbidden. */
	unsigned opened;
	unsigned refused;
	int lacking; /* errno of one for which this host had no socket */
	char address[WEBHOOK_ADDRESS_BYTES]; /* of the last one forbidden */
	char error[CURL_ERROR_SIZE];
	TAILQ_ENTRY(exchange) place;
};
TAILQ_HEAD(exchanges, exchange);

struct webhooks {
	struct webhooks_options options;
	webhook_done *done;
	void *context; /* of `done` */
	CURLM *multi;  /* owned */
	unsigned in_flight;
	struct exchanges live;
	struct exchanges spare;
};

__attribute__((format(printf, 2, 3))) static void
give_reason(struct webhook_attempt *attempt, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	(void)vsnprintf(attempt->reason, sizeof(attempt->reason), format, list);
	va_end(list);
}

/* -- What libcurl calls ---------------------------------------------------- */

static curl_socket_t
open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct exchange *exchange = context;
	int file;

	if (purpose != CURLSOCKTYPE_IPCXN ||
	    !webhook_may_reach(&to->addr,
		exchange->webhooks->options.allow_private, exchange->address)) {
		exchange->refused++;
		return CURL_SOCKET_BAD;
	}
	file = socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
	if (file >= 0)
		exchange->opened++;
	else if (errno != EAFNOSUPPORT)
		exchange->lacking = errno;
	return file < 0 ? CURL_SOCKET_BAD : file;
}

static void
note_sent(struct webhook_attempt *attempt)
{
	if (!attempt->sent) {
		CRASH_POINT(COURIER_SENT);
		attempt->sent_at = clock_uptime();
	}
	attempt->sent = true;
}

/*
 * What libcurl says of the body that it has handed to the kernel.  An answer
 * that begins before that counts as well: the receiver has seen enough.
 */
static int
note_progress(void *context, curl_off_t download_total, curl_off_t downloaded,
    curl_off_t upload_total, curl_off_t uploaded)
{
	struct exchange *exchange = context;
	struct webhook_attempt *attempt = exchange->attempt;

	(void)download_total;
	(void)downloaded;
	(void)upload_total;
	/* It has a connection.  If that is a kept one, and is closed without a
	 * word, libcurl asks again: by a new one, which is then the last. */
	(void)curl_easy_setopt(exchange->easy, CURLOPT_FRESH_CONNECT, 1L);
	if (attempt != NULL && uploaded > 0 &&
	    (size_t)uploaded >= attempt->body.length)
		note_sent(attempt);
	return 0;
}

static size_t
take_header(char *bytes, size_t one, size_t count, void *context)
{
	struct exchange *exchange = context;

	(void)one; /* 1, says libcurl */
	note_sent(exchange->attempt);
	if (count >= 5 && memcmp(bytes, "HTTP/", 5) == 0)
		exchange->headers_ended = false;
	else if (bytes[0] == '\r' || bytes[0] == '\n')
		exchange->headers_ended = true;
	exchange->header_bytes += count;
	exchange->headers_too_long = exchange->header_bytes > HEADER_BYTES_MAX;
	exchange->packed = webhook_is_packed((struct text){bytes, count});
	return exchange->headers_too_long || exchange->packed ? 0 : count;
}

static size_t
take_body(char *bytes, size_t one, size_t count, void *context)
{
	struct exchange *exchange = context;
	struct webhook_attempt *attempt = exchange->attempt;
	size_t kept = RESPONSE_KEPT_BYTES - attempt->response_length;

	(void)one;
	if (kept > count)
		kept = count;
	memcpy(attempt->response + attempt->response_length, bytes, kept);
	attempt->response_length += kept;
	exchange->body_bytes += count;
	exchange->body_cut = exchange->body_bytes >
			     exchange->webhooks->options.response_bytes_max;
	return exchange->body_cut ? 0 : count;
}

static CURLcode
set_tls(CURL *easy, void *tls, void *context)
{
	(void)easy;
	(void)context;
	webhook_bound_tls(tls);
	return CURLE_OK;
}

/* -- Handles --------------------------------------------------------------- */

/* Refused options are those of another libcurl, or there is no memory. */
#define SET(option, value) \
	is_set = is_set && curl_easy_setopt(easy, option, value) == CURLE_OK

/* What connections may be made, and over what. */
static bool
set_connections(CURL *easy, struct exchange *exchange)
{
	const struct webhooks_options *options = &exchange->webhooks->options;
	bool is_set = true;

	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_HTTP09_ALLOWED, 0L);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	/* Neither the environment's nor anybody else's. */
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_NOPROXY, "*");
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
	SET(CURLOPT_OPENSOCKETDATA, exchange);
	SET(CURLOPT_MAXAGE_CONN, (long)IDLE_SECONDS_MAX);
	SET(CURLOPT_NOSIGNAL, 1L);
	/* A thread that waits for a name server is not waited for. */
	SET(CURLOPT_QUICK_EXIT, 1L);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_SSL_CTX_FUNCTION, set_tls);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	/* One file and no folder: what was read of it is then kept. */
	SET(CURLOPT_CAPATH, NULL);
	SET(CURLOPT_CA_CACHE_TIMEOUT, (long)CA_CACHE_SECONDS);
	if (options->ca_file != NULL && options->ca_file[0] != '\0')
		SET(CURLOPT_CAINFO, options->ca_file);
	return is_set;
}

/* Who is told what. */
static bool
set_callbacks(CURL *easy, struct exchange *exchange)
{
	bool is_set = true;

	SET(CURLOPT_PRIVATE, exchange);
	SET(CURLOPT_ERRORBUFFER, exchange->error);
	SET(CURLOPT_HEADERFUNCTION, take_header);
	SET(CURLOPT_HEADERDATA, exchange);
	SET(CURLOPT_WRITEFUNCTION, take_body);
	SET(CURLOPT_WRITEDATA, exchange);
	SET(CURLOPT_NOPROGRESS, 0L);
	SET(CURLOPT_XFERINFOFUNCTION, note_progress);
	SET(CURLOPT_XFERINFODATA, exchange);
	return is_set;
}

static bool
set_attempt(CURL *easy, const struct exchange *exchange)
{
	const struct webhook_attempt *attempt = exchange->attempt;
	bool is_set = true;

	SET(CURLOPT_URL, attempt->url);
	SET(CURLOPT_FRESH_CONNECT, 0L);
	SET(CURLOPT_HTTPHEADER, exchange->headers);
	SET(CURLOPT_POST, 1L);
	SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)attempt->body.length);
	SET(CURLOPT_POSTFIELDS, attempt->body.bytes); /* not copied */
	SET(CURLOPT_TIMEOUT_MS, (long)(attempt->timeout.us / 1000));
	return is_set;
}

static void
free_exchange(struct exchange *exchange)
{
	curl_easy_cleanup(exchange->easy);
	curl_slist_free_all(exchange->headers);
	free(exchange);
}

static struct exchange *
make_exchange(struct webhooks *webhooks)
{
	struct exchange *exchange = calloc(1, sizeof(*exchange));

	if (exchange == NULL)
		return NULL;
	exchange->webhooks = webhooks;
	exchange->easy = curl_easy_init();
	if (exchange->easy != NULL &&
	    set_connections(exchange->easy, exchange) &&
	    set_callbacks(exchange->easy, exchange))
		return exchange;
	free_exchange(exchange);
	return NULL;
}

/* One that is not in use; NULL: there is no memory. */
static struct exchange *
take_exchange(struct webhooks *webhooks)
{
	struct exchange *exchange = TAILQ_FIRST(&webhooks->spare);

	if (exchange == NULL)
		return make_exchange(webhooks);
	TAILQ_REMOVE(&webhooks->spare, exchange, place);
	return exchange;
}

/* Of what its attempt has left, nothing remains but the handle. */
static void
put_back(struct webhooks *webhooks, struct exchange *exchange)
{
	CURL *easy = exchange->easy;

	curl_slist_free_all(exchange->headers);
	*exchange = (struct exchange){.easy = easy, .webhooks = webhooks};
	TAILQ_INSERT_HEAD(&webhooks->spare, exchange, place);
}

struct webhooks *
webhooks_open(
    const struct webhooks_options *options, webhook_done *done, void *context)
{
	const long kept = (long)(options->in_flight_max < IDLE_CONNECTIONS_MAX
				     ? options->in_flight_max
				     : IDLE_CONNECTIONS_MAX);
	struct webhooks *webhooks = calloc(1, sizeof(*webhooks));

	/* OpenSSL writes to sockets whose other side may be gone. */
	(void)signal(SIGPIPE, SIG_IGN);
	if (webhooks != NULL && curl_global_init(CURL_GLOBAL_DEFAULT) == 0)
		webhooks->multi = curl_multi_init();
	if (webhooks == NULL || webhooks->multi == NULL ||
	    curl_multi_setopt(webhooks->multi, CURLMOPT_MAXCONNECTS, kept) !=
		CURLM_OK) {
		log_message("webhooks: libcurl does not start");
		free(webhooks);
		return NULL;
	}
	webhooks->options = *options;
	webhooks->done = done;
	webhooks->context = context;
	TAILQ_INIT(&webhooks->live);
	TAILQ_INIT(&webhooks->spare);
	return webhooks;
}

void
webhooks_close(struct webhooks *webhooks)
{
	struct exchange *exchange;

	if (webhooks == NULL)
		return;
	while ((exchange = TAILQ_FIRST(&webhooks->live)) != NULL)
		webhook_cancel(webhooks, exchange->attempt);
	while ((exchange = TAILQ_FIRST(&webhooks->spare)) != NULL) {
		TAILQ_REMOVE(&webhooks->spare, exchange, place);
		free_exchange(exchange);
	}
	(void)curl_multi_cleanup(webhooks->multi);
	free(webhooks);
}

/* -- The begin of an attempt ----------------------------------------------- */

static bool
add_header(struct curl_slist **list, struct text name, struct text value)
{
	char line[LINE_BYTES];
	struct curl_slist *longer;
	int length = snprintf(line, sizeof(line), "%.*s: %.*s",
	    TEXT_PRINT(name), TEXT_PRINT(value));

	assert(length > 0 && (size_t)length < sizeof(line));
	longer = curl_slist_append(*list, line);
	if (longer == NULL)
		return false;
	*list = longer;
	return true;
}

static bool
write_headers(struct exchange *exchange)
{
	const struct webhook_attempt *attempt = exchange->attempt;
	/* Without a value: libcurl's own is left out. */
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");
	bool written = list != NULL;

	for (unsigned i = 0; written && i < attempt->header_count; i++)
		written = add_header(
		    &list, attempt->headers[i].name, attempt->headers[i].value);
	exchange->headers = list;
	return written;
}

bool
webhook_begin(struct webhooks *webhooks, struct webhook_attempt *attempt)
{
	struct exchange *exchange;

	assert(webhooks->in_flight < webhooks->options.in_flight_max);
	assert(attempt->timeout.us > 0);
	exchange = take_exchange(webhooks);
	if (exchange == NULL)
		return false;
	exchange->attempt = attempt;
	exchange->begun = clock_uptime();
	attempt->result = ATTEMPT_NONE;
	attempt->lacking = false;
	attempt->status = 0;
	attempt->reason[0] = '\0';
	attempt->response_length = 0;
	attempt->sent = false;
	if (!write_headers(exchange) ||
	    !set_attempt(exchange->easy, exchange) ||
	    curl_multi_add_handle(webhooks->multi, exchange->easy) !=
		CURLM_OK) {
		put_back(webhooks, exchange);
		return false;
	}
	attempt->transfer = exchange;
	webhooks->in_flight++;
	TAILQ_INSERT_TAIL(&webhooks->live, exchange, place);
	return true;
}

static void
end_exchange(struct webhooks *webhooks, struct exchange *exchange)
{
	CURLMcode code =
	    curl_multi_remove_handle(webhooks->multi, exchange->easy);

	assert(code == CURLM_OK);
	exchange->attempt->transfer = NULL;
	assert(webhooks->in_flight > 0);
	webhooks->in_flight--;
	TAILQ_REMOVE(&webhooks->live, exchange, place);
	put_back(webhooks, exchange);
}

void
webhook_cancel(struct webhooks *webhooks, struct webhook_attempt *attempt)
{
	assert(attempt->transfer != NULL);
	end_exchange(webhooks, attempt->transfer);
}

/* -- Its end --------------------------------------------------------------- */

static const struct failure {
	CURLcode code;
	enum attempt_result result;
	const char *reason;
} failures[] = {
#define FAILURE(code, result, reason) {CURLE_##code, ATTEMPT_##result, reason},
#include "app/webhook_failures.def"
#undef FAILURE
};

static struct failure
failure_of(CURLcode code)
{
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++)
		if (failures[i].code == code)
			return failures[i];
	return (struct failure){
	    code, ATTEMPT_UNREADABLE, "its answer cannot be read"};
}

/* What libcurl has to add: of TLS OpenSSL's words, of a connection errno. */
static void
add_details(struct exchange *exchange, CURLcode code)
{
	struct webhook_attempt *attempt = exchange->attempt;
	const size_t length = strlen(attempt->reason);
	char *end = attempt->reason + length;
	const size_t room = sizeof(attempt->reason) - length;
	long number = 0;

	if (attempt->lacking)
		number = exchange->lacking;
	else if (code == CURLE_COULDNT_CONNECT)
		(void)curl_easy_getinfo(
		    exchange->easy, CURLINFO_OS_ERRNO, &number);
	if (number != 0)
		(void)snprintf(end, room, ": %s", strerror((int)number));
	else if ((code == CURLE_SSL_CONNECT_ERROR ||
		     code == CURLE_PEER_FAILED_VERIFICATION) &&
		 exchange->error[0] != '\0')
		(void)snprintf(end, room, ": %s", exchange->error);
	/* A certificate may hold any bytes. */
	end[printable(end, strlen(end), true)] = '\0';
}

/* Whether it is this host that failed: a name may be lost by either. */
static bool
is_lacking(const struct exchange *exchange, CURLcode code)
{
	long sent = 0; /* bytes of the request */

	/* From then on all may be the receiver's doing (CURLE_OUT_OF_MEMORY).
	 */
	(void)curl_easy_getinfo(exchange->easy, CURLINFO_REQUEST_SIZE, &sent);
	if (sent > 0)
		return false;
	if (code == CURLE_COULDNT_CONNECT)
		return exchange->lacking != 0 && exchange->opened == 0;
	return code == CURLE_OUT_OF_MEMORY || code == CURLE_FAILED_INIT ||
	       code == CURLE_SSL_CACERT_BADFILE;
}

static void
judge_failure(struct exchange *exchange, CURLcode code)
{
	struct webhook_attempt *attempt = exchange->attempt;
	const struct failure failure = failure_of(code);

	if (exchange->headers_too_long || exchange->packed) {
		attempt->result = ATTEMPT_UNREADABLE;
		give_reason(attempt, "its %s",
		    exchange->packed ? "answer is packed (Transfer-Encoding)"
				     : "header lines are too long");
		return;
	}
	/* Where some addresses were allowed, those have failed. */
	if (exchange->refused > 0 && exchange->opened == 0 &&
	    exchange->lacking == 0) {
		attempt->result = ATTEMPT_FORBIDDEN;
		give_reason(
		    attempt, "the address %s is not public", exchange->address);
		return;
	}
	attempt->result = failure.result;
	attempt->lacking = is_lacking(exchange, code);
	give_reason(attempt, "%s", failure.reason);
	add_details(exchange, code);
}

static void
judge(struct exchange *exchange, CURLcode code)
{
	struct webhook_attempt *attempt = exchange->attempt;
	long status = 0;

	(void)curl_easy_getinfo(
	    exchange->easy, CURLINFO_RESPONSE_CODE, &status);
	attempt->status = (uint32_t)status;
	/* libcurl takes headers for whole where the connection ends. */
	if (code == CURLE_OK && !exchange->headers_ended)
		code = CURLE_PARTIAL_FILE;
	if (code != CURLE_OK && !exchange->body_cut) {
		judge_failure(exchange, code);
	} else if (status >= 200 && status <= 299) {
		attempt->result = ATTEMPT_SUCCEEDED;
	} else {
		attempt->result = ATTEMPT_REFUSED;
		give_reason(attempt, "it answered %ld", status);
	}
}

static void
complete(struct webhooks *webhooks, struct exchange *exchange, CURLcode code)
{
	struct webhook_attempt *attempt = exchange->attempt;

	attempt->duration =
	    (struct span){clock_uptime().us - exchange->begun.us};
	note_sent(attempt);
	judge(exchange, code);
	attempt->response_length =
	    printable(attempt->response, attempt->response_length,
		exchange->body_bytes > attempt->response_length);
	end_exchange(webhooks, exchange);
	assert(attempt->result != ATTEMPT_NONE);
	webhooks->done(attempt, webhooks->context);
}

void
webhooks_wait(struct webhooks *webhooks, struct span wait, const int *files,
    unsigned file_count)
{
	struct curl_waitfd others[WEBHOOK_FILES_MAX] = {0};
	/* Rounded up, or the last millisecond would be spun through. */
	const int64_t ms = (wait.us + 999) / 1000;

	assert(file_count <= WEBHOOK_FILES_MAX);
	for (unsigned i = 0; i < file_count; i++) {
		others[i].fd = files[i];
		others[i].events = CURL_WAIT_POLLIN;
	}
	(void)curl_multi_poll(webhooks->multi, others, file_count,
	    ms < 0 ? 0 : (int)(ms < 60000 ? ms : 60000), NULL);
}

void
webhooks_move(struct webhooks *webhooks)
{
	struct exchange *exchange;
	int running, queued;
	CURLMsg *message;
	CURLcode code;

	(void)curl_multi_perform(webhooks->multi, &running);
	while ((message = curl_multi_info_read(webhooks->multi, &queued)) !=
	       NULL) {
		if (message->msg != CURLMSG_DONE)
			continue;
		/* The message is gone with the handle. */
		code = message->data.result;
		exchange = NULL;
		(void)curl_easy_getinfo(
		    message->easy_handle, CURLINFO_PRIVATE, &exchange);
		assert(exchange != NULL);
		complete(webhooks, exchange, code);
	}
}
