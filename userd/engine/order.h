/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How orders are made: for orders.c, launch.c, manufacture.c, identity.c and
 * certificate.c. They go through tpmlib_run()
 * like any client's command, at locality 0 unless somebody asks for another one.
 */
#ifndef ENGINE_ORDER_H
#define ENGINE_ORDER_H

#include <stddef.h>
#include <stdint.h>

#include <linux/vtpm.h>

#include "base/cursor.h"

/**
 * struct order - a command in the making, and its response
 * @bytes: the command; wiped when it has been given
 * @out: writer over it
 * @locality: where it comes from
 * @response: response
 * @length: bytes of it
 */
struct order {
	uint8_t bytes[512];
	struct cursor_out out;
	uint8_t locality;
	uint8_t response[VTPM_COMMAND_SIZE];
	size_t length;
};

/** order_begin() - write the head of a command (Part 1, 18), at locality 0 */
void order_begin(struct order *order, uint16_t tag, uint32_t code);

/** order_put_password() - write an area of one empty password (Part 2, 10.13.2) */
void order_put_password(struct order *order);

/**
 * order_ask() - have the TPM execute it, whatever it responds
 * @order: begun, with all its parameters
 * @ret: response code
 *
 * Return: 0; -ENOTRECOVERABLE (failure mode).
 */
int order_ask(struct order *order, uint32_t *ret);

/**
 * order_give() - have the TPM execute it
 * @order: begun, with all its parameters
 * @also: response code that is as good as TPM_RC_SUCCESS
 *
 * Return: 0; -ENOTRECOVERABLE (another response, or failure mode).
 */
int order_give(struct order *order, uint32_t also);

#endif /* ENGINE_ORDER_H */
