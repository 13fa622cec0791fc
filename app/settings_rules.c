#include "app/settings_rules.h"

#include <assert.h>
#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "app/log_sink.h"
#include "app/settings.h"
#include "app/socket_address.h"
#include "app/status_socket.h"
#include "base/eth_address.h"
#include "core/webhook_url.h"

static bool
path_is_sound(struct text path)
{
	return path.length > 0 && path.bytes[0] == '/';
}

static bool
file_is_sound(struct text file)
{
	return file.length == 0 || path_is_sound(file);
}

static bool
url_is_sound(struct text url)
{
	const struct text http = TEXT("http://"), https = TEXT("https://");
	struct text host;
	size_t i;

	if (text_starts(url, http))
		host = text_after(url, http.length);
	else if (text_starts(url, https))
		host = text_after(url, https.length);
	else
		return false;
	if (host.length == 0 || host.bytes[0] == '/' ||
	    host.bytes[host.length - 1] == '/')
		return false;
	/* It stands unescaped in JSON, in HTML and in nginx's settings. */
	for (i = 0; i < host.length; i++)
		if (strchr("\"'\\<>`${}; ", host.bytes[i]) != NULL)
			return false;
	return text_is_printable_ascii(url);
}

/* A name that needs no escapes anywhere: lower case, digits and hyphens. */
static bool
word_is_sound(struct text word)
{
	for (size_t i = 0; i < word.length; i++)
		if (!((word.bytes[i] >= 'a' && word.bytes[i] <= 'z') ||
			(word.bytes[i] >= '0' && word.bytes[i] <= '9') ||
			word.bytes[i] == '-'))
			return false;
	return word.length > 0;
}

/* Three or four octal digits, of which the last lets nobody write. */
static bool
mode_is_sound(struct text mode)
{
	for (size_t i = 0; i < mode.length; i++)
		if (mode.bytes[i] < '0' || mode.bytes[i] > '7')
			return false;
	return (mode.length == 3 ||
		   (mode.length == 4 && mode.bytes[0] == '0')) &&
	       ((mode.bytes[mode.length - 1] - '0') & 2) == 0;
}

/* Empty, or where the status can be. */
static bool
status_is_sound(struct text value)
{
	char name[SETTING_SOCKET_BYTES];
	struct socket_address address;

	(void)text_copy(value, name, sizeof(name));
	return value.length == 0 || status_address_read(name, &address);
}

static bool
address_is_sound(struct text value)
{
	struct eth_address address;

	return eth_address_parse(value, &address);
}

static bool
log_or_none_is_sound(struct text value)
{
	return value.length == 0 || log_sink_is_sound(value);
}

static bool
ports_are_sound(struct text value)
{
	struct webhook_url_rules rules = {0};

	return webhook_ports_parse(value, &rules);
}

/* Headers that each webhook has already, and those of HTTP itself. */
static const char *const taken_headers[] = {"Accept", "Connection",
    "Content-Length", "Content-Type", "Expect", "Host", "TE", "Trailer",
    "Transfer-Encoding", "Upgrade", "User-Agent", "webhook-id",
    "webhook-signature", "webhook-timestamp", "X-StableGenius-Timestamp"};

static bool
header_is_taken(struct text name)
{
	const size_t count = sizeof(taken_headers) / sizeof(taken_headers[0]);

	for (size_t i = 0; i < count; i++)
		if (name.length == strlen(taken_headers[i]) &&
		    strncasecmp(name.bytes, taken_headers[i], name.length) == 0)
			return true;
	return false;
}

/*
 * A header's name: RFC 9110, section 5.1, of letters, digits and hyphens; and
 * not that of another one.
 */
static bool
header_is_sound(struct text value)
{
	for (size_t i = 0; i < value.length; i++)
		if (!isalnum((unsigned char)value.bytes[i]) &&
		    value.bytes[i] != '-')
			return false;
	return value.length > 0 && !header_is_taken(value);
}

/* Most rules know but one way to be broken. */
static const struct {
	bool (*is_sound)(struct text value);
	const char *broken;
} rules[RULE_COUNT] = {
    [RULE_PATH] = {path_is_sound, "is not an absolute path"},
    [RULE_FILE] = {file_is_sound, "is not an absolute path"},
    [RULE_MODE] = {mode_is_sound,
	"is not an octal mode, such as 0660, that lets others not write"},
    [RULE_STATUS] = {status_is_sound,
	"is neither an absolute path nor a loopback address such as "
	"tcp:127.0.0.1:9101"},
    [RULE_URL] = {url_is_sound,
	"is not http://HOST or https://HOST, without a slash at its end"},
    [RULE_WORD] = {word_is_sound, "is not a word of a-z, 0-9 and -"},
    [RULE_ADDRESS] = {address_is_sound,
	"is not an address, 0x and 40 digits, or is mistyped"},
    [RULE_LOG] = {log_sink_is_sound,
	"is not stderr, syslog, syslog:SOCKET or an absolute path"},
    [RULE_LOG_OR_NONE] = {log_or_none_is_sound,
	"is not stderr, syslog, syslog:SOCKET or an absolute path"},
    [RULE_PORTS] = {ports_are_sound,
	"is neither * nor at most 16 ports, 1 to 65535, with blanks between"},
    [RULE_HEADER] = {header_is_sound,
	"is not a header's name of letters, digits and hyphens, or is the "
	"name of one that webhooks have anyway"},
};

const char *
text_rule_broken(enum text_rule rule, struct text value)
{
	struct socket_address place;

	assert(rule < RULE_COUNT);
	if (rule == RULE_SOCKET)
		return socket_address_parse(value, &place);
	if (rules[rule].is_sound == NULL || rules[rule].is_sound(value))
		return NULL;
	return rules[rule].broken;
}
