/* SPDX-License-Identifier: GPL-2.0-only */
/* Front end "device": /dev/vtpmN and /dev/vtpmrmN. */
#ifndef _VTPM_CLIENT_H
#define _VTPM_CLIENT_H

#include "device.h"

extern const struct vtpm_front_end_ops vtpm_client_ops;

int vtpm_client_init(void);
void vtpm_client_exit(void);

#endif /* _VTPM_CLIENT_H */
