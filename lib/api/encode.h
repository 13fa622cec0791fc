/*
 * Encodes records as JSON, walking the member table of the contract's view.
 */
#ifndef API_ENCODE_H
#define API_ENCODE_H

#include "api/contract.h"
#include "api/json_writer.h"
#include "base/text.h"
#include "core/outcome.h"

/* What the members of one object are written from. */
struct encoding {
	const struct contract *contract; /* borrowed, as all below */
	struct json_writer writer;
	struct text public_url;
	bool live;	     /* the mode of the caller */
	struct text chain;   /* of that mode */
	struct instant now;  /* of the request */
	struct text objects; /* the bundle that the object came in */
	const char *secret;  /* of a key or endpoint just made, else "" */
};

/* Writes the first object of a bundle, with what belongs to it. */
void encode_objects(struct encoding *encoding, struct text objects);
/* Writes one record of a kind that the contract shows (asserted). */
void encode_record(
    struct encoding *encoding, enum kind kind, const void *record);

/*
 * Writes the object of an event as it was when the event was made: with what
 * then belonged to it, at the time that it then was, and without a secret.
 */
void encode_event_object(struct encoding *encoding, const struct event *event);

/* Writes {"error":{...}} of a refusal. */
void encode_error(struct encoding *encoding, const struct error *error);

/* Ways to write a member. */
member_style style_constant; /* member->constant as a string */
member_style style_id;	     /* struct id; null if unset */
member_style style_text;     /* struct text; null if empty */
member_style style_word;     /* enum of member->names; null if none */
member_style style_minor;    /* struct money, as an integer */
member_style style_seconds;  /* struct instant, as Unix seconds; or null */
member_style style_metadata; /* packed metadata, as an object */
member_style style_livemode;
member_style style_true;
member_style style_null;
/* The secret of what was just made; null ever after. */
member_style style_secret;
/* uint32_t with bits 1 << enum event_type, as an array; bit 0: ["*"]. */
member_style style_event_types;
/*
 * enum endpoint_status.  One that waits for the answer to its ping is shown in
 * that ping alone, as what it is about to be.
 */
member_style style_endpoint_status;
/* The object of a struct event as an event's `data` has it: {"object":...}. */
member_style style_event_data;

#endif
