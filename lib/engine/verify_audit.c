/*
 * What holds of the audit log in the store: its lines stand one behind the
 * other, from the one that is in the file to the last one that was written.
 */
#include "base/bytes.h"
#include "core/audit.h"
#include "engine/verify_work.h"
#include "engine/work.h"

void
verify_audit_state(struct verification *verification, struct text value)
{
	verification->log_seen = true;
	if (!audit_state_parse(value, &verification->log)) {
		verification->log = (struct audit_state){0};
		verify_find(verification, FINDING_AUDIT_STATE, TEXT_NONE);
	}
	verification->line = verification->log.copied;
}

/* Tables are walked in their order: META came before. */
void
verify_audit_line(struct verification *verification, struct text value)
{
	const uint64_t number =
	    bytes_get_be64((const uint8_t *)verification->key.bytes);
	struct digest previous;
	struct audit_link own;

	_Static_assert((int)TABLE_META < (int)TABLE_AUDIT,
	    "where the log has come to is known before its lines are seen");
	switch (audit_read(value, &own, &previous)) {
	case AUDIT_MALFORMED:
		verify_find(verification, FINDING_AUDIT_MALFORMED, TEXT_NONE);
		return;
	case AUDIT_ALTERED:
		verify_find(verification, FINDING_AUDIT_ALTERED, TEXT_NONE);
		break;
	case AUDIT_OK:
		break;
	}
	if (own.sequence != number)
		verify_find(verification, FINDING_AUDIT_NUMBER, TEXT_NONE);
	else if (!audit_follows(&verification->line, &own, &previous))
		verify_find(verification, FINDING_AUDIT_CHAIN, TEXT_NONE);
	verification->line = own;
}

void
verify_audit_end(struct verification *verification)
{
	verification->table = TABLE_META;
	verification->key = AUDIT_KEY;
	/* A store without anything lacks its schema, which has been said. */
	if (verification->summary->records == 0)
		return;
	if (!verification->log_seen)
		verify_find(verification, FINDING_AUDIT_ABSENT, TEXT_NONE);
	else if (!audit_link_equal(
		     &verification->line, &verification->log.head))
		verify_find(verification, FINDING_AUDIT_HEAD, TEXT_NONE);
}
