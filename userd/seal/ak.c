// SPDX-License-Identifier: BSD-3-Clause
/*
 * Read or make; see the header.
 */
#include "seal/ak.h"

#include <errno.h>

static const struct hostkey_kind kind = {
	.file = "ak",
	.magic = "vtpmakey",
	.what = "attestation key",
	.file_label = "vtpm ak file",
	.auth_label = "vtpm ak auth",
};

int ak_keys(const uint8_t root[SEAL_KEY_SIZE], struct hostkey_keys *ret)
{
	return hostkey_derive(&kind, root, ret);
}

int ak_load(int directory, struct host *host, const struct hostkey_keys *keys,
	    struct hostkey *ret, struct reason *reason)
{
	struct hostkey ak = { 0 };
	int r = hostkey_load_with(&kind, directory, host, keys, &ak, reason);

	if (r == 1)
		r = refuse(reason, -ENOENT,
			   "keys/ak has no attestation key of this host TPM, and none can be made "
			   "before the host root key is open: put a copy of it back, or unlock "
			   "with the recovery code");
	if (!r)
		*ret = ak;
	hostkey_done(&ak);
	return r;
}

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
