// SPDX-License-Identifier: BSD-3-Clause
/*
 * Make and agree; see the header. The shared point comes over the wire encrypted.
 */
#include "seal/host_move.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/secret.h"

/* SEC 1, 2.3.3: a point that is not compressed */
#define UNCOMPRESSED 0x04

static void free_point(TPM2B_ECC_POINT **point)
{
	if (*point)
		secret_wipe(*point, sizeof(**point));
	Esys_Free(*point);
}

int host_move_make(struct host *host, const uint8_t auth[SEAL_KEY_SIZE],
		   const TPM2B_DIGEST *policy, struct host_sealed *ret, struct reason *reason)
{
	TPM2B_SENSITIVE_CREATE sensitive = { .sensitive.userAuth.size = SEAL_KEY_SIZE };
	const TPM2B_PUBLIC template = {
		.publicArea = {
			.type = TPM2_ALG_ECC,
			.nameAlg = TPM2_ALG_SHA256,
			.objectAttributes = HOST_MOVE_ATTRIBUTES,
			.authPolicy = *policy,
			.parameters.eccDetail = {
				.symmetric.algorithm = TPM2_ALG_NULL,
				.scheme.scheme = TPM2_ALG_NULL,
				.curveID = TPM2_ECC_NIST_P256,
				.kdf.scheme = TPM2_ALG_NULL,
			},
		},
	};
	int r;

	cursor_copy(sensitive.sensitive.userAuth.buffer, SEAL_KEY_SIZE, auth, SEAL_KEY_SIZE);
	r = host_create(host, &sensitive, &template, "make a key that vTPMs are moved here under",
			ret, reason);
	secret_wipe(&sensitive, sizeof(sensitive));
	return r;
}

/* A TPM leaves zeros before a number out. */
static void put_number(struct cursor_out *out, const TPM2B_ECC_PARAMETER *number)
{
	for (size_t i = number->size; i < SEAL_KEY_SIZE; i++)
		cursor_put_u8(out, 0);
	cursor_put_raw(out, number->buffer, number->size);
}

bool host_move_point(const struct host_sealed *move, uint8_t ret[SEAL_POINT_SIZE])
{
	const TPMS_ECC_POINT *point = &move->public.publicArea.unique.ecc;
	struct cursor_out out = cursor_out(ret, SEAL_POINT_SIZE);

	if (move->public.publicArea.type != TPM2_ALG_ECC)
		return false;
	cursor_put_u8(&out, UNCOMPRESSED);
	put_number(&out, &point->x);
	put_number(&out, &point->y);
	return !out.bad && out.used == SEAL_POINT_SIZE;
}

static bool read_point(const uint8_t bytes[SEAL_POINT_SIZE], TPM2B_ECC_POINT *ret)
{
	struct cursor_in in = cursor_in(bytes, SEAL_POINT_SIZE);
	bool plain = cursor_get_u8(&in) == UNCOMPRESSED;

	*ret = (TPM2B_ECC_POINT){ .point = { .x.size = SEAL_KEY_SIZE, .y.size = SEAL_KEY_SIZE } };
	cursor_get_raw(&in, ret->point.x.buffer, SEAL_KEY_SIZE);
	cursor_get_raw(&in, ret->point.y.buffer, SEAL_KEY_SIZE);
	return plain;
}

static int agree(struct host *host, ESYS_TR key, const struct host_handle *policy,
		 const TPM2B_ECC_POINT *point, uint8_t ret[SEAL_KEY_SIZE], struct reason *reason)
{
	_cleanup_(free_point) TPM2B_ECC_POINT *shared = NULL;
	struct cursor_out out = cursor_out(ret, SEAL_KEY_SIZE);
	TSS2_RC rc;
	int r;

	rc = Esys_PolicyAuthValue(host->esys, policy->tr, ESYS_TR_NONE, ESYS_TR_NONE,
				  ESYS_TR_NONE);
	if (!rc)
		rc = Esys_ECDH_ZGen(host->esys, key, policy->tr, ESYS_TR_NONE, ESYS_TR_NONE, point,
				    &shared);
	switch (host_base_rc(rc)) {
	case TPM2_RC_POLICY_FAIL:
	case TPM2_RC_PCR_CHANGED:
		return 1;
	case TPM2_RC_ECC_POINT:
	case TPM2_RC_NO_RESULT:
		return refuse(reason, -EINVAL, "what was sent was sealed with no point of P-256");
	}
	r = host_failed(host, rc, "agree on a secret", reason);
	if (r)
		return r;
	put_number(&out, &shared->point.x);
	return out.bad ? refuse(reason, -EIO, "the host TPM at %s agreed on no secret of P-256",
				host->tcti) :
			 0;
}

int host_move_agree(struct host *host, const struct host_sealed *move,
		    const uint8_t auth[SEAL_KEY_SIZE], const struct host_handle *policy,
		    const uint8_t point[SEAL_POINT_SIZE], uint8_t ret[SEAL_KEY_SIZE],
		    struct reason *reason)
{
	_cleanup_(host_forget) struct host_handle key = HOST_HANDLE(host);
	TPM2B_ECC_POINT with;
	int r;

	if (!read_point(point, &with))
		return refuse(reason, -EINVAL, "what was sent was sealed with no point of P-256");
	r = host_load_with(host, move, auth, "load the key that vTPMs are moved here under", &key,
			   reason);
	return r ? r : agree(host, key.tr, policy, &with, ret, reason);
}
