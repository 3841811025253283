// SPDX-License-Identifier: BSD-3-Clause
/*
 * Certificates in NV indexes; see the header.
 *
 *	NV_ReadPublic			is it there, and whose is it?
 *	NV_UndefineSpace		the former one, if it was the platform's
 *	NV_DefineSpace, NV_Write ...	of exactly the certificate's size
 *	NV_WriteLock			until somebody with platformAuth undefines it
 *
 * All of it is between two power-ons, before the first client (manufacture.c), and durable with
 * the unit that is published then: a client finds the former certificate or this one.
 */
#include "engine/certificate.h"

#include <errno.h>

#include "engine/order.h"
#include "wire/command.h"
#include "wire/tpm.h"

/* Part 2, 6.5.2 TPM_CC */
#define TPM_CC_NV_UNDEFINE_SPACE 0x122
#define TPM_CC_NV_DEFINE_SPACE	 0x12a
#define TPM_CC_NV_WRITE		 0x137
#define TPM_CC_NV_WRITE_LOCK	 0x138
#define TPM_CC_NV_READ_PUBLIC	 0x169

/* Part 2, 6.3 TPM_ALG_ID */
#define TPM_ALG_SHA256 0x000b

/* Part 2, 6.6.2 TPM_RC: TPM_RC_HANDLE of the first handle */
#define TPM_RC_HANDLE_1 0x18b

/* Part 2, 13.4 TPMA_NV: what is asked for, and what the TPM adds itself. */
#define NV_PPWRITE	  (1u << 0)
#define NV_WRITEDEFINE	  (1u << 13)
#define NV_PPREAD	  (1u << 16)
#define NV_OWNERREAD	  (1u << 17)
#define NV_AUTHREAD	  (1u << 18)
#define NV_NO_DA	  (1u << 25)
#define NV_PLATFORMCREATE (1u << 30)
#define NV_ATTRIBUTES                                                                      \
	(NV_PPWRITE | NV_WRITEDEFINE | NV_PPREAD | NV_OWNERREAD | NV_AUTHREAD | NV_NO_DA | \
	 NV_PLATFORMCREATE)

/* So much at a time: with its head and its password it fits an order. */
#define PIECE 384

static const uint32_t indexes[_KEYD_CERT_KIND_MAX] = {
	[KEYD_CERT_EK_RSA_2048] = 0x01c00002,
	[KEYD_CERT_EK_P256] = 0x01c0000a,
	[KEYD_CERT_EK_P384] = 0x01c00016,
	[KEYD_CERT_IAK] = 0x01c90100,
};

/* Return: 0; CERTIFICATE_REFUSED; -ENOTRECOVERABLE */
static int give(struct order *order)
{
	uint32_t rc;
	int r = order_ask(order, &rc);

	if (r)
		return r;
	return rc ? CERTIFICATE_REFUSED : 0;
}

/* The platform does this to this index, with its empty password. */
static void begin(struct order *order, uint32_t code, uint32_t index)
{
	order_begin(order, TPM_ST_SESSIONS, code);
	cursor_put_u32(&order->out, TPM_RH_PLATFORM);
	cursor_put_u32(&order->out, index);
	order_put_password(order);
}

/* Part 3, 31.6. Return: 0, @ret: its attributes, 0: it is not there; CERTIFICATE_REFUSED; ... */
static int look(uint32_t index, uint32_t *ret)
{
	struct cursor_in in;
	struct order order;
	uint32_t rc;
	int r;

	order_begin(&order, TPM_ST_NO_SESSIONS, TPM_CC_NV_READ_PUBLIC);
	cursor_put_u32(&order.out, index);
	r = order_ask(&order, &rc);
	*ret = 0;
	if (r || rc)
		return r || rc == TPM_RC_HANDLE_1 ? r : CERTIFICATE_REFUSED;
	/* TPM2B_NV_PUBLIC (Part 2, 13.6): size, nvIndex, nameAlg, attributes */
	in = cursor_in(order.response, order.length);
	cursor_get_bytes(&in, TPM_HEAD_SIZE + 2 + 4 + 2);
	*ret = cursor_get_u32(&in);
	return in.bad ? -ENOTRECOVERABLE : 0;
}

/* Part 3, 31.4 */
static int undefine(uint32_t index)
{
	struct order order;

	begin(&order, TPM_CC_NV_UNDEFINE_SPACE, index);
	return give(&order);
}

/* Part 3, 31.3 */
static int define(uint32_t index, size_t size)
{
	struct order order;

	order_begin(&order, TPM_ST_SESSIONS, TPM_CC_NV_DEFINE_SPACE);
	cursor_put_u32(&order.out, TPM_RH_PLATFORM);
	order_put_password(&order);
	cursor_put_u16(&order.out, 0); /* auth */
	cursor_put_u16(&order.out, 4 + 2 + 4 + 2 + 2);
	cursor_put_u32(&order.out, index);
	cursor_put_u16(&order.out, TPM_ALG_SHA256);
	cursor_put_u32(&order.out, NV_ATTRIBUTES);
	cursor_put_u16(&order.out, 0); /* authPolicy */
	cursor_put_u16(&order.out, (uint16_t)size);
	return give(&order);
}

/* Part 3, 31.7 */
static int write(uint32_t index, const uint8_t *bytes, size_t length)
{
	struct order order;
	int r = 0;

	for (size_t at = 0, piece; !r && at < length; at += piece) {
		piece = length - at < PIECE ? length - at : PIECE;
		begin(&order, TPM_CC_NV_WRITE, index);
		cursor_put_u16(&order.out, (uint16_t)piece);
		cursor_put_raw(&order.out, bytes + at, piece);
		cursor_put_u16(&order.out, (uint16_t)at);
		r = give(&order);
	}
	return r;
}

/* Part 3, 31.11 */
static int lock(uint32_t index)
{
	struct order order;

	begin(&order, TPM_CC_NV_WRITE_LOCK, index);
	return give(&order);
}

int certificate_write(enum keyd_cert_kind kind, const uint8_t *der, size_t length)
{
	uint32_t index = indexes[kind], attributes;
	int r;

	if (length > CERTIFICATE_MAX)
		return CERTIFICATE_REFUSED;
	r = look(index, &attributes);
	if (r)
		return r;
	if (attributes && !(attributes & NV_PLATFORMCREATE))
		return CERTIFICATE_OCCUPIED;
	if (attributes)
		r = undefine(index);
	if (!r)
		r = define(index, length);
	if (!r)
		r = write(index, der, length);
	return r ? r : lock(index);
}
