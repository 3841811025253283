/* SPDX-License-Identifier: GPL-2.0 */
/* A client of a TPM that holds keys and sessions, as bytes. */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include "reach.h"

#define CLIENT_KEYS 3

/* Of client_begin_nv(). */
#define CLIENT_NV_INDEX 0x01500200

/**
 * struct client - who holds three keys, an HMAC session and a policy session
 * @reach: its way to the TPM
 * @keys: handles
 * @hmac: handle of the HMAC session
 * @nonce: the TPM's last one in it
 * @policy: handle of the policy session
 * @index: of its NV counter; the one behind it is ordinary
 * @signature: of the last Sign, as VerifySignature wants it
 * @signature_size: its bytes
 * @command: the one to run next
 * @size: its bytes
 * @response: to the last command
 * @turn: makes each NV_Write another one
 */
struct client {
	const struct reach *reach;
	uint32_t keys[CLIENT_KEYS];
	uint32_t hmac;
	uint8_t nonce[32];
	uint32_t policy;
	uint32_t index;
	uint8_t signature[128];
	size_t signature_size;
	uint8_t command[REACH_MAX];
	size_t size;
	uint8_t response[REACH_MAX];
	uint8_t turn;
};

void client_begin(struct client *client, const struct reach *reach, int number);
void client_begin_key(struct client *client, const struct reach *reach, int number);
/* No keys: an ordinary index of 32 bytes, and others so that the TPM's state has some 6 KB. */
void client_begin_nv(struct client *client, const struct reach *reach);
void client_run(struct client *client, const char *what);

/* Each makes @command; client_run() runs it. */
void client_get_random(struct client *client);
void client_policy_pcr(struct client *client);
void client_nv_read(struct client *client);
void client_nv_write(struct client *client);
void client_nv_increment(struct client *client);
void client_pcr_read(struct client *client);
void client_pcr_extend(struct client *client);
void client_pcr_extend_hmac(struct client *client);
void client_sign(struct client *client);
void client_verify(struct client *client);

/* Runs it, too. */
void client_restart_policy(struct client *client);

#endif
