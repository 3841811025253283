/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A sealed box: anybody who has a public key can fill it, only who has the private
 * one can open it.
 *
 *	box	version u8 | ephemeral public key (65) | ciphertext | tag (16)
 *
 * The sender makes a key pair for this box alone, agrees with the recipient's public
 * key on a secret (ECDH, P-256), and derives key and nonce from it by HKDF-SHA256
 * with both public keys as salt and the label as info; the text is encrypted with
 * AES-256-GCM. So a box never says who filled it, a label of one use is worthless in
 * another, and who steals the sender's memory later cannot open the box.
 */
#ifndef SEAL_BOX_H
#define SEAL_BOX_H

#include "seal/crypto.h"

#define BOX_VERSION  1
#define BOX_OVERHEAD (1 + SEAL_POINT_SIZE + SEAL_TAG_SIZE)

/** define BOX_TEXT_MAX - largest text, in bytes: its box fits KEYD_BOX_MAX */
#define BOX_TEXT_MAX 512

/* What a box is for; each text has one of these and no other box is taken for it. */
#define BOX_RECOVERY  "vtpm recovery slot"
#define BOX_ROOT      "vtpm host root key"
#define BOX_OWNER     "vtpm host TPM owner password"
#define BOX_MIGRATION "vtpm migration key"
#define BOX_MOVE      "vtpm data key on its way"
#define BOX_SHARE     "vtpm verifier share"

/**
 * box_close() - fill a box
 * @point: public key of the recipient
 * @label: what it is for, one of the above
 * @aad: what the recipient must know besides, may be empty
 * @text: at most BOX_TEXT_MAX bytes
 * @ret: room for BOX_OVERHEAD bytes more than @text has
 *
 * Return: 0; -EINVAL (@point is no point of the curve); -EMSGSIZE; -EIO.
 */
int box_close(const uint8_t point[SEAL_POINT_SIZE], const char *label, struct seal_bytes aad,
	      struct seal_bytes text, uint8_t *ret);

/**
 * box_open() - open one
 * @scalar: private key of the recipient
 * @label: what it must be for
 * @aad: as at box_close()
 * @box: the box
 * @ret: room for @room bytes; wiped on failure; the caller wipes it after use
 * @room: how many
 * @ret_length: bytes of the text, set on success
 *
 * Return: 0; -EBADMSG (it is no box, of another version, for another key, label or aad, or
 * changed); -EMSGSIZE (text larger than @room); -EINVAL (@scalar is none); -EIO.
 */
int box_open(const uint8_t scalar[SEAL_SCALAR_SIZE], const char *label, struct seal_bytes aad,
	     struct seal_bytes box, uint8_t *ret, size_t room, size_t *ret_length);

/**
 * struct box_agreed - what who has the private half in a TPM opens a box with
 * @point: its public half
 * @shared: x of the point agreed on with box_sender(); the caller wipes it
 */
struct box_agreed {
	uint8_t point[SEAL_POINT_SIZE];
	uint8_t shared[SEAL_KEY_SIZE];
};

/** box_sender() - the ephemeral public key of a box. Return: 0; -EBADMSG (it is no box) */
int box_sender(struct seal_bytes box, uint8_t ret[SEAL_POINT_SIZE]);

/** box_open_agreed() - box_open(), where somebody else has agreed. Return: as box_open() */
int box_open_agreed(const struct box_agreed *agreed, const char *label, struct seal_bytes aad,
		    struct seal_bytes box, uint8_t *ret, size_t room, size_t *ret_length);

#endif /* SEAL_BOX_H */
