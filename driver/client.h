/* SPDX-License-Identifier: GPL-2.0-only */
/* The files clients hold. */
#ifndef _VTPM_CLIENT_H
#define _VTPM_CLIENT_H

#include <linux/cdev.h>

#include "view.h"

/**
 * struct vtpm_client_node - what a client opens: /dev/vtpmN or /dev/vtpmrmN
 * @view: of the device; its last put puts the device
 * @cdev: its character device
 * @open: the raw node is open (bit 0)
 */
struct vtpm_client_node {
	struct vtpm_view view;
	struct cdev cdev;
	unsigned long open;
};

extern const struct file_operations vtpm_client_fops;

#endif /* _VTPM_CLIENT_H */
