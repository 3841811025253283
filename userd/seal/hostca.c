// SPDX-License-Identifier: BSD-3-Clause
/*
 * Read, make and use; see the header.
 */
#include "seal/hostca.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/secret.h"

static const struct hostkey_kind kind = {
	.file = "ca",
	.magic = "vtpmhoca",
	.what = "key of the host's CA",
	.file_label = "vtpm host ca file",
	.auth_label = "vtpm host ca auth",
};

static int no_hardware(struct reason *reason)
{
	return refuse(reason, -ENODEV,
		      "no host TPM protects this host, so it has no CA: that takes a host that was "
		      "initialised with hardware");
}

int hostca_policy(const struct root *root, struct tpm2_slot *ret_slot, TPM2B_DIGEST *ret_policy,
		  struct reason *reason)
{
	if (!root_policy(root, ret_slot))
		return no_hardware(reason);
	if (host_ca_policy(&ret_slot->sealed.public.publicArea.authPolicy, ret_policy))
		return refuse(reason, -EIO, "SHA-256 does not work: look at OpenSSL");
	return 0;
}

static bool is_policy(const struct hostkey *key, const TPM2B_DIGEST *policy)
{
	const TPM2B_DIGEST *own = &key->key.public.publicArea.authPolicy;

	return own->size == policy->size && secret_equal(own->buffer, policy->buffer, own->size);
}

int hostca_load_kind(const struct hostkey_kind *of, const struct root *root, struct hostkey *ret,
		     struct reason *reason)
{
	struct tpm2_slot slot = { 0 };
	struct hostkey key = { 0 };
	TPM2B_DIGEST policy;
	int r;

	r = hostca_policy(root, &slot, &policy, reason);
	if (!r)
		r = hostkey_load(of, root->directory, root->host, root->key, &key, reason);
	if (!r && !is_policy(&key, &policy))
		r = 1;
	if (!r)
		*ret = key;
	hostkey_done(&key);
	return r;
}

int hostca_make_kind(const struct hostkey_kind *of, hostca_maker *make, const struct root *root,
		     struct hostkey *ret, struct reason *reason)
{
	struct tpm2_slot slot = { 0 };
	struct hostkey key = { 0 };
	TPM2B_DIGEST policy;
	int r;

	r = hostca_policy(root, &slot, &policy, reason);
	/* for the authValue: what else is there is replaced, if it can be read */
	if (!r)
		r = hostkey_load(of, root->directory, root->host, root->key, &key, reason);
	if (r >= 0)
		r = make(root->host, key.auth, &policy, &key.key, reason);
	if (!r)
		r = hostkey_save(of, root->directory, root->host, root->key, &key, reason);
	if (!r)
		*ret = key;
	hostkey_done(&key);
	return r;
}

int hostca_load(const struct root *root, struct hostkey *ret, struct reason *reason)
{
	return hostca_load_kind(&kind, root, ret, reason);
}

int hostca_make(const struct root *root, struct hostkey *ret, struct reason *reason)
{
	return hostca_make_kind(&kind, host_ca_make, root, ret, reason);
}

int hostca_sign(struct root *root, const struct hostkey *ca, const uint8_t digest[SEAL_HASH_SIZE],
	    uint8_t ret_r[SEAL_HASH_SIZE], uint8_t ret_s[SEAL_HASH_SIZE], struct reason *reason)
{
	_cleanup_(host_flush) struct host_handle policy = HOST_HANDLE(root->host);
	struct tpm2_slot slot = { 0 };
	int r;

	if (!root_policy(root, &slot))
		return no_hardware(reason);
	r = root_enter(root, &slot, &policy, reason);
	if (!r)
		r = host_ca_sign(root->host, &ca->key, ca->auth, &policy, digest, ret_r, ret_s,
				 reason);
	return r == 1 ? host_explain(root->host, &slot.pcrs, reason) : r;
}
