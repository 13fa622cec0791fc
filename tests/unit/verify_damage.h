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

#endif
