/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A verifier's share on its way to one vtpm-keyd on one host, during one life of that process.
 *
 *	secret	32 random bytes, for a credential (TPM2_MakeCredential): opens in the TPM of the
 *		endorsement key alone, and only while it has that attestation key
 *	box	share XOR secret, in a box (seal/box.h) to keyd's session key
 *
 * It takes both. A credential alone could be kept, and opened by the same TPM in a later boot that
 * nobody judged; a session key ends with its process. keyd's is in the frame of the quote
 * that was judged, as x of a point with an even y (wire/host_quote.h), so nobody puts another
 * one there.
 */
#ifndef SEAL_RELEASE_H
#define SEAL_RELEASE_H

#include "seal/box.h"
#include "wire/ipc_keyd.h"

/** define RELEASE_BOX_SIZE - a box with half of a share */
#define RELEASE_BOX_SIZE (BOX_OVERHEAD + SEAL_KEY_SIZE)

/**
 * release_make() - the verifier's side
 * @share: what is given out
 * @x: of keyd's session key
 * @host: id of the host, KEYD_HOST_ID_SIZE bytes
 * @ret_secret: for the credential; the caller wipes it
 * @ret_box: the other half
 *
 * Return: 0; -EINVAL (there is no point with this @x); -EIO.
 */
int release_make(const uint8_t share[SEAL_KEY_SIZE], const uint8_t x[SEAL_X_SIZE],
		 const void *host, uint8_t ret_secret[SEAL_KEY_SIZE],
		 uint8_t ret_box[RELEASE_BOX_SIZE]);

/**
 * release_half() - keyd's side: open the box, which takes no TPM
 * @scalar: private half of the session key
 * @ret_half: set on success; the caller wipes it
 *
 * Return: 0; -EBADMSG (for another session key or host, or changed); -EIO.
 */
int release_half(const uint8_t scalar[SEAL_SCALAR_SIZE], const void *host, struct seal_bytes box,
		 uint8_t ret_half[SEAL_KEY_SIZE]);

/**
 * release_take() - and then put both together
 * @half: of release_half()
 * @secret: that was in the credential, SEAL_KEY_SIZE bytes
 * @ret_share: the caller wipes it
 */
void release_take(const uint8_t half[SEAL_KEY_SIZE], const uint8_t *secret,
		  uint8_t ret_share[SEAL_KEY_SIZE]);

#endif /* SEAL_RELEASE_H */
