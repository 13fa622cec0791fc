/*
 * How rows of a contract's tables are written: initializers that are
 * constants, for the files that define a contract and for nobody else.
 */
#ifndef API_TABLES_H
#define API_TABLES_H

#include <stddef.h>

#include "api/contract.h"
#include "api/decode.h"
#include "api/encode.h"
#include "api/rules.h"
#include "base/limits.h"

/* The one version of both contracts: of events, and of X-API-Version. */
#define API_VERSION "2026-04-01"

#define WORD(word)                     \
	{                              \
		word, sizeof(word) - 1 \
	}

/* Fields: where a parameter goes, and what it must be. */
#define TARGET(member) .offset = offsetof(struct command, member)
#define MUST(words) .must = WORD(words)
#define FIELDS_OF_PAGE(of_kind)                                    \
	{.name = WORD("limit"),                                    \
	    .rule = rule_limit,                                    \
	    TARGET(limit),                                         \
	    .minimum = 1,                                          \
	    .maximum = LIST_LIMIT_MAX,                             \
	    MUST("must be an integer from 1 to 100")},             \
	    {.name = WORD("starting_after"),                       \
		.rule = rule_id,                                   \
		TARGET(starting_after),                            \
		.kind = of_kind,                                   \
		MUST("must be the id of an object of this list")}, \
	{                                                          \
		.name = WORD("ending_before"), .rule = rule_id,    \
		TARGET(ending_before), .kind = of_kind,            \
		MUST("must be the id of an object of this list")   \
	}

/* Routes. */
#define FIELDS(table) \
	.fields = table, .field_count = sizeof(table) / sizeof(table[0])
#define ROUTE(its_method, path, its_command, its_kind, its_permission, ...)  \
	{                                                                    \
		.method = WORD(its_method), .pattern = WORD(path),           \
		.command = COMMAND_##its_command, .object = KIND_##its_kind, \
		.permission = PERMISSION_##its_permission, __VA_ARGS__       \
	}

/* Members: of a record's field, or made by their style alone. */
#define AT(record, field) .offset = offsetof(struct record, field)
#define OBJECT(type)                                             \
	{                                                        \
		.name = WORD("object"), .style = style_constant, \
		.constant = WORD(type)                           \
	}
#define CONSTANT(member, word)                                 \
	{                                                      \
		.name = WORD(member), .style = style_constant, \
		.constant = WORD(word)                         \
	}
#define ID(record, member, field, its_kind)                                 \
	{                                                                   \
		.name = WORD(member), .style = style_id, AT(record, field), \
		.kind = KIND_##its_kind                                     \
	}
#define SHOW(record, member, field, its_style)                              \
	{                                                                   \
		.name = WORD(member), .style = its_style, AT(record, field) \
	}
#define WORDS(record, member, field, its_names)                               \
	{                                                                     \
		.name = WORD(member), .style = style_word, AT(record, field), \
		.names = &its_names                                           \
	}
#define MADE(member, its_style)                          \
	{                                                \
		.name = WORD(member), .style = its_style \
	}

#endif
