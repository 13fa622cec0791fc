/*
 * What a setting that is a text has to be.
 */
#ifndef APP_SETTINGS_RULES_H
#define APP_SETTINGS_RULES_H

#include "base/text.h"

enum text_rule {
	RULE_ANY,
	RULE_PATH,
	RULE_FILE, /* a path, or empty */
	RULE_SOCKET,
	RULE_MODE,
	RULE_STATUS,
	RULE_URL,
	RULE_WORD,
	RULE_ADDRESS,
	RULE_LOG,
	RULE_LOG_OR_NONE,
	RULE_PORTS,
	RULE_HEADER,
	RULE_COUNT
};

/*
 * NULL where `value` is what the rule wants; else what is wrong with it, to
 * stand behind the quoted value.  Static.
 */
const char *text_rule_broken(enum text_rule rule, struct text value);

#endif
