/*
 * Damage to what the store says of itself, and to the audit log in it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/audit.h"
#include "verify_damage.h"

enum { SOME_LINE = 3 };

static struct text
get_line(struct shop *shop, uint64_t sequence)
{
	struct store_key key = key_of_audit(sequence);

	return shop_get(shop, TABLE_AUDIT, key_text(&key));
}

static void
put_line(struct shop *shop, uint64_t sequence, struct text line)
{
	struct store_key key = key_of_audit(sequence);

	shop_put(shop, TABLE_AUDIT, key_text(&key), line);
}

static void
delete_line(struct shop *shop, uint64_t sequence)
{
	struct store_key key = key_of_audit(sequence);

	shop_delete(shop, TABLE_AUDIT, key_text(&key));
}

static uint64_t
last_line(const struct shop *shop)
{
	struct audit_state state;

	assert_int_equal(engine_audit_state(shop->engine, &state), STORE_OK);
	assert_true(state.head.sequence > SOME_LINE + 1);
	return state.head.sequence;
}

static struct audit_link
link_of(struct shop *shop, uint64_t sequence)
{
	struct digest previous;
	struct audit_link link;

	assert_int_equal(
	    audit_read(get_line(shop, sequence), &link, &previous), AUDIT_OK);
	return link;
}

/* A line with a right hash, in the place behind `sequence`. */
static void
forge_behind(struct shop *shop, uint64_t sequence)
{
	struct audit_link link = link_of(shop, sequence);
	struct audit_line line;

	audit_begin(&line, &link, shop->now);
	audit_put_word(&line, TEXT("who"), TEXT("nobody"));
	put_line(shop, sequence + 1, audit_end(&line, &link));
}

void
delete_the_state_of_the_log(struct shop *shop)
{
	shop_delete(shop, TABLE_META, TEXT("audit"));
}

void
shorten_the_state_of_the_log(struct shop *shop)
{
	shop_put(shop, TABLE_META, TEXT("audit"), TEXT("1"));
}

void
put_words_into_the_log(struct shop *shop)
{
	put_line(shop, SOME_LINE, TEXT("nothing happened"));
}

void
alter_a_line(struct shop *shop)
{
	struct text line = get_line(shop, SOME_LINE);
	char bytes[AUDIT_LINE_BYTES_MAX];
	char *who;

	assert_true(line.length < sizeof(bytes));
	memcpy(bytes, line.bytes, line.length);
	bytes[line.length] = '\0';
	who = strstr(bytes, "who=");
	assert_non_null(who);
	who[4] ^= 1;
	line.bytes = bytes;
	put_line(shop, SOME_LINE, line);
}

void
repeat_a_line(struct shop *shop)
{
	put_line(shop, SOME_LINE + 1, get_line(shop, SOME_LINE));
}

void
delete_a_line(struct shop *shop)
{
	delete_line(shop, SOME_LINE);
}

void
delete_the_last_line(struct shop *shop)
{
	delete_line(shop, last_line(shop));
}

void
forge_a_line(struct shop *shop)
{
	forge_behind(shop, SOME_LINE);
}

void
forge_the_last_line(struct shop *shop)
{
	forge_behind(shop, last_line(shop) - 1);
}

void
forge_a_line_more(struct shop *shop)
{
	forge_behind(shop, last_line(shop));
}

#define PUT_META(name, key, value)                                  \
	void name(struct shop *shop)                                \
	{                                                           \
		shop_put(shop, TABLE_META, TEXT(key), TEXT(value)); \
	}
PUT_META(change_the_schema, "schema", "other")
PUT_META(put_an_unknown_meta_row, "color", "blue")
PUT_META(put_a_short_mark, "batch", "1")
PUT_META(put_a_short_probe, "probe", "1")
