/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The recovery code, and the recovery record it opens.
 *
 * The code is the private half of a key pair on P-256, in a form people can write
 * down; the record is a box (seal/box.h) with the host root key for its public half.
 * vtpmctl makes the pair and shows the code once; the daemons only ever see the public
 * half and the record. Who has the code opens the record on a machine of their choice.
 *
 *	code	32 bytes of the private half | CRC-16 of them, as 55 digits of
 *		Crockford's base32 in 11 groups of 5, joined by '-'
 *
 * Reading is forgiving: either case, O for 0, I and L for 1, blanks and dashes
 * anywhere. The CRC finds every wrong digit and every two that changed places, and mostly
 * tells the group as well.
 */
#ifndef SEAL_RECOVERY_H
#define SEAL_RECOVERY_H

#include "seal/crypto.h"

#define RECOVERY_GROUPS	    11
#define RECOVERY_GROUP_SIZE 5

/** define RECOVERY_TEXT_SIZE - the code as text, its ending NUL included */
#define RECOVERY_TEXT_SIZE (RECOVERY_GROUPS * (RECOVERY_GROUP_SIZE + 1))

/** define RECOVERY_RECORD_SIZE - a box with a root key */
#define RECOVERY_RECORD_SIZE (1 + SEAL_POINT_SIZE + SEAL_KEY_SIZE + SEAL_TAG_SIZE)

/**
 * recovery_code_new() - make a code
 * @ret_point: its public half, for KEYD_INIT
 * @ret_text: it; the caller shows and wipes it
 *
 * Return: 0; -EIO (no entropy).
 */
int recovery_code_new(uint8_t ret_point[SEAL_POINT_SIZE], char ret_text[RECOVERY_TEXT_SIZE]);

/** recovery_code_format() - write a private half as text; the caller wipes it */
void recovery_code_format(const uint8_t scalar[SEAL_SCALAR_SIZE],
			  char ret_text[RECOVERY_TEXT_SIZE]);

/**
 * recovery_code_parse() - read what a person typed
 * @text: it
 * @ret_scalar: private half, set on success; the caller wipes it
 * @ret_group: group that looks wrong, counted from 1; 0: cannot tell. Set in any case
 *
 * Return: 0; -EINVAL (a character that no code has, or not 55 digits); -EBADMSG (the
 * checksum fails).
 */
int recovery_code_parse(const char *text, uint8_t ret_scalar[SEAL_SCALAR_SIZE],
			unsigned int *ret_group);

/**
 * recovery_make() - make a recovery record
 * @point: public half of the code
 * @root: host root key
 * @ret: record
 *
 * Return: 0; -EINVAL (@point is no point of the curve); -EIO.
 */
int recovery_make(const uint8_t point[SEAL_POINT_SIZE], const uint8_t root[SEAL_KEY_SIZE],
		  uint8_t ret[RECOVERY_RECORD_SIZE]);

/**
 * recovery_open() - take the host root key out of a record
 * @record: as KEYD_RECOVERY returned it
 * @scalar: of the code
 * @ret_root: host root key; the caller boxes it to keyd's session key and wipes it
 *
 * Return: 0; -EKEYREJECTED (a code of another host, or of an earlier init, or a broken
 * record); -EIO.
 */
int recovery_open(struct seal_bytes record, const uint8_t scalar[SEAL_SCALAR_SIZE],
		  uint8_t ret_root[SEAL_KEY_SIZE]);

#endif /* SEAL_RECOVERY_H */
