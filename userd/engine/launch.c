// SPDX-License-Identifier: BSD-3-Clause
/*
 * The launch of a container, measured before its first command:
 *
 *	PCR	event		how				who else can
 *	---------------------------------------------------------------------------
 *	17	image		_TPM_Hash_Start, _Data, _End	nobody: locality 4
 *	18	configuration	TPM2_PCR_Event, locality 2	nobody: locality 2 and above
 *	8	image		TPM2_PCR_Event			every client
 *	9	configuration	TPM2_PCR_Event			every client
 *
 * Clients are at locality 0. PCRs 17 to 22 hold ones until a launch, which begins by setting
 * them to zero (Part 1, 34.3): who finds ones there knows that there was none. PCRs 8 and 9 are
 * for programs that look there alone; they say no more than 17 and 18, and are worth less.
 */
#include "engine/launch.h"

#include <errno.h>

#include "engine/order.h"
#include "engine/tpmlib.h"
#include "wire/command.h"
#include "wire/tpm.h"

#define IMAGE_PCR	  17
#define CONFIGURATION_PCR 18
#define IMAGE_COPY	  8
#define CONFIGURATION_COPY 9

static int dynamic_launch(const struct engine_event *event)
{
	if (tpmlib_hash_start() || tpmlib_hash_data(event->bytes, event->length) ||
	    tpmlib_hash_end())
		return -ENOTRECOVERABLE;
	return 0;
}

static int extend(uint8_t locality, uint32_t pcr, const struct engine_event *event)
{
	struct order order;

	order_begin(&order, TPM_ST_SESSIONS, TPM_CC_PCR_EVENT);
	order.locality = locality;
	cursor_put_u32(&order.out, pcr);
	order_put_password(&order);
	cursor_put_u16(&order.out, (uint16_t)event->length);
	cursor_put_raw(&order.out, event->bytes, event->length);
	return order_give(&order, TPM_RC_SUCCESS);
}

int engine_order_launch(const struct engine_launch *launch)
{
	int r;

	if (!launch->image.length)
		return 0;
	r = dynamic_launch(&launch->image);
	if (!r)
		r = extend(2, CONFIGURATION_PCR, &launch->configuration);
	if (!r)
		r = extend(0, IMAGE_COPY, &launch->image);
	if (!r)
		r = extend(0, CONFIGURATION_COPY, &launch->configuration);
	return r;
}
