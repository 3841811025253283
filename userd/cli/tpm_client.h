/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client of one vTPM, for what vtpmctl asks it for itself: one command at a time, over the
 * device that has a resource manager, or over the socket.
 */
#ifndef CLI_TPM_CLIENT_H
#define CLI_TPM_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/cursor.h"
#include "seal/reason.h"

/** define TPM_STRUCTURE_MAX - largest structure that is taken out of a response, in bytes */
#define TPM_STRUCTURE_MAX 1024

/** struct tpm_bytes - a structure, as the TPM wrote it */
struct tpm_bytes {
	uint8_t at[TPM_STRUCTURE_MAX];
	size_t length;
};

/**
 * struct tpm_client - a connection
 * @path: device or socket
 * @fd: open; -1: not
 * @bytes: the command
 * @out: writer over it
 * @answer: to it
 * @length: bytes of that
 * @in: walks over the answer behind its head
 * @reason: why something failed
 */
struct tpm_client {
	const char *path;
	int fd;
	uint8_t bytes[1536];
	struct cursor_out out;
	uint8_t answer[4096];
	size_t length;
	struct cursor_in in;
	struct reason *reason;
};

/** tpm_client_path() - where clients of a vTPM, as vtpmd shows it, get in. Return: NULL: nowhere */
const char *tpm_client_path(const json_t *vtpm);

/** tpm_client_open() - connect. Return: 0; -errno, with a reason */
int tpm_client_open(struct tpm_client *client);

/** tpm_client_begin() - write the head of a command (Part 1, 18) */
void tpm_client_begin(struct tpm_client *client, uint16_t tag, uint32_t code);

/** tpm_client_password() - write an area of one empty password (Part 2, 10.13.2) */
void tpm_client_password(struct tpm_client *client);

/**
 * tpm_client_give() - have the vTPM execute it
 * @doing: what the command is to do, for the reason
 *
 * Return: 0, @in is behind the head; -ENOTSUP (it refuses); -ETIMEDOUT; -EPROTO; -errno.
 */
int tpm_client_give(struct tpm_client *client, const char *doing);

/** tpm_client_nonsense() - the answer is none. Return: -EPROTO, with a reason */
int tpm_client_nonsense(struct tpm_client *client, const char *what);

/** tpm_client_keep() - copy bytes out of an answer; too many make it bad */
void tpm_client_keep(struct tpm_client *client, struct cursor_in *in, size_t length,
		     struct tpm_bytes *ret);

/** tpm_client_keep_sized() - a TPM2B, its size included */
void tpm_client_keep_sized(struct tpm_client *client, struct tpm_bytes *ret);

/** tpm_client_ak() - load the attestation key, from its template. Return: as tpm_client_give() */
int tpm_client_ak(struct tpm_client *client, struct tpm_bytes *ret, uint32_t *ret_handle);

/** tpm_client_flush() - take a key out of the vTPM */
void tpm_client_flush(struct tpm_client *client, uint32_t handle);

#endif /* CLI_TPM_CLIENT_H */
