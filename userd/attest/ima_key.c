// SPDX-License-Identifier: BSD-3-Clause
/*
 * The digest is signed as it is, so libcrypto is given a digest and not the file.
 */
#include "attest/ima_key.h"

#include <string.h>

#include <jansson.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#define KEY_ROOM       1024
#define TYPE_DIGSIG    3
#define TYPE_VERITY    6
#define VERSION_FILE   2
#define VERSION_VERITY 3

/* Kernel, include/uapi/linux/hash_info.h */
static enum attest_bank bank_of(uint8_t algorithm)
{
	switch (algorithm) {
	case 4:
		return ATTEST_SHA256;
	case 5:
		return ATTEST_SHA384;
	case 6:
		return ATTEST_SHA512;
	default:
		return _ATTEST_BANK_MAX;
	}
}

static EVP_PKEY *key_of(const char *text)
{
	uint8_t bytes[KEY_ROOM];
	const uint8_t *at = bytes;
	size_t length = strlen(text), padding = 0;
	EVP_PKEY *key;
	int got;

	while (padding < 2 && padding < length && text[length - 1 - padding] == '=')
		padding++;
	if (!length || length / 4 * 3 > sizeof(bytes))
		return NULL;
	got = EVP_DecodeBlock(bytes, (const uint8_t *)text, (int)length);
	key = got > (int)padding ? d2i_PUBKEY(NULL, &at, got - (int)padding) : NULL;
	ERR_clear_error();
	if (key && !EVP_PKEY_is_a(key, "RSA") && !EVP_PKEY_is_a(key, "EC")) {
		EVP_PKEY_free(key);
		return NULL;
	}
	return key;
}

const char *ima_keys_read(struct ima_keys *keys, const char *text)
{
	const char *wrong = NULL;
	json_t *root, *list, *key;
	json_error_t error;
	size_t i;

	if (!*text)
		return NULL;
	root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	list = json_object_get(root, "pubkeys");
	if (!json_is_array(list) || json_array_size(list) > IMA_KEYS_MAX)
		wrong = "verification-keys has no list of at most 16 keys (pubkeys)";
	json_array_foreach(list, i, key) {
		if (wrong || !json_is_string(key))
			break;
		keys->key[keys->count] = key_of(json_string_value(key));
		if (keys->key[keys->count])
			keys->count++;
		else
			wrong = "verification-keys has a key that is no RSA or EC key in DER";
	}
	if (!wrong && keys->count != json_array_size(list))
		wrong = "verification-keys has a key that is no text";
	json_decref(root);
	return wrong;
}

void ima_keys_done(struct ima_keys *keys)
{
	while (keys->count)
		EVP_PKEY_free(keys->key[--keys->count]);
}

static bool verify(EVP_PKEY *key, enum attest_bank bank, struct cursor_in signature,
		   const uint8_t *digest)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
	bool good = context && EVP_PKEY_verify_init(context) == 1 &&
		    EVP_PKEY_CTX_set_signature_md(
			    context, EVP_get_digestbyname(hash_openssl(bank))) == 1 &&
		    EVP_PKEY_verify(context, signature.at, signature.left, digest,
				    hash_size(bank)) == 1;

	EVP_PKEY_CTX_free(context);
	ERR_clear_error();
	return good;
}

/* What fs-verity's signature is of: struct ima_file_id of the kernel, without its spare bytes. */
static bool digest_of_id(uint8_t type, uint8_t algorithm, enum attest_bank bank,
			 const struct ima_entry *entry, uint8_t ret[ATTEST_DIGEST_MAX])
{
	uint8_t bytes[2 + ATTEST_DIGEST_MAX];
	struct cursor_out out = cursor_out(bytes, sizeof(bytes));

	cursor_put_u8(&out, type);
	cursor_put_u8(&out, algorithm);
	cursor_put_raw(&out, entry->file_digest, entry->file_digest_size);
	return !out.bad && EVP_Digest(bytes, out.used, ret, NULL,
				      EVP_get_digestbyname(hash_openssl(bank)), NULL) == 1;
}

bool ima_keys_signed(const struct ima_keys *keys, const struct ima_entry *entry)
{
	struct cursor_in in = cursor_in(entry->signature, entry->signature_size);
	uint8_t type = cursor_get_u8(&in), version = cursor_get_u8(&in);
	uint8_t algorithm = cursor_get_u8(&in), digest[ATTEST_DIGEST_MAX];
	enum attest_bank bank = bank_of(algorithm);
	size_t size;

	cursor_get_u32(&in);
	size = cursor_get_u16(&in);
	if (in.bad || !size || size != in.left || entry->violation || bank == _ATTEST_BANK_MAX ||
	    bank != hash_by_name(entry->algorithm, strlen(entry->algorithm)) ||
	    entry->file_digest_size != hash_size(bank) || entry->verity != (type == TYPE_VERITY))
		return false;
	if (type == TYPE_DIGSIG && version == VERSION_FILE)
		cursor_copy(digest, sizeof(digest), entry->file_digest, entry->file_digest_size);
	else if (type != TYPE_VERITY || version != VERSION_VERITY ||
		 !digest_of_id(type, algorithm, bank, entry, digest))
		return false;
	for (size_t i = 0; i < keys->count; i++)
		if (verify(keys->key[i], bank, in, digest))
			return true;
	return false;
}
