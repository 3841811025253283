/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A key that another key of the same TPM certified (TPM2_Certify): what the TPM said of it, who
 * signed that, and that both keys are below the same parent.
 *
 * The message has a name and a qualified name. The name says all of the public area, so the
 * area that was shown is the key's. The qualified names of both keys are made from the parent's:
 * where they are not those that its public area comes to, one of the keys is somewhere else.
 */
#ifndef ATTEST_CERTIFIED_H
#define ATTEST_CERTIFIED_H

#include "attest/public.h"

/** define CERTIFIED_OWNER - TPM_RH_OWNER (Part 2, 7.4): the hierarchy of a storage key */
#define CERTIFIED_OWNER 0x40000001

/**
 * struct certified - what was shown
 * @key: TPMT_PUBLIC or TPM2B_PUBLIC of the key
 * @parent: of the storage key, a primary key of the owner's hierarchy
 * @ak: of the key that signed
 * @message: TPMS_ATTEST
 * @signature: TPMT_SIGNATURE
 * @about: extraData it has to have
 */
struct certified {
	struct hash_part key;
	struct hash_part parent;
	struct hash_part ak;
	struct hash_part message;
	struct hash_part signature;
	struct hash_part about;
};

/**
 * certified_check() - is it true?
 * @ret: the key; points into what was shown
 * @hash: computes
 *
 * Return: NULL; why not.
 */
const char *certified_check(const struct certified *certified, struct hash *hash,
			    struct public *ret);

/**
 * certified_vouches() - did this key say that the other one is in its TPM?
 * @by: who signed; its own place is known for another reason
 * @message: TPMS_ATTEST
 * @signature: TPMT_SIGNATURE, not with SHA-1
 * @name: of the other key
 *
 * What it was asked for (extraData) is not looked at.
 */
bool certified_vouches(const struct public *by, struct hash_part message,
		       struct hash_part signature, const struct public_name *name);

/**
 * certified_issues() - may it sign for a host's CA?
 *
 * P-256, made in the TPM, never leaves it, signs only, under a policy and never by its authValue
 * alone.
 *
 * Return: NULL; why not.
 */
const char *certified_issues(const struct public *key);

#endif /* ATTEST_CERTIFIED_H */
