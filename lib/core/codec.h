/*
 * Records as bytes: kind, version, the fields in their fixed order
 * (little-endian; texts with a 4-byte length), and a CRC-32 of all of it.
 */
#ifndef CORE_CODEC_H
#define CORE_CODEC_H

#include "base/buffer.h"
#include "base/text.h"
#include "core/records.h"

/* Appends `record` (a struct of `kind`); overflow as buffer.h says. */
void codec_encode(enum kind kind, const void *record, struct buffer *buffer);

enum codec_result {
	CODEC_OK,
	CODEC_DAMAGED,	       /* length, checksum or a flag is wrong */
	CODEC_UNKNOWN_VERSION, /* written by another version of the program */
	CODEC_OTHER_KIND,
};

/*
 * Fills `record` (a struct of `kind`); its texts are borrowed from `bytes`.
 * Checks everything before it believes anything.
 */
enum codec_result codec_decode(enum kind kind, struct text bytes, void *record)
    __attribute__((warn_unused_result));

/* The kind that encoded bytes say they are; KIND_NONE if they cannot be. */
enum kind codec_kind(struct text bytes);

#endif
