// SPDX-License-Identifier: BSD-3-Clause
/*
 * Key and chain, and the time that signatures take of the host TPM; see the header.
 */
#include "keyd/ca.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <tss2/tss2_mu.h>

#include "base/log.h"
#include "keyd/orders.h"
#include "keyd/subject.h"
#include "seal/keyfile.h"

void ca_done(struct ca *ca)
{
	hostkey_done(&ca->key);
	EVP_PKEY_free(ca->public);
	authority_done(&ca->authority);
}

uint64_t ca_clock_usec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static int sign(void *context, const uint8_t *digest, uint8_t *ret_r, uint8_t *ret_s)
{
	struct ca *ca = context;
	uint64_t before = ca_clock_usec();
	int r = hostca_sign(&ca->keyd->root, &ca->key, digest, ret_r, ret_s, ca->reason);

	duty_use(&ca->keyd->duty, ca_clock_usec() - before);
	return r;
}

static EVP_PKEY *key_of(const struct host_sealed *sealed)
{
	uint8_t area[sizeof(TPMT_PUBLIC)];
	size_t length = 0;

	if (Tss2_MU_TPMT_PUBLIC_Marshal(&sealed->public.publicArea, area, sizeof(area), &length))
		return NULL;
	return subject_key((struct seal_bytes){ area, length });
}

int ca_get(struct keyd *keyd, bool make, bool anew, struct ca *ret, struct reason *reason)
{
	int r = keyd_locked(keyd, reason);

	/* where no host TPM protects the host there is none, and never will be */
	if (!r && !make && root_protection(&keyd->root) != KEYD_PROTECTION_TPM)
		return 1;
	*ret = (struct ca){ .keyd = keyd, .reason = reason };
	ret->signer = (struct signer){ sign, ret };
	if (!r)
		r = anew ? 1 : hostca_load(&keyd->root, &ret->key, reason);
	if (r == 1 && make) {
		r = hostca_make(&keyd->root, &ret->key, reason);
		if (!r)
			log_line("security: made a key for the host's CA");
	}
	if (r)
		return r;
	ret->public = key_of(&ret->key.key);
	return ret->public ?
		       0 :
		       refuse(reason, -EIO, "OpenSSL does not know the key of the host's CA");
}

int ca_get_chain(struct ca *ca)
{
	uint8_t bytes[KEYD_CHAIN_MAX];
	ssize_t n = keyfile_load(ca->keyd->root.directory, CA_CHAIN_FILE, bytes, sizeof(bytes));
	int r;

	if (n == -ENOENT)
		return 1;
	if (n < 0)
		return refuse(ca->reason, (int)n, "keys/" CA_CHAIN_FILE " cannot be read: %s",
			      strerror((int)-n));
	r = authority_read(bytes, (size_t)n, &ca->authority);
	if (!r)
		r = authority_check(&ca->authority, ca->public);
	if (r == -ETIME)
		return refuse(ca->reason, r,
			      "a certificate of the host's CA is out of date: enrol the host again, "
			      "or import another one with vtpmctl ca import");
	/* of a former key, or damaged: either way it is had from where it came from */
	return r ? 1 : 0;
}
