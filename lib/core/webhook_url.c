#include "core/webhook_url.h"

#include <assert.h>
#include <stddef.h>

#include "base/limits.h"
#include "base/net_address.h"

enum {
	/* RFC 1035, section 2.3.4; a name as text, without its last dot. */
	NAME_BYTES_MAX = 253,
	LABEL_BYTES_MAX = 63,
};

static const struct scheme {
	struct text begin;
	int64_t port; /* RFC 9110, sections 4.2.1 and 4.2.2 */
	bool is_plain;
} schemes[] = {
    {{"https://", 8}, 443, false},
    {{"http://", 7}, 80, true},
};

/* RFC 3986, section 3.2, without user information. */
struct authority {
	struct text host; /* without brackets */
	struct text port;
	bool in_brackets, has_port;
};

/* What is wrong, as the header says: parts of sentences. */
static const char too_long[] = "it must have at most 2048 characters";
_Static_assert(URL_CHARACTERS_MAX == 2048, "what the sentence says");
static const char not_https[] = "it must begin with https://";
static const char not_http[] = "it must begin with https:// or http://";
static const char bad_bytes[] =
    "it must have no blanks, backslashes and characters beyond ASCII";
static const char bad_fragment[] = "it must have no fragment (#)";
static const char bad_user[] = "it must have no user name and password (@)";
static const char no_host[] = "it must name a host";
static const char bad_host[] = "its host must be a name or an address";
static const char bad_number[] =
    "an address in it must be four decimal numbers, or be in brackets";
static const char bad_brackets[] = "in brackets it must have an IPv6 address";
static const char bad_place[] = "it must lead to a public address";
static const char bad_port[] = "its port must be a number, 1 to 65535";
static const char odd_port[] =
    "its port must be its scheme's own, or one that this server allows";

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_hexadecimal(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool
consists_of(struct text text, bool (*is_of)(char))
{
	for (size_t i = 0; i < text.length; i++)
		if (!is_of(text.bytes[i]))
			return false;
	return true;
}

static bool
has(struct text text, char c)
{
	struct text head, tail;

	return text_split(text, c, &head, &tail);
}

/* Programs read the others, and a backslash, in more than one way. */
static bool
is_url_byte(char c)
{
	return c > ' ' && c <= '~' && c != '\\';
}

/* NULL: it begins as no URL of these rules. */
static const struct scheme *
scheme_of(struct text url, const struct webhook_url_rules *rules)
{
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		size_t length = schemes[i].begin.length;

		if (url.length >= length &&
		    text_equal_nocase(
			(struct text){url.bytes, length}, schemes[i].begin) &&
		    (rules->http || !schemes[i].is_plain))
			return &schemes[i];
	}
	return NULL;
}

static struct text
authority_of(struct text url, const struct scheme *scheme)
{
	struct text rest = text_after(url, scheme->begin.length);
	struct text before, after;

	(void)text_split(rest, '/', &before, &after);
	(void)text_split(before, '?', &before, &after);
	return before;
}

/* -- Names ----------------------------------------------------------------- */

/* RFC 1123, section 2.1; and `_`, which names in use have. */
static bool
is_label_byte(char c)
{
	return is_letter(c) || is_digit(c) || c == '-' || c == '_';
}

static bool
is_label(struct text label)
{
	return label.length > 0 && label.length <= LABEL_BYTES_MAX &&
	       consists_of(label, is_label_byte) && label.bytes[0] != '-' &&
	       label.bytes[label.length - 1] != '-';
}

/* All labels are such; *last gets the last one. */
static bool
is_name(struct text name, struct text *last)
{
	bool goes_on = true;

	if (name.length > NAME_BYTES_MAX)
		return false;
	while (goes_on) {
		goes_on = text_split(name, '.', last, &name);
		if (!is_label(*last))
			return false;
	}
	return true;
}

/* WHATWG URL, "ends in a number checker", of the last label. */
static bool
is_number(struct text label)
{
	bool is_hex =
	    text_starts(label, TEXT("0x")) || text_starts(label, TEXT("0X"));

	if (is_hex)
		return consists_of(text_after(label, 2), is_hexadecimal);
	return consists_of(label, is_digit);
}

static const char *
name_fault(struct text name, const struct webhook_url_rules *rules)
{
	struct text last;

	assert(name.length > 0);
	/* A name that ends in a dot is whole (RFC 1034, section 3.1). */
	if (name.bytes[name.length - 1] == '.')
		name.length--;
	if (!is_name(name, &last))
		return bad_host;
	if (is_number(last))
		return bad_number;
	/* RFC 6761, section 6.3, with all names below it. */
	if (text_equal_nocase(last, TEXT("localhost")) && !rules->allow_private)
		return bad_place;
	return NULL;
}

/* -- Hosts and ports ------------------------------------------------------- */

static const char *
host_fault(struct text host, const struct webhook_url_rules *rules)
{
	uint8_t address[NET_IPV4_BYTES];

	if (host.length == 0)
		return no_host;
	if (!net_ipv4_parse(host, address))
		return name_fault(host, rules);
	if (!rules->allow_private && !net_ipv4_is_public(address))
		return bad_place;
	return NULL;
}

static const char *
bracketed_fault(struct text host, const struct webhook_url_rules *rules)
{
	uint8_t address[NET_IPV6_BYTES];

	if (!net_ipv6_parse(host, address))
		return bad_brackets;
	if (!rules->allow_private && !net_ipv6_is_public(address))
		return bad_place;
	return NULL;
}

static bool
port_is_listed(int64_t port, const struct webhook_url_rules *rules)
{
	assert(port > 0);
	assert(rules->port_count <= WEBHOOK_PORTS_MAX);
	for (unsigned i = 0; i < rules->port_count; i++)
		if (rules->ports[i] == port)
			return true;
	return false;
}

static const char *
port_fault(struct text port, const struct scheme *scheme,
    const struct webhook_url_rules *rules)
{
	int64_t number;

	if (!text_to_integer(port, 1, UINT16_MAX, &number))
		return bad_port;
	if (rules->any_port || number == scheme->port ||
	    port_is_listed(number, rules))
		return NULL;
	return odd_port;
}

/* False: its brackets are not around the whole host. */
static bool
split_authority(struct text text, struct authority *authority)
{
	struct text rest;

	authority->in_brackets = text_starts(text, TEXT("["));
	if (!authority->in_brackets) {
		authority->has_port =
		    text_split(text, ':', &authority->host, &authority->port);
		return true;
	}
	if (!text_split(text_after(text, 1), ']', &authority->host, &rest))
		return false;
	authority->has_port = text_split(rest, ':', &rest, &authority->port);
	return rest.length == 0;
}

static const char *
authority_fault(struct text text, const struct scheme *scheme,
    const struct webhook_url_rules *rules)
{
	struct authority authority;
	const char *fault;

	if (has(text, '@'))
		return bad_user;
	if (!split_authority(text, &authority))
		return bad_brackets;
	fault = authority.in_brackets ? bracketed_fault(authority.host, rules)
				      : host_fault(authority.host, rules);
	if (fault == NULL && authority.has_port)
		fault = port_fault(authority.port, scheme, rules);
	return fault;
}

const char *
webhook_url_fault(struct text url, const struct webhook_url_rules *rules)
{
	const struct scheme *scheme;

	assert(rules != NULL);
	if (url.length > URL_CHARACTERS_MAX)
		return too_long;
	if (!consists_of(url, is_url_byte))
		return bad_bytes;
	scheme = scheme_of(url, rules);
	if (scheme == NULL)
		return rules->http ? not_http : not_https;
	if (has(url, '#'))
		return bad_fragment;
	return authority_fault(authority_of(url, scheme), scheme, rules);
}

/* -- The setting ----------------------------------------------------------- */

static bool
add_port(struct text port, struct webhook_url_rules *rules)
{
	int64_t number;

	if (port.length == 0)
		return true; /* of two blanks */
	if (rules->port_count == WEBHOOK_PORTS_MAX ||
	    !text_to_integer(port, 1, UINT16_MAX, &number))
		return false;
	rules->ports[rules->port_count++] = (uint16_t)number;
	return true;
}

bool
webhook_ports_parse(struct text ports, struct webhook_url_rules *rules)
{
	struct webhook_url_rules read = *rules;

	read.any_port = text_equal(ports, TEXT("*"));
	read.port_count = 0;
	bool goes_on = !read.any_port;
	while (goes_on) {
		struct text port;

		goes_on = text_split(ports, ' ', &port, &ports);
		if (!add_port(port, &read))
			return false;
	}
	*rules = read;
	return true;
}
