#include "base/digest.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>
#include <zlib.h>

/* Owned, for the life of the process. */
static EVP_MD_CTX *context;
static EVP_MAC_CTX *hmac_sha256_context, *hmac_sha512_context;
static bool is_open; /* between digest_begin() and digest_end() */

static void
start_sha256(void)
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

static void
start_hmac(EVP_MAC_CTX **hmac_context, char *algorithm)
{
	const OSSL_PARAM parameters[] = {
	    OSSL_PARAM_utf8_string(
		OSSL_MAC_PARAM_DIGEST, algorithm, strlen(algorithm)),
	    OSSL_PARAM_END,
	};
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);

	assert(hmac != NULL);
	if (*hmac_context == NULL)
		*hmac_context = EVP_MAC_CTX_new(hmac);
	assert(*hmac_context != NULL);
	int set = EVP_MAC_CTX_set_params(*hmac_context, parameters);
	assert(set == 1);
	EVP_MAC_free(hmac);
}

void
digest_start(void)
{
	char sha256[] = "SHA2-256", sha512[] = "SHA2-512";

	/* Made without memory, it has no lock, and the first fetch crashes. */
	assert(OSSL_LIB_CTX_get0_global_default() != NULL);
	start_sha256();
	start_hmac(&hmac_sha256_context, sha256);
	start_hmac(&hmac_sha512_context, sha512);
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

/* Writes exactly `size` bytes. */
static void
hmac_parts(EVP_MAC_CTX *hmac_context, struct text key, const struct text *parts,
    size_t count, uint8_t *to, size_t size)
{
	size_t length;

	assert(hmac_context != NULL);
	/* NULL would keep the key of the call before. */
	int begun = EVP_MAC_init(hmac_context,
	    (const uint8_t *)(key.length > 0 ? key.bytes : ""), key.length,
	    NULL);
	assert(begun == 1);
	for (size_t i = 0; i < count; i++) {
		int added = EVP_MAC_update(hmac_context,
		    (const uint8_t *)parts[i].bytes, parts[i].length);
		assert(added == 1);
	}
	int ended = EVP_MAC_final(hmac_context, to, &length, size);
	assert(ended == 1);
	assert(length == size);
}

struct digest
hmac_sha256(struct text key, const struct text *parts, size_t count)
{
	struct digest hmac;

	hmac_parts(hmac_sha256_context, key, parts, count, hmac.bytes,
	    sizeof(hmac.bytes));
	return hmac;
}

struct hmac_sha512
hmac_sha512(struct text key, struct text data)
{
	struct hmac_sha512 hmac;

	hmac_parts(
	    hmac_sha512_context, key, &data, 1, hmac.bytes, sizeof(hmac.bytes));
	return hmac;
}

uint32_t
checksum(const void *bytes, size_t length)
{
	/* The crc32() of large lengths; NULL would ask for the start value. */
	return (uint32_t)crc32_z(0, length > 0 ? bytes : "", length);
}

bool
digest_equal(const struct digest *a, const struct digest *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}
