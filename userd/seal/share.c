// SPDX-License-Identifier: BSD-3-Clause
/*
 * Derive, encrypt and decrypt; see the header.
 */
#include "seal/share.h"

#include <errno.h>

#include "base/cursor.h"
#include "base/secret.h"
#include "seal/ak.h"

#define SLOT_LABEL     "vtpm slot of two shares"
#define EVIDENCE_LABEL "vtpm evidence before the verifier's share"

/* A key for one text, and its nonce. */
struct share_key {
	uint8_t key[SEAL_KEY_SIZE];
	uint8_t nonce[SEAL_NONCE_SIZE];
};

bool share_is_host(const void *id, size_t length)
{
	const char *text = id;
	size_t good = 0;

	if (length != KEYD_HOST_ID_SIZE)
		return false;
	while (good < length && ((text[good] >= '0' && text[good] <= '9') ||
				 (text[good] >= 'a' && text[good] <= 'f') || text[good] == '-'))
		good++;
	return good == length;
}

static int derive(const struct share *share, struct seal_bytes secret, const char *label,
		  struct share_key *ret)
{
	uint8_t context[KEYD_HOST_ID_SIZE + 4];
	struct cursor_out out = cursor_out(context, sizeof(context));

	cursor_put_raw(&out, share->host, sizeof(share->host));
	cursor_put_u32(&out, share->number);
	return seal_derive(secret, (struct seal_bytes){ 0 }, label,
			   (struct seal_bytes){ context, out.used }, (uint8_t *)ret, sizeof(*ret));
}

static int slot_key(const struct share *share, const uint8_t *tpm, const uint8_t *verifier,
		    struct share_key *ret)
{
	uint8_t both[2 * SEAL_KEY_SIZE];
	struct cursor_out out = cursor_out(both, sizeof(both));
	int r;

	cursor_put_raw(&out, tpm, SEAL_KEY_SIZE);
	cursor_put_raw(&out, verifier, SEAL_KEY_SIZE);
	r = derive(share, (struct seal_bytes){ both, out.used }, SLOT_LABEL, ret);
	secret_wipe(both, sizeof(both));
	return r;
}

static int evidence_key(const struct share *share, const uint8_t *tpm, struct share_key *ret)
{
	return derive(share, (struct seal_bytes){ tpm, SEAL_KEY_SIZE }, EVIDENCE_LABEL, ret);
}

/* @key is wiped, as it is for this text alone. */
static int encrypt(struct share_key *key, int derived, struct seal_bytes text, uint8_t *ret)
{
	const struct seal_bytes none = { 0 };
	int r = derived ? derived : seal_encrypt(key->key, key->nonce, none, text, ret);

	secret_wipe(key, sizeof(*key));
	return r;
}

static int decrypt(struct share_key *key, int derived, struct seal_bytes sealed, uint8_t *ret)
{
	const struct seal_bytes none = { 0 };
	int r = derived ? derived : seal_decrypt(key->key, key->nonce, none, sealed, ret);

	secret_wipe(key, sizeof(*key));
	return r == -EBADMSG ? -EKEYREJECTED : r;
}

int share_make(struct share *share, const uint8_t tpm[SEAL_KEY_SIZE],
	       const uint8_t verifier[SEAL_KEY_SIZE], const uint8_t root[SEAL_KEY_SIZE])
{
	struct hostkey_keys keys = { 0 };
	struct share_key key = { 0 };
	int r;

	r = ak_keys(root, &keys);
	if (!r)
		r = encrypt(&key, evidence_key(share, tpm, &key),
			    (struct seal_bytes){ &keys, sizeof(keys) }, share->evidence);
	secret_wipe(&keys, sizeof(keys));
	return r ? r : encrypt(&key, slot_key(share, tpm, verifier, &key),
			       (struct seal_bytes){ root, SEAL_KEY_SIZE }, share->wrapped);
}

int share_open(const struct share *share, const uint8_t tpm[SEAL_KEY_SIZE],
	       const uint8_t verifier[SEAL_KEY_SIZE], uint8_t ret_root[SEAL_KEY_SIZE])
{
	struct share_key key = { 0 };

	return decrypt(&key, slot_key(share, tpm, verifier, &key),
		       (struct seal_bytes){ share->wrapped, sizeof(share->wrapped) }, ret_root);
}

int share_evidence(const struct share *share, const uint8_t tpm[SEAL_KEY_SIZE],
		   struct hostkey_keys *ret)
{
	struct share_key key = { 0 };

	return decrypt(&key, evidence_key(share, tpm, &key),
		       (struct seal_bytes){ share->evidence, sizeof(share->evidence) },
		       (uint8_t *)ret);
}
