/* SPDX-License-Identifier: GPL-2.0-only */
/* Front end "device": /dev/vtpmN and /dev/vtpmrmN. */
#ifndef _VTPM_NODE_H
#define _VTPM_NODE_H

#include "device.h"

extern const struct vtpm_front_end_ops vtpm_node_ops;

int vtpm_node_init(void);
void vtpm_node_exit(void);

#endif /* _VTPM_NODE_H */
