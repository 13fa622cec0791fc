#include <assert.h>

#include "api/contract.h"

static const struct contract *const contracts[] = {
    &contract_card,
    &contract_stable,
};

enum { CONTRACTS = sizeof(contracts) / sizeof(contracts[0]) };

static bool
contract_has_root(const struct contract *contract, struct text root)
{
	for (unsigned i = 0; i < contract->root_count; i++)
		if (text_equal(contract->roots[i], root))
			return true;
	return false;
}

const struct contract *
contract_of_path(struct text path, const struct contract *otherwise)
{
	struct text version;
	struct text root;

	if (!text_starts(path, TEXT("/v1/")))
		return otherwise;
	text_split(text_after(path, 1), '/', &version, &root);
	text_split(root, '/', &root, &version);
	for (unsigned i = 0; i < CONTRACTS; i++)
		if (contract_has_root(contracts[i], root))
			return contracts[i];
	return otherwise;
}

const struct contract *
contract_of_family(enum family family)
{
	const struct contract *found = NULL;

	for (unsigned i = 0; i < CONTRACTS; i++)
		if (contracts[i]->family == family)
			found = contracts[i];
	assert(found != NULL);
	return found;
}

/*
 * Whether a segment fits `{id}` or `{id}.png`: anything that is not empty,
 * before what the pattern has behind it.
 */
static bool
segment_is_id(struct text expected, struct text segment, struct text *id)
{
	struct text suffix;
	size_t length;

	if (!text_starts(expected, TEXT("{id}")))
		return false;
	suffix = text_after(expected, sizeof("{id}") - 1);
	if (segment.length <= suffix.length)
		return false;
	length = segment.length - suffix.length;
	if (!text_equal(text_after(segment, length), suffix))
		return false;
	*id = (struct text){segment.bytes, length};
	return true;
}

/* Compares segment by segment. */
static bool
pattern_matches(struct text pattern, struct text path, struct text *id)
{
	struct text expected;
	struct text segment;
	bool more_expected;
	bool more;

	*id = TEXT_NONE;
	do {
		more_expected = text_split(pattern, '/', &expected, &pattern);
		more = text_split(path, '/', &segment, &path);
		if (!text_equal(expected, segment) &&
		    !segment_is_id(expected, segment, id))
			return false;
	} while (more_expected && more);
	return more_expected == more;
}

enum route_result
route_find(const struct contract *contract, struct text method,
    struct text path, const struct route **route, struct text *id,
    struct buffer *allow)
{
	enum route_result result = ROUTE_NO_PATH;

	assert(contract != NULL);
	for (unsigned i = 0; i < contract->route_count; i++) {
		const struct route *row = &contract->routes[i];

		if (!pattern_matches(row->pattern, path, id))
			continue;
		if (text_equal(row->method, method)) {
			*route = row;
			return ROUTE_FOUND;
		}
		if (result == ROUTE_NO_METHOD)
			buffer_put_text(allow, TEXT(", "));
		buffer_put_text(allow, row->method);
		result = ROUTE_NO_METHOD;
	}
	return result;
}

unsigned
route_numbers(void)
{
	unsigned count = 0;

	for (unsigned i = 0; i < CONTRACTS; i++)
		count += 1 + contracts[i]->route_count;
	return count;
}

unsigned
route_number(const struct contract *contract, const struct route *route)
{
	unsigned number = 0;

	for (unsigned i = 0; contracts[i] != contract; i++) {
		assert(i + 1 < CONTRACTS);
		number += 1 + contracts[i]->route_count;
	}
	if (route != NULL)
		number += 1 + (unsigned)(route - contract->routes);
	return number;
}

const struct contract *
route_numbered(unsigned number, const struct route **route)
{
	unsigned i = 0;

	assert(number < route_numbers());
	for (; number > contracts[i]->route_count; i++) {
		assert(i + 1 < CONTRACTS);
		number -= 1 + contracts[i]->route_count;
	}
	*route = number == 0 ? NULL : &contracts[i]->routes[number - 1];
	return contracts[i];
}
