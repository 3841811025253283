/* SPDX-License-Identifier: GPL-2.0-only */
/* A device in sysfs: /sys/class/vtpm. */
#ifndef _VTPM_VIEW_H
#define _VTPM_VIEW_H

#include <linux/device.h>

#include "device.h"

/**
 * struct vtpm_view - a device as one member of the class shows it
 * @dev: in the driver model; its last put puts the device
 * @device: the device
 * @kind: &enum vtpm_node
 */
struct vtpm_view {
	struct device dev;
	struct vtpm_device *device;
	u8 kind;
};

int vtpm_view_init(struct vtpm_view *view, struct vtpm_device *device, u8 kind, dev_t devt);
int vtpm_view_own(struct vtpm_view *view);
void vtpm_view_changed(struct vtpm_view *view);

int vtpm_view_class_init(void);
void vtpm_view_class_exit(void);

#endif /* _VTPM_VIEW_H */
