// SPDX-License-Identifier: BSD-3-Clause
/*
 * Orders: commands that the engine itself gives its TPM, before the first
 * client, after the last one, and when the audit list may have changed.
 *
 * They go through tpmlib_run() like any other, at locality 0.
 */
#include "engine/order.h"

#include <errno.h>

#include "base/secret.h"
#include "engine/engine.h"
#include "engine/entropy.h"
#include "engine/tpmlib.h"
#include "wire/command.h"
#include "wire/tpm.h"

void order_begin(struct order *order, uint16_t tag, uint32_t code)
{
	order->locality = 0;
	order->out = cursor_out(order->bytes, sizeof(order->bytes));
	cursor_put_u16(&order->out, tag);
	cursor_put_u32(&order->out, 0);
	cursor_put_u32(&order->out, code);
}

void order_put_password(struct order *order)
{
	cursor_put_u32(&order->out, 9);
	cursor_put_u32(&order->out, TPM_RS_PW);
	cursor_put_u16(&order->out, 0);
	cursor_put_u8(&order->out, 0);
	cursor_put_u16(&order->out, 0);
}

int order_ask(struct order *order, uint32_t *ret)
{
	int r;

	cursor_patch_u32(&order->out, 2, (uint32_t)order->out.used);
	if (order->out.bad)
		return -ENOTRECOVERABLE;
	r = tpmlib_run(order->locality, order->bytes, order->out.used, order->response,
		       sizeof(order->response), &order->length);
	secret_wipe(order->bytes, sizeof(order->bytes));
	if (r)
		return r;
	*ret = tpm_response_code(order->response, order->length);
	return 0;
}

int order_give(struct order *order, uint32_t also)
{
	uint32_t rc;
	int r = order_ask(order, &rc);

	if (r)
		return r;
	return rc == TPM_RC_SUCCESS || rc == also ? 0 : -ENOTRECOVERABLE;
}

int engine_order_startup(void)
{
	struct order order;

	order_begin(&order, TPM_ST_NO_SESSIONS, TPM_CC_STARTUP);
	cursor_put_u16(&order.out, TPM_SU_CLEAR);
	return order_give(&order, TPM_RC_SUCCESS);
}

int engine_order_shutdown(void)
{
	struct order order;

	order_begin(&order, TPM_ST_NO_SESSIONS, TPM_CC_SHUTDOWN);
	cursor_put_u16(&order.out, TPM_SU_CLEAR);
	return order_give(&order, TPM_RC_INITIALIZE);
}

int engine_order_platform_auth(void)
{
	uint8_t auth[ENTROPY_SIZE];
	struct order order;

	if (entropy_draw(auth))
		return -ENOTRECOVERABLE;
	order_begin(&order, TPM_ST_SESSIONS, TPM_CC_HIERARCHY_CHANGE_AUTH);
	cursor_put_u32(&order.out, TPM_RH_PLATFORM);
	order_put_password(&order);
	cursor_put_u16(&order.out, sizeof(auth));
	cursor_put_raw(&order.out, auth, sizeof(auth));
	secret_wipe(auth, sizeof(auth));
	return order_give(&order, TPM_RC_SUCCESS);
}

int engine_order_stir(void)
{
	uint8_t entropy[ENTROPY_SIZE];
	struct order order;

	if (entropy_draw(entropy))
		return -ENOTRECOVERABLE;
	order_begin(&order, TPM_ST_NO_SESSIONS, TPM_CC_STIR_RANDOM);
	cursor_put_u16(&order.out, sizeof(entropy));
	cursor_put_raw(&order.out, entropy, sizeof(entropy));
	secret_wipe(entropy, sizeof(entropy));
	return order_give(&order, TPM_RC_INITIALIZE);
}

int engine_order_audits(bool *ret_audits)
{
	struct order order;
	struct cursor_in in;
	uint32_t count;
	int r;

	/* Part 3, 30.2: capability, property, propertyCount */
	order_begin(&order, TPM_ST_NO_SESSIONS, TPM_CC_GET_CAPABILITY);
	cursor_put_u32(&order.out, TPM_CAP_AUDIT_COMMANDS);
	cursor_put_u32(&order.out, 0);
	cursor_put_u32(&order.out, 256);
	r = order_give(&order, TPM_RC_INITIALIZE);
	if (r)
		return r;
	*ret_audits = false;
	if (tpm_response_code(order.response, order.length) == TPM_RC_INITIALIZE)
		return 0;

	/* moreData, capability, TPML_CC (Part 2, 10.9.1) */
	in = cursor_in(order.response, order.length);
	cursor_get_bytes(&in, TPM_HEAD_SIZE);
	*ret_audits = cursor_get_u8(&in) != 0;
	cursor_get_u32(&in);
	for (count = cursor_get_u32(&in); count && !in.bad; count--) {
		const struct command_attributes *row = command_find(cursor_get_u32(&in));

		if (row && (row->flags & (COMMAND_READ_ONLY | COMMAND_USES_KEY)))
			*ret_audits = true;
	}
	return cursor_ended(&in) ? 0 : -ENOTRECOVERABLE;
}
