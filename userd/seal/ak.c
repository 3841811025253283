// SPDX-License-Identifier: BSD-3-Clause
/*
 * Read or make; see the header.
 */
#include "seal/ak.h"

static const struct hostkey_kind kind = {
	.file = "ak",
	.magic = "vtpmakey",
	.what = "attestation key",
	.file_label = "vtpm ak file",
	.auth_label = "vtpm ak auth",
};

int ak_get(int directory, struct host *host, const uint8_t root[SEAL_KEY_SIZE],
	   struct hostkey *ret, bool *ret_new, struct reason *reason)
{
	struct hostkey ak = { 0 };
	int found = hostkey_load(&kind, directory, host, root, &ak, reason), r = found;

	if (found == 1)
		r = host_ak_make(host, ak.auth, &ak.key, reason);
	if (!r && found == 1)
		r = hostkey_save(&kind, directory, host, root, &ak, reason);
	if (!r) {
		*ret = ak;
		*ret_new = found == 1;
	}
	hostkey_done(&ak);
	return r;
}
