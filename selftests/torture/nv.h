/* SPDX-License-Identifier: GPL-2.0-only */
/* An NV index with its model, as several kinds of clients use one. */
#ifndef TORTURE_NV_H
#define TORTURE_NV_H

#include "client.h"

#define NV_DATA_SIZE 96
#define NV_AUTH	     "torture"

/**
 * struct nv - an index and what it must hold
 * @handle: of the index
 * @tr: ESYS's object, ESYS_TR_NONE while it is not defined
 * @auth: ESYS session that authorises
 * @written: it has a value
 * @count: value of a counter, or the least it may have at first
 * @data: value of an ordinary index
 */
struct nv {
	TPM2_HANDLE handle;
	ESYS_TR tr;
	ESYS_TR auth;
	bool written;
	u64 count;
	u8 data[NV_DATA_SIZE];
};

void nv_define(struct client *client, struct nv *nv, ESYS_TR hierarchy, TPMA_NV attributes);
void nv_undefine(struct client *client, struct nv *nv, ESYS_TR hierarchy);
void nv_increment(struct client *client, struct nv *nv);
void nv_write(struct client *client, struct nv *nv);
u64 nv_read_count(struct client *client, struct nv *nv);
void nv_verify(struct client *client, struct nv *nv);
void nv_verify_data(struct client *client, struct nv *nv);

#endif
