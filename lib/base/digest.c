#include "base/digest.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <zlib.h>

static EVP_MD_CTX *context; /* owned, for the life of the process */
static bool is_open;	    /* between digest_begin() and digest_end() */

void
digest_start(void)
{
	EVP_MD *sha256 = EVP_MD_fetch(NULL, "SHA2-256", NULL);

	assert(sha256 != NULL);
	if (context == NULL)
		context = EVP_MD_CTX_new();
	assert(context != NULL);
	int started = EVP_DigestInit_ex2(context, sha256, NULL);
	assert(started == 1);
	assert(EVP_MD_CTX_get_size(context) == DIGEST_BYTES);
	/* The context holds its own reference. */
	EVP_MD_free(sha256);
}

void
digest_begin(void)
{
	assert(context != NULL);
	assert(!is_open);
	int begun = EVP_DigestInit_ex2(context, NULL, NULL);
	assert(begun == 1);
	is_open = true;
}

void
digest_add(const void *bytes, size_t length)
{
	assert(is_open);
	int added = EVP_DigestUpdate(context, bytes, length);
	assert(added == 1);
}

struct digest
digest_end(void)
{
	struct digest digest;

	assert(is_open);
	int ended = EVP_DigestFinal_ex(context, digest.bytes, NULL);
	assert(ended == 1);
	is_open = false;
	return digest;
}

struct digest
digest_parts(const struct text *parts, size_t count)
{
	digest_begin();
	for (size_t i = 0; i < count; i++)
		digest_add(parts[i].bytes, parts[i].length);
	return digest_end();
}

struct digest
digest_text(struct text text)
{
	return digest_parts(&text, 1);
}

uint32_t
checksum(const void *bytes, size_t length)
{
	/* The crc32() of large lengths; NULL would ask for the start value. */
	return (uint32_t)crc32_z(0, length > 0 ? bytes : "", length);
}
