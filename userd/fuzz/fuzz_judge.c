// SPDX-License-Identifier: BSD-3-Clause
/*
 * Fuzz what reads a host's evidence, with the nonce and the key that it wants. What must hold
 * besides memory safety: nothing that a fuzzer finds passes, for it cannot sign, and what
 * failed has a reason that can be told as JSON.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "verifier/judge.h"
#include "verifier/verifier.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* TPM2B_PUBLIC of a P-256 key of no TPM: the base point of the curve. */
static const uint8_t ak[] = {
	0x00, 0x58, 0x00, 0x23, 0x00, 0x0b, 0x00, 0x05, 0x00, 0x72, 0x00, 0x00, 0x00, 0x10, 0x00,
	0x18, 0x00, 0x0b, 0x00, 0x03, 0x00, 0x10, 0x00, 0x20, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c,
	0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d,
	0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x00, 0x20, 0x4f, 0xe3,
	0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b,
	0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
};
static struct judgement judgement;
static struct judge judge;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct hash_part key = { ak, sizeof(ak) };
	json_t *told = json_object();
	uint8_t nonce[CHALLENGE_NONCE] = { 0 };
	struct bundle bundle;
	int r;

	if (!judge.hash && judge_init(&judge, 1u << 20))
		abort();
	judgement_init(&judgement);
	r = bundle_read(&bundle, (const char *)data, size, &judgement.verdict);
	cursor_copy(nonce, sizeof(nonce), bundle.bytes[BUNDLE_NONCE], bundle.length[BUNDLE_NONCE]);
	if ((r ? r != -EBADMSG : judge_evidence(&judge, &bundle, key, nonce, &judgement)) ||
	    judgement.verdict.status != ATTEST_FAILED || !judgement.verdict.count ||
	    judgement.machine.known || verifier_json_verdict(told, &judgement.verdict))
		abort();
	json_decref(told);
	bundle_done(&bundle);
	return 0;
}
