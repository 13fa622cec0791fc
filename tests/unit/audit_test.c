/*
 * The lines of the audit log: written, read, and what is none; and how the
 * store forgets them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/audit.h"
#include "till.h"

static const struct instant noon = {INT64_C(1767355200123456)};

#define FIRST                                                            \
	"seq=1 time=2026-01-02T12:00:00.123Z who=me what=x number=-5 "   \
	"previous=00000000000000000000000000000000000000000000000000000" \
	"00000000000"

static struct text
write_line(struct audit_line *line, struct audit_link *link)
{
	audit_begin(line, link, noon);
	audit_put_word(line, TEXT("who"), TEXT("me"));
	audit_put_word(line, TEXT("what"), TEXT("x"));
	audit_put_word(line, TEXT("left_out"), TEXT(""));
	audit_put_id(line, TEXT("left_out"), "pi_", ID_NONE);
	audit_put_number(line, TEXT("number"), -5);
	return audit_end(line, link);
}

static void
a_line_has_its_members_and_its_hash(void **state)
{
	struct digest digest = digest_text(TEXT(FIRST));
	struct audit_link link = {0};
	struct audit_line line;
	struct text text;

	(void)state;
	text = write_line(&line, &link);
	assert_true(text_starts(text, TEXT(FIRST " hash=")));
	assert_int_equal(text.length, strlen(FIRST) + 6 + 64);
	assert_int_equal(link.sequence, 1);
	assert_memory_equal(&link.hash, &digest, sizeof(digest));
}

static void
words_cannot_end_a_member_or_a_line(void **state)
{
	struct audit_link link = {0};
	struct audit_line line;
	char word[2 * AUDIT_WORD_BYTES_MAX];
	struct text text;

	(void)state;
	memset(word, '\n', sizeof(word));
	audit_begin(&line, &link, noon);
	audit_put_word(&line, TEXT("a"), TEXT("b c=\"d\"%\n\x7f\xc3\xa9"));
	audit_put_word(&line, TEXT("long"), (struct text){word, sizeof(word)});
	text = audit_end(&line, &link);
	assert_non_null(memmem(
	    text.bytes, text.length, " a=b%20c%3d%22d%22%25%0a%7f%c3%a9 ", 34));
	assert_true(text.length < 1200);
}

static void
lines_are_read_and_follow_each_other(void **state)
{
	struct audit_link first = {0};
	struct audit_link second;
	struct audit_link own;
	struct audit_line line;
	struct digest previous;
	struct text text;

	(void)state;
	text = write_line(&line, &first);
	assert_int_equal(audit_read(text, &own, &previous), AUDIT_OK);
	assert_true(audit_link_equal(&own, &first));
	assert_true(audit_follows(&(struct audit_link){0}, &own, &previous));
	second = first;
	text = write_line(&line, &second);
	assert_int_equal(audit_read(text, &own, &previous), AUDIT_OK);
	assert_true(audit_link_equal(&own, &second));
	assert_true(audit_follows(&first, &own, &previous));
	assert_false(audit_follows(&second, &own, &previous));
	first.hash.bytes[31] ^= 1;
	assert_false(audit_follows(&first, &own, &previous));
}

/* Whatever byte is changed, cut off or added. */
static void
any_other_line_is_refused(void **state)
{
	struct audit_link link = {0};
	struct audit_link own;
	struct audit_line line;
	struct digest previous;
	struct text text;

	(void)state;
	text = write_line(&line, &link);
	for (size_t i = 0; i < text.length; i++) {
		line.bytes[i] ^= 1;
		assert_int_not_equal(
		    audit_read(text, &own, &previous), AUDIT_OK);
		line.bytes[i] ^= 1;
		assert_int_not_equal(
		    audit_read((struct text){text.bytes, i}, &own, &previous),
		    AUDIT_OK);
	}
	line.bytes[text.length] = ' ';
	text.length++;
	assert_int_equal(audit_read(text, &own, &previous), AUDIT_MALFORMED);
	assert_int_equal(
	    audit_read(TEXT(""), &own, &previous), AUDIT_MALFORMED);
}

static void
members_are_taken_one_by_one(void **state)
{
	struct text rest = TEXT("seq=1 who=me hash=00");
	struct text name;
	struct text word;

	(void)state;
	assert_true(audit_next(&rest, &name, &word));
	assert_true(text_equal(name, TEXT("seq")));
	assert_true(audit_next(&rest, &name, &word));
	assert_true(text_equal(word, TEXT("me")));
	assert_true(audit_next(&rest, &name, &word));
	assert_true(text_equal(name, TEXT("hash")));
	assert_false(audit_next(&rest, &name, &word));
}

/* -- In the store ---------------------------------------------------------- */

struct last {
	struct audit_link link;
	unsigned count;
};

static bool
see_line(uint64_t sequence, struct text line, void *context)
{
	struct last *last = context;
	struct digest previous;

	assert_int_equal(audit_read(line, &last->link, &previous), AUDIT_OK);
	assert_int_equal(last->link.sequence, sequence);
	last->count++;
	return true;
}

static struct last
stored(struct engine *engine)
{
	struct last last = {.count = 0};

	assert_int_equal(
	    engine_audit_lines(engine, 1, see_line, &last), STORE_OK);
	return last;
}

static enum error_id
forget(struct till *till, const struct audit_link *link)
{
	static struct command command;
	static struct outcome outcome;

	engine_audit_forget(link, till->now, &command);
	engine_apply(till->engine, &command, &outcome);
	return outcome.error.id;
}

static void
the_store_forgets_what_it_is_told_and_no_other_line(void **state)
{
	struct till *till = *state;
	struct last last;
	struct audit_link other;
	struct audit_state log;

	assert_int_equal(engine_audit_note(till->engine, till->now,
			     TEXT("store_backup"), TEXT("/a b")),
	    ERROR_NONE);
	last = stored(till->engine);
	assert_true(last.count > 1);
	other = last.link;
	other.hash.bytes[0] ^= 1;
	assert_int_equal(forget(till, &other), ERROR_INTERNAL_ERROR);
	other = last.link;
	other.sequence++;
	assert_int_equal(forget(till, &other), ERROR_INTERNAL_ERROR);
	assert_int_equal(stored(till->engine).count, last.count);
	assert_int_equal(forget(till, &last.link), ERROR_NONE);
	assert_int_equal(stored(till->engine).count, 0);
	assert_int_equal(forget(till, &last.link), ERROR_NONE);
	assert_int_equal(
	    engine_audit_note(till->engine, till->now, TEXT("x"), TEXT("")),
	    ERROR_NONE);
	assert_int_equal(engine_audit_state(till->engine, &log), STORE_OK);
	assert_true(audit_link_equal(&log.copied, &last.link));
	assert_int_equal(log.head.sequence, last.link.sequence + 1);
	assert_int_equal(stored(till->engine).count, 1);
}

static void
no_more_are_forgotten_at_once_than_a_commit_takes(void **state)
{
	struct till *till = *state;
	struct last last;

	for (unsigned i = 0; i < AUDIT_FORGOTTEN_MAX; i++)
		assert_int_equal(engine_audit_note(till->engine, till->now,
				     TEXT("x"), TEXT("")),
		    ERROR_NONE);
	last = stored(till->engine);
	assert_true(last.count > AUDIT_FORGOTTEN_MAX);
	assert_int_equal(forget(till, &last.link), ERROR_INTERNAL_ERROR);
	assert_int_equal(stored(till->engine).count, last.count);
}

static int
start(void **state)
{
	(void)state;
	digest_start();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_line_has_its_members_and_its_hash),
	    cmocka_unit_test(words_cannot_end_a_member_or_a_line),
	    cmocka_unit_test(lines_are_read_and_follow_each_other),
	    cmocka_unit_test(any_other_line_is_refused),
	    cmocka_unit_test(members_are_taken_one_by_one),
	    TILL_TEST(the_store_forgets_what_it_is_told_and_no_other_line),
	    TILL_TEST(no_more_are_forgotten_at_once_than_a_commit_takes),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
