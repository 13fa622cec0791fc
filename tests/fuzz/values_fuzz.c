/*
 * The small decoders: any bytes as an id, a key, an amount, a time, a number,
 * an address, a webhook's URL and so on.
 *
 * What is taken must be written as it was read, or be read likewise by who
 * knows it as well: inet_pton(3), strtoll(3), and libcurl, which is what
 * connects to a webhook's URL.
 */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base58.h"
#include "base/bytes.h"
#include "base/digest.h"
#include "base/eth_address.h"
#include "base/hd_key.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/money.h"
#include "base/net_address.h"
#include "base/time.h"
#include "core/api_key.h"
#include "core/records.h"
#include "core/webhook_url.h"
#include "fuzz.h"

enum { TEXT_BYTES_MAX = 4096 };

/* The text, with a NUL behind it. */
static char string[TEXT_BYTES_MAX + 1];

static void
try_ids(struct text text)
{
	char written[ID_TEXT_BYTES];
	const char *prefix;
	struct id id;

	for (unsigned kind = 1; kind < KIND_COUNT; kind++) {
		prefix = record_type((enum kind)kind)->prefix;
		if (!id_parse(text, prefix, &id))
			continue;
		id_format(id, prefix, written);
		MUST(text_equal(text_of(written), text));
		MUST(text_compare(
			 (struct text){
			     (const char *)id_floor(id_instant(id)).bytes,
			     ID_BYTES},
			 (struct text){(const char *)id.bytes, ID_BYTES}) <= 0);
	}
}

/* A key with one other character is none: that is what its checksum is for. */
static void
try_api_key(struct text text)
{
	char typo[KEY_TEXT_BYTES];
	size_t place;

	if (!api_key_is_wellformed(text))
		return;
	MUST(text.length == KEY_TEXT_BYTES - 1);
	MUST(text_is_printable_ascii(text));
	memcpy(typo, text.bytes, text.length);
	for (place = 0; place < text.length; place++) {
		typo[place] = typo[place] == 'a' ? 'b' : 'a';
		MUST(!api_key_is_wellformed((struct text){typo, text.length}));
		typo[place] = text.bytes[place];
	}
}

/* -- Numbers --------------------------------------------------------------- */

static void
try_integer(struct text text)
{
	char written[32];
	int64_t value = 0;
	bool read = text_to_integer(text, INT64_MIN, INT64_MAX, &value);

	if (!read)
		return;
	errno = 0;
	MUST(strtoll(string, NULL, 10) == value && errno == 0);
	(void)snprintf(written, sizeof(written), "%" PRId64, value);
	MUST(text_equal(text_of(written), text));
	MUST(!text_to_integer(
		 text, INT64_MIN, value - (value > INT64_MIN), &value) ||
	     value == INT64_MIN);
}

static void
try_money(struct text text)
{
	char written[MONEY_TEXT_BYTES];
	struct money money, again;

	for (unsigned scale = 0; scale <= 9; scale++) {
		if (money_parse(text, scale, scale, &money) != MONEY_PARSE_OK)
			continue;
		MUST(money_format(money, scale, 0, written) < sizeof(written));
		MUST(money_parse(text_of(written), scale, scale, &again) ==
		     MONEY_PARSE_OK);
		MUST(money_compare(money, again) == 0);
		/* The same number, by another's reading. */
		if (text.length < 15)
			MUST(strtod(string, NULL) == strtod(written, NULL));
	}
}

static void
try_time(struct text text)
{
	char written[TIME_ISO_BYTES];
	struct instant instant;

	if (!instant_from_iso(text, &instant))
		return;
	instant_to_iso(instant, written);
	MUST(text.length >= TIME_ISO_BYTES - 1);
	/* All but a fraction, and what follows it. */
	MUST(memcmp(written, text.bytes, TIME_ISO_BYTES - 2) == 0);
}

/* -- Bytes as text --------------------------------------------------------- */

static void
try_base64(struct text text)
{
	uint8_t bytes[TEXT_BYTES_MAX];
	char written[TEXT_BYTES_MAX + 4];

	if (text.length % 4 != 0 ||
	    !bytes_from_base64(text.bytes, text.length, bytes))
		return;
	bytes_to_base64(bytes, text.length / 4 * 3, written);
	MUST(text_equal(text_of(written), text));
}

/* Base58 as the definition has it: long division. */
static void
write_base58(const uint8_t *bytes, size_t length, char *to)
{
	static const char digits[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
				     "abcdefghijkmnopqrstuvwxyz";
	char reversed[2 * BASE58_PAYLOAD_BYTES_MAX];
	uint8_t number[BASE58_PAYLOAD_BYTES_MAX + 4];
	size_t zeros = 0, count = 0, first;
	unsigned rest;

	memcpy(number, bytes, length);
	while (zeros < length && bytes[zeros] == 0)
		*to++ = digits[bytes[zeros++]];
	for (first = zeros; first < length;) {
		rest = 0;
		for (size_t i = first; i < length; i++) {
			rest = rest << 8 | number[i];
			number[i] = (uint8_t)(rest / 58);
			rest %= 58;
		}
		reversed[count++] = digits[rest];
		while (first < length && number[first] == 0)
			first++;
	}
	while (count > 0)
		*to++ = reversed[--count];
	*to = '\0';
}

static void
try_base58(struct text text)
{
	uint8_t bytes[BASE58_PAYLOAD_BYTES_MAX + 4];
	/* Of an address of Bitcoin, of an extended key, and others. */
	static const uint8_t lengths[] = {1, 21, 32, 78};
	char written[2 * sizeof(bytes)];
	struct digest digest;
	size_t length;

	for (size_t i = 0; i < sizeof(lengths); i++) {
		length = lengths[i];
		if (base58_decode(text, bytes, length) != BASE58_DECODE_OK)
			continue;
		digest = digest_text((struct text){(char *)bytes, length});
		digest = digest_text(
		    (struct text){(char *)digest.bytes, DIGEST_BYTES});
		memcpy(bytes + length, digest.bytes, 4);
		write_base58(bytes, length + 4, written);
		MUST(text_equal(text_of(written), text));
	}
}

static void
try_extended_key(struct text text)
{
	struct hd_key key, child;

	if (hd_key_parse(text, &key) != HD_KEY_PARSE_OK)
		return;
	MUST(text_starts(text, TEXT("xpub")));
	MUST(hd_key_child(&key, 0, &child) == HD_KEY_CHILD_OK);
	MUST(memcmp(&key, &child, sizeof(key)) != 0);
	MUST(hd_key_child(&key, HD_KEY_INDEX_END, &child) ==
	     HD_KEY_CHILD_HARDENED);
}

static void
try_eth_address(struct text text)
{
	char written[ETH_ADDRESS_TEXT_BYTES];
	struct eth_address address, again;

	if (!eth_address_parse(text, &address))
		return;
	eth_address_format(address, written);
	MUST(text_equal_nocase(text_of(written), text));
	MUST(eth_address_parse(text_of(written), &again));
	MUST(eth_address_equal(address, again));
}

/* UTF-8 by RFC 3629: what its shortest form gives again. */
static bool
is_utf8(struct text text)
{
	static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
	uint32_t code;
	unsigned more;
	uint8_t byte;

	for (size_t i = 0; i < text.length; i++) {
		byte = (uint8_t)text.bytes[i];
		more = byte < 0x80 ? 0 : byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
		if (more > 0 && (byte < 0xc0 || byte > 0xf7))
			return false;
		code = more == 0 ? byte : byte & (0x3fu >> more);
		for (unsigned j = 0; j < more; j++) {
			if (++i == text.length ||
			    ((uint8_t)text.bytes[i] & 0xc0) != 0x80)
				return false;
			code = code << 6 | ((uint8_t)text.bytes[i] & 0x3f);
		}
		if (code < least[more] || code > 0x10ffff ||
		    (code >= 0xd800 && code <= 0xdfff))
			return false;
	}
	return true;
}

static void
try_text(struct text text)
{
	char cut[32];
	size_t kept;

	MUST(text_is_utf8(text) == is_utf8(text));
	if (!text_is_utf8(text))
		return;
	MUST(text_characters(text) <= text.length);
	kept = text_copy(text, cut, sizeof(cut));
	MUST(kept < sizeof(cut) && cut[kept] == '\0');
	MUST(text_is_utf8((struct text){cut, kept}));
	MUST(kept == text.length || kept + 4 >= sizeof(cut));
}

/* -- Addresses and URLs ---------------------------------------------------- */

static void
try_net_addresses(struct text text)
{
	uint8_t read[NET_IPV6_BYTES], judged[NET_IPV6_BYTES];
	bool whole = strlen(string) == text.length;

	MUST(net_ipv4_parse(text, read) ==
	     (whole && inet_pton(AF_INET, string, judged) == 1));
	if (net_ipv4_parse(text, read))
		MUST(memcmp(read, judged, NET_IPV4_BYTES) == 0);
	MUST(net_ipv6_parse(text, read) ==
	     (whole && inet_pton(AF_INET6, string, judged) == 1));
	if (net_ipv6_parse(text, read))
		MUST(memcmp(read, judged, NET_IPV6_BYTES) == 0);
}

/* Where libcurl would connect to. */
static void
must_be_public(const char *host)
{
	char bare[256];
	uint8_t address[NET_IPV6_BYTES];
	struct in_addr number;
	size_t length = strlen(host);

	if (host[0] == '[') {
		MUST(length < sizeof(bare) && host[length - 1] == ']');
		memcpy(bare, host + 1, length - 2);
		bare[length - 2] = '\0';
		MUST(inet_pton(AF_INET6, bare, address) == 1);
		MUST(net_ipv6_is_public(address));
	} else if (inet_aton(host, &number) != 0) {
		/* Also what only resolvers take for one. */
		MUST(inet_pton(AF_INET, host, address) == 1);
		MUST(net_ipv4_is_public(address));
	} else {
		MUST(strcasecmp(host, "localhost") != 0);
	}
}

static void
must_be_sendable(CURLU *url, const struct webhook_url_rules *rules)
{
	char *part;

	MUST(curl_url_set(url, CURLUPART_URL, string, 0) == CURLUE_OK);
	MUST(curl_url_get(url, CURLUPART_SCHEME, &part, 0) == CURLUE_OK);
	MUST(strcmp(part, "https") == 0 ||
	     (rules->http && strcmp(part, "http") == 0));
	curl_free(part);
	MUST(curl_url_get(url, CURLUPART_USER, &part, 0) == CURLUE_NO_USER);
	MUST(curl_url_get(url, CURLUPART_PASSWORD, &part, 0) ==
	     CURLUE_NO_PASSWORD);
	MUST(curl_url_get(url, CURLUPART_FRAGMENT, &part, 0) ==
	     CURLUE_NO_FRAGMENT);
	MUST(curl_url_get(url, CURLUPART_HOST, &part, 0) == CURLUE_OK);
	if (!rules->allow_private)
		must_be_public(part);
	curl_free(part);
	if (rules->any_port)
		return;
	if (curl_url_get(url, CURLUPART_PORT, &part, 0) != CURLUE_OK)
		return;
	MUST(atoi(part) == 443 || atoi(part) == 80 || atoi(part) == 8443);
	curl_free(part);
}

static void
try_webhook_url(struct text text)
{
	struct webhook_url_rules rules = {.port_count = 1, .ports = {8443}};
	CURLU *url;

	for (unsigned i = 0; i < 8; i++) {
		rules.http = (i & 1) != 0;
		rules.allow_private = (i & 2) != 0;
		rules.any_port = (i & 4) != 0;
		if (webhook_url_fault(text, &rules) != NULL)
			continue;
		MUST(text_is_printable_ascii(text));
		MUST(text.length <= URL_CHARACTERS_MAX);
		url = curl_url();
		MUST(url != NULL);
		must_be_sendable(url, &rules);
		curl_url_cleanup(url);
	}
}

static void
try_ports(struct text text)
{
	struct webhook_url_rules rules = {.port_count = 0};

	if (!webhook_ports_parse(text, &rules))
		return;
	MUST(rules.port_count <= WEBHOOK_PORTS_MAX);
	MUST(rules.any_port == text_equal(text, TEXT("*")));
	for (unsigned i = 0; i < rules.port_count; i++)
		MUST(rules.ports[i] > 0);
}

int
LLVMFuzzerInitialize(int *count, char ***arguments)
{
	(void)count;
	(void)arguments;
	digest_start();
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct text text;

	if (length > TEXT_BYTES_MAX)
		return -1;
	if (length > 0)
		memcpy(string, bytes, length);
	string[length] = '\0';
	text = text_alone((struct text){(const char *)bytes, length});
	try_ids(text);
	try_api_key(text);
	try_integer(text);
	try_money(text);
	try_time(text);
	try_base64(text);
	try_base58(text);
	try_extended_key(text);
	try_eth_address(text);
	try_text(text);
	try_net_addresses(text);
	try_webhook_url(text);
	try_ports(text);
	free((void *)text.bytes);
	return 0;
}
