/*
 * Damage to the shop's store, behind the engine's back, and what a
 * verification must say of it.
 */
#ifndef UNIT_VERIFY_DAMAGE_H
#define UNIT_VERIFY_DAMAGE_H

#include "engine/verify.h"
#include "verify_shop.h"

struct damage {
	const char *name;
	void (*apply)(struct shop *shop);
	enum finding_id finding;
	enum table table;
	const char *detail; /* "": none */
};

extern const struct damage damages[];
extern const size_t damage_count;

/* verify_damage_log.c, as verify_damage.def has it. */
typedef void damage_function(struct shop *shop);
damage_function change_the_schema, put_an_unknown_meta_row;
damage_function put_a_short_mark, put_a_short_probe;
damage_function delete_the_state_of_the_log, shorten_the_state_of_the_log;
damage_function put_words_into_the_log, alter_a_line, repeat_a_line;
damage_function delete_a_line, delete_the_last_line, forge_a_line;
damage_function forge_the_last_line, forge_a_line_more;

/* verify_damage_webhooks.c, likewise. */
damage_function delivery_in_no_state, delivery_of_another_event;
damage_function delivery_to_another_endpoint, delivery_with_nothing_left;
damage_function delivery_that_is_never_due, delivery_that_was_held_at_its_end;
damage_function delivery_that_ended_and_is_due, delivery_without_event;
damage_function delivery_of_more_attempts, delivery_of_less_attempts;
damage_function cut_a_delivery_key, delivery_in_another_mode;
damage_function delete_a_delivery, delete_from_the_queue;
damage_function queue_in_another_mode, queue_twice, queue_nowhere;
damage_function cut_a_key_of_the_queue, attempt_without_result;
damage_function attempt_with_another_number, attempt_at_another_endpoint;
damage_function attempt_with_a_broken_answer, attempt_number_zero;
damage_function delete_an_attempt;

#endif
