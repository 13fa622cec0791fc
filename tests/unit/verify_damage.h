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

#endif
