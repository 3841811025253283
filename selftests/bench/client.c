// SPDX-License-Identifier: GPL-2.0
/*
 * A client of a TPM that holds keys and sessions, as bytes: what a library computes beside
 * a command would be measured with it.
 *
 * Numbers in comments are of the TPM 2.0 Library, Part 3.
 */
#include "client.h"

#include <err.h>
#include <string.h>

#include <openssl/hmac.h>
#include <openssl/sha.h>

#define TPM_ALG_SHA256 0x000b
#define TPM_ALG_NULL   0x0010
#define TPM_ALG_ECDSA  0x0018
#define TPM_ALG_ECC    0x0023
#define TPM_RH_OWNER   0x40000001
#define TPM_RH_NULL    0x40000007
#define TPM_RS_PW      0x40000009
#define NO_SESSIONS    0x8001
#define SESSIONS       0x8002
#define PCR	       16

static void put(struct client *client, const void *bytes, size_t size)
{
	memcpy(client->command + client->size, bytes, size);
	client->size += size;
}

static void put8(struct client *client, uint8_t value)
{
	client->command[client->size++] = value;
}

static void put16(struct client *client, uint16_t value)
{
	put8(client, value >> 8);
	put8(client, value);
}

static void put32(struct client *client, uint32_t value)
{
	put16(client, value >> 16);
	put16(client, value);
}

static void begin(struct client *client, uint16_t tag, uint32_t code)
{
	client->size = 0;
	put16(client, tag);
	put32(client, 0);
	put32(client, code);
}

static void end(struct client *client)
{
	size_t size = client->size;

	client->size = 2;
	put32(client, size);
	client->size = size;
}

static uint32_t get32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
}

void client_run(struct client *client, const char *what)
{
	size_t size = reach_run(client->reach, client->command, client->size, client->response);

	if (size < 10 || get32(client->response + 6))
		errx(1, "%s: %s: response code %#x", client->reach->name, what,
		     size < 10 ? 0 : get32(client->response + 6));
	/* The HMAC session's nonce: behind an empty list of parameters. */
	if (client->hmac && size >= 48 && client->command[9] == 0x82 && client->response[15] == 32)
		memcpy(client->nonce, client->response + 16, 32);
}

static void password(struct client *client)
{
	put32(client, 9);
	put32(client, TPM_RS_PW);
	put32(client, 0);
	put8(client, 0);
}

/* 24.1, TPM2_CreatePrimary: a P-256 key that signs; the same number, the same key. */
static uint32_t create_key(struct client *client, uint8_t number)
{
	size_t public;

	begin(client, SESSIONS, 0x131);
	put32(client, TPM_RH_OWNER);
	password(client);
	put16(client, 4);
	put32(client, 0);
	public = client->size;
	put16(client, 0);
	put16(client, TPM_ALG_ECC);
	put16(client, TPM_ALG_SHA256);
	put32(client, 0x00040472);
	put16(client, 0);
	put16(client, TPM_ALG_NULL);
	put16(client, TPM_ALG_ECDSA);
	put16(client, TPM_ALG_SHA256);
	put16(client, 3);
	put16(client, TPM_ALG_NULL);
	put16(client, 1);
	put8(client, number);
	put16(client, 0);
	client->command[public + 1] = client->size - public - 2;
	put16(client, 0);
	put32(client, 0);
	end(client);
	client_run(client, "CreatePrimary");
	return get32(client->response + 10);
}

/* 11.1, TPM2_StartAuthSession */
static uint32_t start_session(struct client *client, uint8_t type)
{
	uint8_t nonce[32] = { 1 };

	begin(client, NO_SESSIONS, 0x176);
	put32(client, TPM_RH_NULL);
	put32(client, TPM_RH_NULL);
	put16(client, sizeof(nonce));
	put(client, nonce, sizeof(nonce));
	put16(client, 0);
	put8(client, type);
	put16(client, TPM_ALG_NULL);
	put16(client, TPM_ALG_SHA256);
	end(client);
	client_run(client, "StartAuthSession");
	memcpy(client->nonce, client->response + 16, sizeof(client->nonce));
	return get32(client->response + 10);
}

/* 31.3, TPM2_NV_DefineSpace: for owner and holder of the authorisation, without lockout */
static void define(struct client *client, uint32_t index, uint32_t type, uint16_t size)
{
	begin(client, SESSIONS, 0x12a);
	put32(client, TPM_RH_OWNER);
	password(client);
	put16(client, 0);
	put16(client, 14);
	put32(client, index);
	put16(client, TPM_ALG_SHA256);
	put32(client, 0x02060006 | type << 4);
	put16(client, 0);
	put16(client, size);
	end(client);
	client_run(client, "NV_DefineSpace");
}

/* 31.7, TPM2_NV_Write */
static void nv_write(struct client *client, uint32_t index)
{
	uint8_t data[32] = { 42 };

	data[1] = client->turn++;
	begin(client, SESSIONS, 0x137);
	put32(client, TPM_RH_OWNER);
	put32(client, index);
	password(client);
	put16(client, sizeof(data));
	put(client, data, sizeof(data));
	put16(client, 0);
	end(client);
}

void client_begin_key(struct client *client, const struct reach *reach, int number)
{
	*client = (struct client){ .reach = reach };
	client->keys[0] = create_key(client, number);
}

void client_begin(struct client *client, const struct reach *reach, int number)
{
	*client = (struct client){ .reach = reach, .index = 0x01500100 + 2 * number };
	for (int i = 0; i < CLIENT_KEYS; i++)
		client->keys[i] = create_key(client, i);
	define(client, client->index, 1, 8);
	define(client, client->index + 1, 0, 32);
	client_nv_write(client);
	client_run(client, "NV_Write");
	client_nv_increment(client);
	client_run(client, "NV_Increment");
	client->policy = start_session(client, 1);
	client->hmac = start_session(client, 0);
	client_sign(client);
	client_run(client, "Sign");
	client->signature_size = get32(client->response + 10);
	memcpy(client->signature, client->response + 14, client->signature_size);
}

/* Defining is all: libtpms stores what an index has room for. */
void client_begin_nv(struct client *client, const struct reach *reach)
{
	*client = (struct client){ .reach = reach, .index = CLIENT_NV_INDEX };
	define(client, client->index + 1, 0, 32);
	define(client, client->index + 2, 0, 2048);
	define(client, client->index + 3, 0, 448);
}

void client_nv_write(struct client *client)
{
	nv_write(client, client->index + 1);
}

/* 16.1 */
void client_get_random(struct client *client)
{
	begin(client, NO_SESSIONS, 0x17b);
	put16(client, 16);
	end(client);
}

/* 23.7: of PCR 16, whatever it is */
void client_policy_pcr(struct client *client)
{
	static const uint8_t selection[] = { 0, 0, 0, 1, 0, TPM_ALG_SHA256, 3, 0, 0, 1 };

	begin(client, NO_SESSIONS, 0x17f);
	put32(client, client->policy);
	put16(client, 0);
	put(client, selection, sizeof(selection));
	end(client);
}

/* 11.2 */
void client_restart_policy(struct client *client)
{
	begin(client, NO_SESSIONS, 0x180);
	put32(client, client->policy);
	end(client);
	client_run(client, "PolicyRestart");
}

/* 31.13 */
void client_nv_read(struct client *client)
{
	begin(client, SESSIONS, 0x14e);
	put32(client, TPM_RH_OWNER);
	put32(client, client->index + 1);
	password(client);
	put16(client, 32);
	put16(client, 0);
	end(client);
}

/* 31.8 */
void client_nv_increment(struct client *client)
{
	begin(client, SESSIONS, 0x134);
	put32(client, TPM_RH_OWNER);
	put32(client, client->index);
	password(client);
	end(client);
}

/* 22.4 */
void client_pcr_read(struct client *client)
{
	static const uint8_t selection[] = { 0, 0, 0, 1, 0, TPM_ALG_SHA256, 3, 0, 0, 1 };

	begin(client, NO_SESSIONS, 0x17e);
	put(client, selection, sizeof(selection));
	end(client);
}

static const uint8_t extension[38] = { 0, 0, 0, 1, 0, TPM_ALG_SHA256, 1, 2, 3 };

/* 22.2 */
void client_pcr_extend(struct client *client)
{
	begin(client, SESSIONS, 0x182);
	put32(client, PCR);
	password(client);
	put(client, extension, sizeof(extension));
	end(client);
}

/*
 * The same, authorised by an HMAC (Part 1, 19.6): the session is not bound and not salted and the
 * PCR has no authorisation value, so the key is empty.
 */
void client_pcr_extend_hmac(struct client *client)
{
	static const uint8_t names[] = { 0, 0, 1, 0x82, 0, 0, 0, PCR };
	static const uint8_t nonce[32] = { 7 };
	uint8_t parameters[sizeof(names) + sizeof(extension)];
	uint8_t text[SHA256_DIGEST_LENGTH + 32 + 32 + 1];
	uint8_t mac[SHA256_DIGEST_LENGTH];

	memcpy(parameters, names, sizeof(names));
	memcpy(parameters + sizeof(names), extension, sizeof(extension));
	SHA256(parameters, sizeof(parameters), text);
	memcpy(text + 32, nonce, 32);
	memcpy(text + 64, client->nonce, 32);
	text[96] = 1;
	HMAC(EVP_sha256(), "", 0, text, sizeof(text), mac, NULL);

	begin(client, SESSIONS, 0x182);
	put32(client, PCR);
	put32(client, 4 + 2 + 32 + 1 + 2 + 32);
	put32(client, client->hmac);
	put16(client, 32);
	put(client, nonce, 32);
	put8(client, 1);
	put16(client, 32);
	put(client, mac, 32);
	put(client, extension, sizeof(extension));
	end(client);
}

/* 20.2: ECDSA over P-256 */
void client_sign(struct client *client)
{
	uint8_t digest[32] = { 3 };

	begin(client, SESSIONS, 0x15d);
	put32(client, client->keys[0]);
	password(client);
	put16(client, sizeof(digest));
	put(client, digest, sizeof(digest));
	put16(client, TPM_ALG_ECDSA);
	put16(client, TPM_ALG_SHA256);
	put16(client, 0x8024);
	put32(client, TPM_RH_NULL);
	put16(client, 0);
	end(client);
}

/* 20.1 */
void client_verify(struct client *client)
{
	uint8_t digest[32] = { 3 };

	begin(client, NO_SESSIONS, 0x177);
	put32(client, client->keys[0]);
	put16(client, sizeof(digest));
	put(client, digest, sizeof(digest));
	put(client, client->signature, client->signature_size);
	end(client);
}
