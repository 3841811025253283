/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The head of a TPM command and of a TPM response (Part 1, 18; Part 3, 5).
 *
 *	command:  tag u16 | commandSize u32 | commandCode u32 | ...
 *	response: tag u16 | responseSize u32 | responseCode u32 | ...
 *
 * Response codes are data: they travel as uint32_t, never as an errno.
 */
#ifndef WIRE_TPM_H
#define WIRE_TPM_H

#include <stddef.h>
#include <stdint.h>

#define TPM_HEAD_SIZE 10

/* Part 2, 6.9 TPM_ST */
#define TPM_ST_NO_SESSIONS 0x8001
#define TPM_ST_SESSIONS	   0x8002

/* Part 2, 6.6.3 TPM_RC; those of format one are completed by P or a number (6.6.2) */
#define TPM_RC_SUCCESS	       0x000
#define TPM_RC_BAD_TAG	       0x01e
#define TPM_RC_HANDLE	       0x08b
#define TPM_RC_SIZE	       0x095
#define TPM_RC_P	       0x040
#define TPM_RC_1	       0x100
#define TPM_RC_INITIALIZE      0x100
#define TPM_RC_FAILURE	       0x101
#define TPM_RC_COMMAND_SIZE    0x142
#define TPM_RC_COMMAND_CODE    0x143
#define TPM_RC_AUTHSIZE	       0x144
#define TPM_RC_AUTH_CONTEXT    0x145
#define TPM_RC_CANCELED	       0x909
#define TPM_RC_CONTEXT_GAP     0x901
#define TPM_RC_OBJECT_MEMORY   0x902
#define TPM_RC_SESSION_MEMORY  0x903
#define TPM_RC_MEMORY	       0x904
#define TPM_RC_SESSION_HANDLES 0x905
#define TPM_RC_REFERENCE_H0    0x910
#define TPM_RC_REFERENCE_S0    0x918
#define TPM_RC_LOCKOUT	       0x921
#define TPM_RC_RETRY	       0x922
#define TPM_RC_NV_UNAVAILABLE  0x923

/* TSS 2.0 Overview and Common Structures, 3.12: who says it */
#define TPM_RC_LAYER_RESMGR (11u << 16)

/* Part 2, 7.2 TPM_HT: the upper byte of a handle */
#define TPM_HT(handle)	      ((handle) >> 24)
#define TPM_HT_HMAC_SESSION   0x02
#define TPM_HT_LOADED_SESSION 0x02
#define TPM_HT_POLICY_SESSION 0x03
#define TPM_HT_SAVED_SESSION  0x03
#define TPM_HT_TRANSIENT      0x80

/* Part 2, 6.3 TPM_ALG_ID */
#define TPM_ALG_ECDAA 0x001a

/* Part 2, 7.4 TPM_RH */
#define TPM_RS_PW	0x40000009
#define TPM_RH_PLATFORM 0x4000000c

/* Part 2, 6.9 TPM_SU */
#define TPM_SU_CLEAR 0x0000

/* Part 2, 6.12 TPM_CAP */
#define TPM_CAP_HANDLES	       0x00000001
#define TPM_CAP_COMMANDS       0x00000002
#define TPM_CAP_AUDIT_COMMANDS 0x00000004

/* Part 2, 8.4 TPMA_SESSION */
#define TPMA_SESSION_CONTINUE 0x01
#define TPMA_SESSION_AUDIT    0x80

/**
 * struct tpm_command - a command whose head is sound
 * @bytes: the whole command, not owned
 * @size: bytes of it
 * @tag: TPM_ST_NO_SESSIONS or TPM_ST_SESSIONS
 * @code: TPM_CC
 */
struct tpm_command {
	const uint8_t *bytes;
	size_t size;
	uint16_t tag;
	uint32_t code;
};

/**
 * tpm_command_parse() - check the head of a command
 * @bytes: command as received, not owned, must outlive @ret
 * @length: bytes received
 * @ret: set on TPM_RC_SUCCESS only
 *
 * Return: TPM_RC_SUCCESS; otherwise what a TPM answers (Part 3, 5.2):
 * TPM_RC_COMMAND_SIZE (commandSize is not @length, or no whole head),
 * TPM_RC_BAD_TAG.
 */
uint32_t tpm_command_parse(const uint8_t *bytes, size_t length, struct tpm_command *ret);

/**
 * tpm_response_error() - write the response that says @rc and nothing else
 * @to: room for TPM_HEAD_SIZE bytes
 * @rc: response code, not TPM_RC_SUCCESS
 *
 * Return: its size, always TPM_HEAD_SIZE.
 */
size_t tpm_response_error(uint8_t *to, uint32_t rc);

/**
 * tpm_response_code() - the code in a response's head
 *
 * Return: TPM_RC_FAILURE where @bytes has no whole head or states another size.
 */
uint32_t tpm_response_code(const uint8_t *bytes, size_t length);

#endif /* WIRE_TPM_H */
