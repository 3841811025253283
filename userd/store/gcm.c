// SPDX-License-Identifier: BSD-3-Clause
/*
 * OpenSSL's EVP, used sparingly: naming the cipher again would fetch it again, and
 * giving the key again would expand it again.
 */
#include "store/gcm.h"

#include <errno.h>
#include <openssl/evp.h>

#include "base/cursor.h"
#include "base/secret.h"

int gcm_init(struct gcm *gcm, const uint8_t key[GCM_KEY_SIZE])
{
	*gcm = (struct gcm){ .context = EVP_CIPHER_CTX_new() };
	if (!gcm->context)
		return -ENOMEM;
	cursor_copy(gcm->key, sizeof(gcm->key), key, GCM_KEY_SIZE);
	if (!EVP_CipherInit_ex(gcm->context, EVP_aes_256_gcm(), NULL, NULL, NULL, 1))
		return -ENOMEM;
	return 0;
}

void gcm_done(struct gcm *gcm)
{
	EVP_CIPHER_CTX_free(gcm->context);
	secret_wipe(gcm, sizeof(*gcm));
}

void gcm_nonce(uint8_t ret[GCM_NONCE_SIZE], uint64_t number)
{
	struct cursor_out out = cursor_out(ret, GCM_NONCE_SIZE);

	cursor_put_u32(&out, 0);
	cursor_put_u64(&out, number);
}

static int begin(struct gcm *gcm, bool sealing, const uint8_t *nonce, const void *aad,
		 size_t aad_length)
{
	const uint8_t *key = gcm->keyed && gcm->sealing == sealing ? NULL : gcm->key;
	int n;

	gcm->keyed = false;
	if (!EVP_CipherInit_ex(gcm->context, NULL, NULL, key, nonce, sealing) ||
	    !EVP_CipherUpdate(gcm->context, NULL, &n, aad, (int)aad_length))
		return -ENOMEM;
	gcm->keyed = true;
	gcm->sealing = sealing;
	return 0;
}

static int update(struct gcm *gcm, const struct gcm_part *parts, unsigned int count)
{
	int n;

	for (unsigned int i = 0; i < count; i++) {
		if (parts[i].length && !EVP_CipherUpdate(gcm->context, parts[i].to, &n,
							 parts[i].from, (int)parts[i].length))
			return -ENOMEM;
	}
	return 0;
}

int gcm_seal(struct gcm *gcm, const uint8_t nonce[GCM_NONCE_SIZE], const void *aad,
	     size_t aad_length, const struct gcm_part *parts, unsigned int count,
	     uint8_t ret_tag[GCM_TAG_SIZE])
{
	uint8_t none[EVP_MAX_BLOCK_LENGTH];
	int r, n;

	r = begin(gcm, true, nonce, aad, aad_length);
	if (!r)
		r = update(gcm, parts, count);
	if (r)
		return r;
	if (!EVP_CipherFinal_ex(gcm->context, none, &n) ||
	    !EVP_CIPHER_CTX_ctrl(gcm->context, EVP_CTRL_AEAD_GET_TAG, GCM_TAG_SIZE, ret_tag))
		return -ENOMEM;
	return 0;
}

int gcm_open(struct gcm *gcm, const uint8_t nonce[GCM_NONCE_SIZE], const void *aad,
	     size_t aad_length, const struct gcm_part *parts, unsigned int count,
	     const uint8_t tag[GCM_TAG_SIZE])
{
	uint8_t none[EVP_MAX_BLOCK_LENGTH];
	int r, n;

	r = begin(gcm, false, nonce, aad, aad_length);
	if (!r)
		r = update(gcm, parts, count);
	if (!r && !EVP_CIPHER_CTX_ctrl(gcm->context, EVP_CTRL_AEAD_SET_TAG, GCM_TAG_SIZE,
				       (void *)(uintptr_t)tag))
		r = -ENOMEM;
	if (!r && !EVP_CipherFinal_ex(gcm->context, none, &n))
		r = -EBADMSG;
	for (unsigned int i = 0; r && i < count; i++)
		secret_wipe(parts[i].to, parts[i].length);
	return r;
}
