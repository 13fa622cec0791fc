#include "api/caller.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

#include "core/api_key.h"

/* The value of one character of base 64 (RFC 4648), or -1. */
static int
base64_value(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = memchr(digits, c, sizeof(digits) - 1);

	return at == NULL ? -1 : (int)(at - digits);
}

/* Decodes base 64; what does not fit or is no base 64 gives TEXT_NONE. */
static struct text
base64_decode(struct text text, char *to, size_t size)
{
	uint32_t bits = 0;
	unsigned bit_count = 0;
	size_t length = 0;

	while (text.length > 0 && text.bytes[text.length - 1] == '=')
		text.length--;
	for (size_t i = 0; i < text.length; i++) {
		int value = base64_value(text.bytes[i]);

		if (value < 0)
			return TEXT_NONE;
		bits = (bits << 6 | (uint32_t)value) & 0xffffff;
		bit_count += 6;
		if (bit_count < 8)
			continue;
		bit_count -= 8;
		if (length == size)
			return TEXT_NONE;
		to[length++] = (char)(bits >> bit_count & 0xff);
	}
	return (struct text){to, length};
}

/* The key in the header's value; its bytes may lie in `decoded`. */
static struct text
header_key(struct text header, char *decoded, size_t size)
{
	struct text scheme;
	struct text credentials;
	struct text password;

	if (!text_split(header, ' ', &scheme, &credentials))
		return TEXT_NONE;
	if (text_equal_nocase(scheme, TEXT("Bearer")))
		return credentials;
	if (!text_equal_nocase(scheme, TEXT("Basic")))
		return TEXT_NONE;
	credentials = base64_decode(credentials, decoded, size);
	if (!text_split(credentials, ':', &credentials, &password) ||
	    password.length > 0)
		return TEXT_NONE;
	return credentials;
}

bool
caller_recognise(const struct service *service, const struct request *request,
    struct caller *caller, struct error *error)
{
	enum error_id failure = ERROR_INTERNAL_ERROR;
	struct digest digest;
	char decoded[256];
	struct text key;

	if (request->authorization.length == 0)
		return refuse(error, ERROR_API_KEY_ABSENT);
	key = header_key(request->authorization, decoded, sizeof(decoded));
	if (!api_key_is_wellformed(key))
		return refuse(error, ERROR_API_KEY_INVALID);
	digest = digest_text(key);
	switch (engine_caller(
	    service->engine, &digest, request->now, caller, &failure)) {
	case CALLER_OK:
		return true;
	case CALLER_REVOKED:
		return refuse(error, ERROR_API_KEY_REVOKED);
	case CALLER_STORE_FAILED:
		return refuse(error, failure);
	case CALLER_UNKNOWN:
	case CALLER_EXPIRED:
		break;
	}
	return refuse(error, ERROR_API_KEY_INVALID);
}

static bool
forbid(struct error *error, const char *reason)
{
	return refuse_about(error, ERROR_INSUFFICIENT_PERMISSIONS, TEXT_NONE,
	    TEXT_NONE, text_of(reason));
}

bool
caller_may(
    const struct caller *caller, const struct route *route, struct error *error)
{
	char bytes[ERROR_DETAIL_BYTES_MAX];
	struct buffer detail;

	if ((route->flags & ROUTE_TEST_ONLY) != 0 &&
	    caller->scope.mode != MODE_TEST)
		return forbid(error, "it needs a key of test mode");
	if (caller->type == KEY_TYPE_SECRET)
		return true;
	if (caller->type == KEY_TYPE_PUBLISHABLE)
		return (route->flags & ROUTE_PUBLISHABLE) != 0 ||
		       forbid(error, "it needs a secret key");
	assert(route->permission != PERMISSION_NONE);
	if ((caller->permissions & (1u << route->permission)) != 0)
		return true;
	buffer_init(&detail, bytes, sizeof(bytes));
	buffer_print(&detail, "it lacks the permission %.*s",
	    TEXT_PRINT(name_text(&permission_names, route->permission)));
	return refuse_about(error, ERROR_INSUFFICIENT_PERMISSIONS, TEXT_NONE,
	    TEXT_NONE, buffer_text(&detail));
}

/* One request on its way past the limits. */
struct counting {
	const struct service *service;
	struct instant now;
	struct rate_count *count;
	enum rate_limit *refused;
};

/* Counts against one limit; the tightest one so far stays in *count. */
static bool
take(const struct counting *counting, enum rate_limit which, struct text name,
    uint32_t limit)
{
	struct rate_count *count = counting->count;
	struct rate_count taken;

	if (limit == 0 || counting->service->rates == NULL)
		return true;
	taken = rate_take(counting->service->rates, name, limit, counting->now);
	if (count->limit == 0 || taken.remaining < count->remaining ||
	    taken.refused)
		*count = taken;
	if (taken.refused)
		*counting->refused = which;
	return !taken.refused;
}

/*
 * An address as a name: an IPv6 host has a whole /64 to call from, so that
 * is what is counted.
 */
static void
name_address(struct text address, struct buffer *name)
{
	struct in6_addr bytes;
	char text[INET6_ADDRSTRLEN];

	buffer_put_text(name, TEXT("address "));
	text_copy(address, text, sizeof(text));
	if (inet_pton(AF_INET6, text, &bytes) == 1)
		buffer_put(name, bytes.s6_addr, 8);
	else
		buffer_put_text(name, address);
}

/* "<what> <id> <mode>": names that no two callers share. */
static void
name_owner(struct text what, struct id owner, uint8_t mode, struct buffer *name)
{
	buffer_reset(name);
	buffer_put_text(name, what);
	buffer_put(name, owner.bytes, ID_BYTES);
	buffer_put_byte(name, mode);
}

bool
caller_count(const struct service *service, const struct request *request,
    const struct contract *contract, const struct caller *caller,
    const struct route *route, struct rate_count *count,
    enum rate_limit *refused, struct error *error)
{
	const struct counting counting = {
	    service, request->now, count, refused};
	char bytes[128];
	struct buffer name;
	bool within = true;

	*count = (struct rate_count){0};
	*refused = RATE_LIMIT_NONE;
	buffer_init(&name, bytes, sizeof(bytes));
	if (caller == NULL) {
		name_address(request->remote_address, &name);
		within = take(&counting, RATE_LIMIT_ADDRESS, buffer_text(&name),
		    service->rate_address);
	} else if (contract->counts_accounts) {
		bool live = caller->scope.mode == MODE_LIVE;

		name_owner(TEXT("account "), caller->scope.account,
		    caller->scope.mode, &name);
		within = take(&counting,
		    live ? RATE_LIMIT_STABLE_LIVE : RATE_LIMIT_STABLE_TEST,
		    buffer_text(&name),
		    live ? service->rate_stable_live
			 : service->rate_stable_test);
	} else {
		name_owner(TEXT("merchant "), caller->scope.merchant,
		    caller->scope.mode, &name);
		within = take(&counting, RATE_LIMIT_CARD_MERCHANT,
		    buffer_text(&name), service->rate_card_merchant);
		if (route != NULL && (route->flags & ROUTE_KEYS) != 0) {
			name_owner(TEXT("api_keys "), caller->scope.merchant,
			    MODE_NONE, &name);
			within &= take(&counting, RATE_LIMIT_CARD_API_KEYS,
			    buffer_text(&name), service->rate_card_api_keys);
		}
	}
	return within || refuse(error, ERROR_RATE_LIMIT_EXCEEDED);
}
