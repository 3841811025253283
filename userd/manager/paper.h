/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Papers: what is known of the certificates of one vTPM, one for each key that it is known by.
 *
 *	PENDING		there is none: it gets one at a power cycle, if its host has a CA
 *	ISSUED		it is in the TPM, and good
 *	STALE		it says another epoch than the vTPM is in now
 *	EXPIRED		its time is over
 *
 * All but ISSUED are asked for anew at the next power cycle, and so is what somebody wants to
 * have renewed. A certificate of the operator's own CA is written at a power cycle too. It says
 * no epoch and is never replaced unasked.
 *
 * The record is kept in the archive beside the envelope, but nothing vouches for it: what a
 * client finds in its TPM is what counts.
 */
#ifndef MANAGER_PAPER_H
#define MANAGER_PAPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/ipc.h"
#include "wire/ipc_engine.h"
#include "wire/ipc_keyd.h"

/** define PAPER_SENTENCE_SIZE - why there is no certificate, its ending NUL included */
#define PAPER_SENTENCE_SIZE 160

/** define PAPER_ALL - every kind of key, bit n: &enum keyd_cert_kind */
#define PAPER_ALL ((1u << _KEYD_CERT_KIND_MAX) - (1u << KEYD_CERT_EK_RSA_2048))

/** enum paper_state - see the top; the worst of several is the last */
enum paper_state {
	PAPER_ISSUED,
	PAPER_EXPIRED,
	PAPER_STALE,
	PAPER_PENDING,
	_PAPER_STATE_MAX,
};

/** struct paper_bytes - bytes of a paper; of no length: none */
struct paper_bytes {
	uint8_t *at;
	size_t length;
};

/**
 * struct paper - of one key
 * @public: TPMT_PUBLIC, as its engine said
 * @der: certificate that is in the TPM
 * @own: certificate of the operator's CA, to be written at the next power cycle
 * @source: whose @der is
 * @epoch: that the vTPM was in then
 * @until: last second it is good, since 1970
 * @renew: somebody wants a new one of the host's CA
 * @sentence: why there is none, or no newer one; empty otherwise
 */
struct paper {
	struct paper_bytes public;
	struct paper_bytes der;
	struct paper_bytes own;
	enum engine_cert_source source;
	uint64_t epoch;
	int64_t until;
	bool renew;
	char sentence[PAPER_SENTENCE_SIZE];
};

/** struct papers - of one vTPM, at their &enum keyd_cert_kind */
struct papers {
	struct paper of[_KEYD_CERT_KIND_MAX];
};

/** papers_free() - Return: NULL; NULL is fine */
struct papers *papers_free(struct papers *papers);

/** paper_state() - of a vTPM that is in @epoch @now */
enum paper_state paper_state(const struct paper *paper, uint64_t epoch, int64_t now);

/** papers_state() - the worst of all; PAPER_PENDING for NULL */
enum paper_state papers_state(const struct papers *papers, uint64_t epoch, int64_t now);

/** papers_wanted() - keys that are to get a certificate, bit n: &enum keyd_cert_kind */
uint32_t papers_wanted(const struct papers *papers, uint64_t epoch, int64_t now);

/** papers_wish() - write the end of ENGINE_CONFIG: @kinds, and certificates of the operator's */
void papers_wish(const struct papers *papers, uint32_t kinds, struct ipc_out *out);

/**
 * papers_learn() - read ENGINE_CERTIFIED
 * @papers: what is known so far; changed only on success
 * @epoch: that the vTPM is in
 *
 * Return: 0; -EPROTO (it is none); -ENOMEM.
 */
int papers_learn(struct papers *papers, uint64_t epoch, struct ipc_in *in);

/** paper_set() - replace bytes of a paper by a copy, or by none. Return: 0 or -ENOMEM */
int paper_set(struct paper_bytes *to, const void *at, size_t length);

/**
 * papers_pack() - as they are stored
 * @ret: allocated
 * @ret_length: bytes of it
 *
 * Return: 0 or -ENOMEM.
 */
int papers_pack(const struct papers *papers, uint8_t **ret, size_t *ret_length);

/**
 * papers_unpack() - read what papers_pack() made
 * @ret: set on success; for papers_free()
 *
 * Return: 0; -EBADMSG (it is something else); -ENOMEM.
 */
int papers_unpack(const uint8_t *bytes, size_t length, struct papers **ret);

#endif /* MANAGER_PAPER_H */
