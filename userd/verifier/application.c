// SPDX-License-Identifier: BSD-3-Clause
/*
 * The checks; see the header.
 */
#include "verifier/application.h"

#include <errno.h>
#include <stdlib.h>

#include "attest/certified.h"
#include "attest/signature.h"
#include "attest/statement.h"
#include "base/cleanup.h"

/**
 * struct application - what is shown of the key
 * @wanted: bytes of --app-key; NULL: any key
 * @wanted_length: how many
 * @files: of --msg and --sig; NULL for none
 * @key: public area
 * @message: TPMS_ATTEST
 * @signature: of it
 */
struct application {
	char *wanted;
	size_t wanted_length;
	char *files[2];
	struct hash_part key;
	struct hash_part message;
	struct hash_part signature;
};

static void keyp(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

static int read_file(const char *path, size_t most, char **ret_bytes, struct hash_part *ret,
		     struct attest_verdict *verdict)
{
	size_t length;
	int r = verifier_file_read(path, most, "quote.missing", verdict, ret_bytes, &length);

	if (!r)
		*ret = (struct hash_part){ *ret_bytes, length };
	return r;
}

/* Files are of the key that is asked for: the bundle's may be of another one. */
static int gather(struct application *ret, const struct verifier *verifier,
		  const struct bundle *bundle, struct attest_verdict *verdict)
{
	struct application *app = ret;
	int r = 0;

	app->key = bundle_part(bundle, BUNDLE_APP);
	app->message = bundle_part(bundle, BUNDLE_APP_CERTIFIED);
	app->signature = bundle_part(bundle, BUNDLE_APP_SIGNATURE);
	if (verifier->app_key)
		r = verifier_file_read(verifier->app_key, UINT16_MAX, "app.missing", verdict,
				       &app->wanted, &app->wanted_length);
	if (r || !verifier->app_key || !verifier->message || !verifier->signature)
		return r;
	app->key = (struct hash_part){ app->wanted, app->wanted_length };
	r = read_file(verifier->message, STATEMENT_BYTES_MAX, &app->files[0], &app->message,
		      verdict);
	return r ? r
		 : read_file(verifier->signature, SIGNATURE_BYTES_MAX, &app->files[1],
			     &app->signature, verdict);
}

static bool is_wanted(const struct application *app, const struct public *key)
{
	const struct hash_part wanted = { app->wanted, app->wanted_length };
	_cleanup_(keyp) EVP_PKEY *plain = NULL;
	struct public public;

	if (!app->wanted)
		return true;
	if (public_parse(&public, wanted.at, wanted.length))
		plain = public_key(&public);
	else
		plain = public_plain_key(wanted);
	return plain && public_same(key, plain);
}

/* One of the two keys that the deep quote rests on; the second is proven by a leaf alone */
static bool is_certified(const struct application *app, const struct bundle *bundle,
			 const struct public_name *name)
{
	static const enum bundle_part signers[] = { BUNDLE_AK, BUNDLE_CERTIFIER };

	for (size_t i = 0; i < (bundle->below ? 2 : 1); i++) {
		const struct hash_part bytes = bundle_part(bundle, signers[i]);
		struct public signer;

		if (bytes.at && public_parse(&signer, bytes.at, bytes.length) &&
		    certified_vouches(&signer, app->message, app->signature, name))
			return true;
	}
	return false;
}

static bool is_fixed(const struct public *key)
{
	const uint32_t wanted =
		TPMA_OBJECT_FIXED_TPM | TPMA_OBJECT_FIXED_PARENT | TPMA_OBJECT_ORIGIN;

	return (key->attributes & wanted) == wanted;
}

static void fail(struct attest_verdict *verdict, const char *code, const char *next,
		 const char *text)
{
	attest_verdict_say(verdict, ATTEST_FAILED, code, next, "%s", text);
}

static int judge(struct public_name *ret, const struct application *app,
		 const struct bundle *bundle, struct hash *hash, struct attest_verdict *verdict)
{
	struct public_name name;
	struct public key;

	if (!public_parse(&key, app->key.at, app->key.length))
		return attest_verdict_malformed(verdict, "app.invalid", 0, 0,
						"the application key is no TPM2B_PUBLIC or "
						"TPMT_PUBLIC of a key that is known");
	public_name(&key, hash, &name);
	if (!is_wanted(app, &key))
		fail(verdict, "app.key", "ask for evidence of the key that you were shown",
		     "the application key is another one than --app-key");
	else if (!is_certified(app, bundle, &name))
		fail(verdict, "app.certify",
		     "have the vTPM's attestation key certify it again, by TPM2_Certify",
		     "no key of this vTPM certified the application key");
	else if (!is_fixed(&key))
		fail(verdict, "app.movable",
		     "make a key with fixedTPM, fixedParent and sensitiveDataOrigin",
		     "the application key may be elsewhere as well: it may leave its TPM, or came "
		     "from outside");
	else
		*ret = name;
	return 0;
}

int application_check(struct public_name *ret, const struct verifier *verifier,
		      const struct bundle *bundle, struct hash *hash,
		      struct attest_verdict *verdict)
{
	struct application app = { 0 };
	int r = gather(&app, verifier, bundle, verdict);

	*ret = (struct public_name){ 0 };
	if (!r && app.key.at)
		r = judge(ret, &app, bundle, hash, verdict);
	else if (!r && app.wanted)
		attest_verdict_say(verdict, ATTEST_UNKNOWN, "app.missing",
				   "give what the TPM said of it (--msg) and the signature (--sig), "
				   "or have them put into the bundle",
				   "nothing says that the application key is in this vTPM");
	free(app.wanted);
	free(app.files[0]);
	free(app.files[1]);
	return r;
}
