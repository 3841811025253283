/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Evidence of this host in one object (Documentation/bundle.yaml).
 *
 * The quote is made first, and the logs are read after it: so they hold at least what
 * the quoted PCRs hold. Bytes are passed on as they are; to judge them is the verifier's.
 */
#ifndef CLI_BUNDLE_H
#define CLI_BUNDLE_H

#include <jansson.h>

#include "cli/cli.h"
#include "wire/host_quote.h"

/** define BUNDLE_LOG_MAX - largest log that goes into a bundle, in bytes */
#define BUNDLE_LOG_MAX ((size_t)24 << 20)

/** define BUNDLE_PCRS - what is quoted where nobody wishes for less: all */
#define BUNDLE_PCRS 0xffffffu

/**
 * struct bundle_known - logs that a verifier knows of an earlier round
 * @boot_id: of the boot they are of; empty: it knows none
 * @eventlog: SHA-256 of the event log
 * @ima: bytes of the log of IMA, from its beginning
 */
struct bundle_known {
	char boot_id[37];
	uint8_t eventlog[32];
	size_t ima;
};

/**
 * struct bundle_wish - what it shall be about
 * @nonce: of the verifier
 * @pcrs: PCRs of the sha256 bank
 * @host: the host's id at the verifier; NULL for none
 * @certificate: of the attestation key, as base64url; NULL for none
 * @known: what may be left out
 * @share: the quote asks for the verifier's share of the host root key
 * @quote: that the host made already, as vtpmd wrote it; NULL: it is asked for one
 */
struct bundle_wish {
	uint8_t nonce[HOST_QUOTE_NONCE];
	uint32_t pcrs;
	const char *host;
	const char *certificate;
	struct bundle_known known;
	bool share;
	const json_t *quote;
};

/**
 * bundle_make() - collect it
 * @ret: set on success; the caller's
 *
 * A log that is not there is left out, and a person told so.
 *
 * Return: NULL, or the problem.
 */
json_t *bundle_make(const struct cli *cli, const struct bundle_wish *wish, json_t **ret);

/** bundle_nonce() - that of the command line, in @cli. Return: NULL, or the problem */
json_t *bundle_nonce(const struct cli *cli, uint8_t ret[HOST_QUOTE_NONCE]);

/** bundle_write() - to the file of the command line, or stdout. Return: NULL, or the problem */
json_t *bundle_write(const struct cli *cli, const json_t *bundle);

/** bundle_bytes() - bytes as base64url. Return: a new reference; NULL: no memory */
json_t *bundle_bytes(const uint8_t *bytes, size_t length);

/** bundle_hex() - hexadecimal digits, as vtpmd writes bytes, as base64url. Return: NULL: none */
json_t *bundle_hex(const json_t *object, const char *member);

/** bundle_digits() - the reverse. Return: NULL: it is no base64url, or of more than 1024 bytes */
json_t *bundle_digits(const json_t *object, const char *member);

/**
 * bundle_quote() - a quote as vtpmd writes it, as a bundle has it
 *
 * Return: a new reference; NULL: it is none.
 */
json_t *bundle_quote(const json_t *body);

/** bundle_identity() - who this host is, as members "ek" and "ak". Return: NULL, or the problem */
json_t *bundle_identity(const struct cli *cli, json_t **ret_ek, json_t **ret_ak);

/** bundle_unhex() - digits as bytes. Return: how many; -1: it is something else, or too long */
ssize_t bundle_unhex(const char *text, uint8_t *to, size_t room);

/**
 * bundle_vtpm() - a vTPM's own bundle
 * @nonce: of the verifier
 * @body: what vtpmd answered
 *
 * Return: a new reference; NULL: vtpmd is not understood.
 */
json_t *bundle_vtpm(const uint8_t *nonce, const json_t *body);

/**
 * bundle_deep() - how a host vouches for it, for the member "deep"
 * @deep: what vtpmd answered
 * @host: the host's bundle; its reference is taken
 *
 * Return: a new reference; NULL: vtpmd is not understood.
 */
json_t *bundle_deep(const json_t *deep, json_t *host);

/**
 * bundle_papers() - put certificates into a vTPM's bundle
 * @iak: of its attestation key
 * @ek: of its endorsement key, which is left out where the bundle does not have that key
 * @chain: between these and a root, left out likewise
 *
 * References are taken; NULL is one that is not there.
 */
void bundle_papers(json_t *bundle, json_t *iak, json_t *ek, json_t *chain);

/**
 * bundle_certificates() - put a vTPM's certificates into its bundle
 * @name: of the vTPM
 * @bundle: of it; those that are not there are left out
 */
void bundle_certificates(const struct cli *cli, const char *name, json_t *bundle);

/**
 * bundle_application() - put the key of --app-key into a vTPM's bundle
 *
 * Return: NULL, or the problem.
 */
json_t *bundle_application(const struct cli *cli, json_t *bundle);

#endif /* CLI_BUNDLE_H */
