/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who may be sent a vTPM, and who sent one: hosts of one fleet know each other by chains.
 *
 *	fleet CA		the last certificate of either host's own chain
 *	└─ host CA		OU "vtpm host CA", its common name is the host
 *	   └─ key for moves	EKU 2.25.234154514149103825029607055028273811396.3, critical
 *
 * A chain begins with what it is shown for: the key, or the CA of the host that signed. It counts
 * where it ends in the very certificate that ends the own one. A host whose CA is its own root
 * has no fleet, and moves nothing.
 */
#ifndef CERT_TRANSIT_H
#define CERT_TRANSIT_H

#include "cert/authority.h"
#include "cert/binding.h"
#include "cert/cert.h"

/** define TRANSIT_OID - purpose of a key that vTPMs are sealed to on their way */
#define TRANSIT_OID BINDING_ARC ".3"

/** define TRANSIT_UNIT - organizational unit in the subject of such a key */
#define TRANSIT_UNIT "vtpm move key"

/** define TRANSIT_POINT - uncompressed P-256 point (SEC 1, 2.3.3) */
#define TRANSIT_POINT KEYD_POINT_SIZE

/** define TRANSIT_SIGNATURE - r and s of ECDSA on P-256 */
#define TRANSIT_SIGNATURE (2 * SIGNER_NUMBER)

/**
 * transit_issue() - certify this host's key
 * @issuer: the host's CA
 * @key: it
 * @until: last second it is good, at most as long as the CA
 * @ret: DER
 * @ret_length: bytes of it
 *
 * Return: 0; -EINVAL (the CA has no name, or ends before it began); -EIO (OpenSSL); -EMSGSIZE;
 * -errno of the signer.
 */
int transit_issue(const struct cert_issuer *issuer, EVP_PKEY *key, time_t until,
		  uint8_t ret[CERT_DER_MAX], size_t *ret_length);

/**
 * struct transit - another host
 * @host: its name at the fleet's CA
 * @point: the key it is sent vTPMs under
 */
struct transit {
	char host[KEYD_CA_NAME_MAX];
	uint8_t point[TRANSIT_POINT];
};

/**
 * transit_check() - may a vTPM be sent to this key?
 * @chain: its certificate first
 * @own: chain of this host's CA, checked
 * @ret: set on success
 *
 * Return: 0; -EBADMSG (there is no CA above it, or it is no key of P-256); -EPERM (it is for
 * something else, or one above it is no CA of a host or may not certify); -EBADE (one is not
 * signed by the next); -ETIME (one is out of date); -EXDEV (of another fleet, or of none);
 * -EEXIST (it is this host).
 */
int transit_check(const struct authority *chain, const struct authority *own,
		  struct transit *ret);

/**
 * transit_signed() - did a host of this fleet sign this digest?
 * @chain: of its CA
 * @own: chain of this host's CA, checked
 * @digest: SHA-256
 * @signature: r and s
 * @ret_host: its name at the fleet's CA
 *
 * Return: as transit_check(); -EKEYREJECTED (it did not).
 */
int transit_signed(const struct authority *chain, const struct authority *own,
		   const uint8_t digest[SIGNER_NUMBER], const uint8_t signature[TRANSIT_SIGNATURE],
		   char ret_host[KEYD_CA_NAME_MAX]);

#endif /* CERT_TRANSIT_H */
